namespace LlamaVid.Model.Weights;

/// <summary>
/// One checkpoint: a single .bin/.pth/.safetensors file, or a directory with an index or one weight file. It knows every tensor's name,
/// shape and place; values stay in the mapped files until they are copied.
/// </summary>
/// <remarks>Copies of different tensors may run on several threads; opening and disposing may not run beside them.</remarks>
public sealed class CheckpointReader : IDisposable
{
    private readonly List<MappedFile> _files = [];
    private readonly Dictionary<string, StoredTensor> _stored = [];
    private readonly Dictionary<string, TensorEntry> _tensors = [];

    private CheckpointReader(string path) => Path = path;

    /// <summary>The file or folder that was opened.</summary>
    public string Path { get; }

    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <param name="fileOrDirectory">
    /// A file, or a folder; of a folder the first complete one of model.safetensors, model.safetensors.index.json, pytorch_model.bin and
    /// pytorch_model.bin.index.json is read, and with an index every shard it names.
    /// </param>
    /// <exception cref="CheckpointException">Something is missing, damaged, of another format, or contradicts the index.</exception>
    public static CheckpointReader Open(string fileOrDirectory)
    {
        var reader = new CheckpointReader(fileOrDirectory);
        try
        {
            var files = WeightFiles.At(fileOrDirectory);
            foreach (var file in files.Files) reader.Add(file);
            reader.RequirePromised(files);
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Straight from the file into <paramref name="destination"/>, block by block, converting on the way (to nearest, ties to even). Nothing
    /// of the tensor's size is held beside the destination.
    /// </summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <param name="destination">
    /// Contiguous, of the same shape, on any device; of any floating dtype, or the file's own, or int64 for whole numbers. On the meta device
    /// only these are checked.
    /// </param>
    /// <exception cref="CheckpointException">There is no such tensor, or its shape or dtype does not fit.</exception>
    public void CopyTo(string name, Tensor destination)
    {
        if (!_stored.TryGetValue(name, out var tensor)) throw new CheckpointException(Path, $"there is no tensor \"{name}\".");
        tensor.CopyTo(destination);
    }

    /// <summary>Bytes of a tensor in its file; <see cref="Tensors"/> has it.</summary>
    internal long BytesOf(string name) => _stored[name].Bytes;

    /// <summary>The tensor will be copied soon: the system may begin to read it.</summary>
    internal void Expect(string name) => _stored[name].Expect();

    public void Dispose() => _files.ForEach(file => file.Dispose());

    private void Add(string path)
    {
        var file = MappedFile.Open(path);
        _files.Add(file);
        foreach (var tensor in CheckpointFormat.Read(file))
        {
            var entry = tensor.Entry;
            if (!_tensors.TryAdd(entry.Name, entry))
                throw new CheckpointException(path, $"tensor \"{entry.Name}\" is here and also in {_tensors[entry.Name].File}; accepted: once.");
            _stored.Add(entry.Name, tensor);
        }
    }

    private void RequirePromised(WeightFiles files)
    {
        var broken = files.Promised.Where(promise => !_tensors.TryGetValue(promise.Key, out var entry) || entry.File != promise.Value).ToList();
        if (broken.Count == 0) return;
        var (name, file) = broken[0];
        var more = broken.Count == 1 ? "" : $", and {broken.Count - 1} more like that";
        throw new CheckpointException(files.Index!, $"it promises tensor \"{name}\" in {file}, which does not hold it{more}.");
    }
}
