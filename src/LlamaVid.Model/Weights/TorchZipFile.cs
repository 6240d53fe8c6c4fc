namespace LlamaVid.Model.Weights;

/// <summary>Finds the tensors of a PyTorch zip checkpoint: a pickle describes them, one entry holds each storage. Nothing is copied or run.</summary>
internal static class TorchZipFile
{
    private const string PickleEntry = "/data.pkl";
    private const int MostWrappers = 4;

    private static readonly string[] Wrappers = ["model", "state_dict", "module"];

    public static bool Resembles(MappedFile file) => file.Length >= 4 && file.Read(0, 4).SequenceEqual("PK\u0003\u0004"u8);

    /// <exception cref="CheckpointException">The archive is damaged, is not a dict of tensors, or needs something that is not supported.</exception>
    public static IReadOnlyList<StoredTensor> Read(MappedFile file)
    {
        var zip = new ZipDirectory(file);
        var root = FindRoot(file, zip);
        RequireLittleEndian(file, zip, root);
        var (offset, bytes) = zip.Find(root + PickleEntry);
        if (bytes > PickleReader.LargestBytes)
            throw file.Fault($"its data.pkl has {bytes} bytes; at most {PickleReader.LargestBytes} are accepted.");

        var tensors = new List<StoredTensor>();
        foreach (var (name, tensor) in TensorsOf(file, PickleReader.Read(file.Path, file.Read(offset, (int)bytes))))
        {
            var (start, length) = zip.Find($"{root}/data/{tensor.Storage.Key}");
            var size = Dtypes.SizeOf(tensor.Storage.Dtype ?? ScalarType.Byte);
            if (tensor.Storage.Count > length / size)
                throw file.Fault($"tensor \"{name}\" is in a storage of {tensor.Storage.Count} values whose entry has {length} bytes.");
            tensors.Add(new(file, name, tensor.Dtype, start, tensor.Storage.Count * size, tensor.Offset, tensor.Shape, tensor.Strides));
        }
        return tensors;
    }

    private static string FindRoot(MappedFile file, ZipDirectory zip)
    {
        var pickles = zip.Names.Where(name => name.EndsWith(PickleEntry, StringComparison.Ordinal)).ToList();
        if (pickles is not [var pickle])
            throw file.Fault($"the zip archive has {pickles.Count} entries \"NAME{PickleEntry}\" and so is no PyTorch checkpoint; accepted: one.");
        var root = pickle[..^PickleEntry.Length];
        if (zip.Contains($"{root}/constants.pkl"))
            throw file.Fault("the file is a TorchScript archive, which holds code; save torch.save(model.state_dict(), path) instead.");
        return root;
    }

    private static void RequireLittleEndian(MappedFile file, ZipDirectory zip, string root)
    {
        if (!zip.Contains($"{root}/byteorder")) return;
        var (offset, bytes) = zip.Find($"{root}/byteorder");
        if (!file.Read(offset, (int)Math.Min(bytes, 16)).SequenceEqual("little"u8))
            throw file.Fault("its byte order is not little-endian (big-endian?); load it and save it again on a little-endian machine.");
    }

    /// <summary>The tensors of a dict by name, opened where training programs wrap theirs. Other values are ignored.</summary>
    private static List<(string Name, PickledTensor Tensor)> TensorsOf(MappedFile file, object? value)
    {
        var dict = value as PickledDict;
        for (var depth = 0; depth < MostWrappers && dict is not null && Wrapped(dict) is { } inner; depth++) dict = inner;
        var tensors = dict?.Items.Where(item => item is (string, PickledTensor)).Select(item => ((string)item.Key!, (PickledTensor)item.Value!)).ToList();
        return tensors is [_, ..] ? tensors
            : throw file.Fault("it holds no dict of tensors; accepted: a state_dict, also under \"model\", \"state_dict\" or \"module\".");
    }

    private static PickledDict? Wrapped(PickledDict dict) =>
        Wrappers.Select(name => dict.Items.Find(item => name.Equals(item.Key)).Value).OfType<PickledDict>().FirstOrDefault();
}
