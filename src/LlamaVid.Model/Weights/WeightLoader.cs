using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace LlamaVid.Model.Weights;

/// <summary>Strict both ways: every parameter and buffer is filled exactly once, every tensor is claimed or ignored by name.</summary>
public sealed class WeightLoader(CheckpointReader reader)
{
    private const int MostShown = 10;

    private readonly HashSet<string> _claimed = [];

    /// <summary>
    /// A module with the checkpoint's values. It is made without memory first: sizes that the files contradict, however large, cost nothing.
    /// </summary>
    /// <param name="make">Makes the module at a place.</param>
    /// <param name="placement">Where it shall be.</param>
    /// <param name="prefix">As for <see cref="Fill"/>.</param>
    /// <param name="optional">As for <see cref="Fill"/>.</param>
    /// <exception cref="CheckpointException">As for <see cref="Fill"/>.</exception>
    internal T Build<T>(Func<Placement, T> make, Placement placement, string prefix, Func<string, bool>? optional = null) where T : nn.Module =>
        Build(make, Placement.Meta, placement, prefix, optional);

    /// <summary>The same for a module that lies in several places.</summary>
    /// <param name="meta">No memory.</param>
    internal T Build<TPlace, T>(Func<TPlace, T> make, TPlace meta, TPlace placement, string prefix, Func<string, bool>? optional = null) where T : nn.Module
    {
        using (var shapes = make(meta)) new WeightLoader(reader).Fill(shapes, prefix, optional);
        var module = make(placement);
        Fill(module, prefix, optional);
        return module;
    }

    /// <summary>Before so many layers are made: each of them is in the checkpoint.</summary>
    /// <param name="nameOf">A tensor that every layer has, given the layer's number.</param>
    /// <param name="count">How many <c>num_hidden_layers</c> asks for.</param>
    /// <exception cref="CheckpointException">Names the first tensor that is missing.</exception>
    internal void RequireLayers(Func<int, string> nameOf, int count)
    {
        for (var layer = 0; layer < count; layer++)
            if (!reader.Tensors.ContainsKey(nameOf(layer)))
                throw new CheckpointException(reader.Path, $"tensor \"{nameOf(layer)}\" is missing; config.json asks for {count} layers with \"num_hidden_layers\".");
    }

    /// <summary>Copies the checkpoint's values into a module and packs its linear layers. Names and shapes are checked first, so that a fault costs no time.</summary>
    /// <param name="module">Its parameters and persistent buffers are filled.</param>
    /// <param name="prefix">Put before the module's names, for instance <c>"model.mm_projector."</c>.</param>
    /// <param name="optional">Given a full checkpoint name: may it be absent from the file? It is then left as constructed.</param>
    /// <exception cref="CheckpointException">Lists the tensors that are missing, of another shape or dtype, or already used.</exception>
    public void Fill(nn.Module module, string prefix, Func<string, bool>? optional = null)
    {
        var faults = new List<string>();
        var wanted = new List<(string Name, Tensor Destination)>();
        foreach (var (field, destination) in module.state_dict())
        {
            var name = prefix + field;
            if (reader.Tensors.TryGetValue(name, out var stored))
            {
                if (Fault(stored, destination) is { } fault) faults.Add(fault);
                wanted.Add((name, destination));
            }
            else if (optional?.Invoke(name) != true)
            {
                faults.Add($"\"{name}\" {StoredTensor.Show(destination.shape)} is missing");
            }
        }
        Require(faults, "do not fit the model");
        if (wanted.Count > 0 && !wanted[0].Destination.is_meta) Copy(module, prefix, wanted);
        else foreach (var (name, destination) in wanted) reader.CopyTo(name, destination);
    }

    /// <summary>
    /// One part of the module after the other, on all cores: what a part keeps in another form than the file's is put in it at once, so that not both forms of
    /// the whole module are ever held.
    /// </summary>
    private void Copy(nn.Module module, string prefix, List<(string Name, Tensor Destination)> wanted)
    {
        var linears = module.named_modules().Where(part => part.module is Linear).ToDictionary(part => prefix + part.name + ".weight", part => (Linear)part.module);
        var isInference = torch.is_inference_mode_enabled();
        var ahead = new ReadAhead(reader, [.. wanted.Select(tensor => tensor.Name)]);
        try
        {
            Parallel.ForEach(Partitioner.Create(wanted, EnumerablePartitionerOptions.NoBuffering), () => new PackingRoom(), (tensor, _, room) =>
            {
                using var inference = torch.inference_mode(isInference);    // modes are per thread
                using var noGrad = torch.no_grad();
                ahead.Begin(tensor.Name);
                if (linears.TryGetValue(tensor.Name, out var linear)) Pack(tensor.Name, linear, room);
                else reader.CopyTo(tensor.Name, tensor.Destination);
                return room;
            }, room => room.Dispose());
        }
        catch (AggregateException faults)
        {
            ExceptionDispatchInfo.Throw(faults.InnerExceptions[0]);
        }
    }

    private void Pack(string name, Linear linear, PackingRoom room)
    {
        using var values = linear.IsPacked && linear.weight.device_type == DeviceType.CPU ? room.For(linear.weight) : null;
        reader.CopyTo(name, values ?? linear.weight);
        linear.Pack(values ?? linear.weight);
        if (linear.Packed is not null) NativeHeap.Freed(linear.WeightCount * linear.weight.element_size());
    }

    /// <summary>Tensors that the official loader does not read either.</summary>
    public void Ignore(Func<string, bool> names) => _claimed.UnionWith(reader.Tensors.Keys.Where(names));

    /// <exception cref="CheckpointException">Lists what nobody claimed.</exception>
    public void RequireAllClaimed()
    {
        var unclaimed = reader.Tensors.Values.Where(tensor => !_claimed.Contains(tensor.Name));
        Require([.. unclaimed.Select(tensor => $"\"{tensor.Name}\" {StoredTensor.Show(tensor.Shape)} in {tensor.File}")],
            "belong to nothing in the model that config.json describes");
    }

    private string? Fault(TensorEntry stored, Tensor destination)
    {
        if (!_claimed.Add(stored.Name)) return $"\"{stored.Name}\" is used twice";
        if (!destination.shape.SequenceEqual(stored.Shape))
            return $"\"{stored.Name}\" has shape {StoredTensor.Show(stored.Shape)} in {stored.File} and the model needs {StoredTensor.Show(destination.shape)}";
        return Dtypes.CanBecome(stored.Dtype, destination.dtype) ? null
            : $"\"{stored.Name}\" holds {stored.Dtype} values in {stored.File} and the model needs {destination.dtype}";
    }

    private void Require(List<string> faults, string problem)
    {
        if (faults.Count == 0) return;
        var rest = faults.Count > MostShown ? $"; and {faults.Count - MostShown} more" : "";
        throw new CheckpointException(reader.Path, $"{faults.Count} tensors {problem}: {string.Join("; ", faults.Take(MostShown))}{rest}.");
    }
}
