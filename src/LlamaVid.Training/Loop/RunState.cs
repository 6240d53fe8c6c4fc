using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Model.Weights;

namespace LlamaVid.Training.Loop;

/// <summary>
/// One file from which a run goes on as if it had never stopped: parameters, optimizer state, step, time spent and the plan. Written whole or
/// not at all.
/// </summary>
/// <remarks>There is no random state: every random number is a function of the plan's seed and the step (<see cref="IObjective"/>).</remarks>
internal static class RunState
{
    private const string Parameters = "parameter/";
    private const string Facts = "run";

    public static void Save(string path, IObjective objective, AdamW optimizer, TrainingPlan plan, Progress progress)
    {
        using var scope = NewDisposeScope();
        var facts = JsonSerializer.SerializeToUtf8Bytes(new Stored(progress, JsonSerializer.SerializeToNode(plan)!));
        TensorFile.Write(path, [
            (Facts, tensor(facts, ScalarType.Byte)),
            .. objective.Parameters.Select(parameter => (Parameters + parameter.Name, (Tensor)parameter.Value)),
            .. optimizer.State,
        ]);
    }

    /// <summary>Fills the parameters and the optimizer.</summary>
    /// <exception cref="RunMismatchException">It is the state of another run.</exception>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static Progress Restore(RunFiles files, IObjective objective, AdamW optimizer, TrainingPlan plan)
    {
        using var noGrad = no_grad();
        using var reader = CheckpointReader.Open(files.State);
        var stored = ReadFacts(reader);
        RequireSame(files.Folder, stored.Plan, JsonSerializer.SerializeToNode(plan)!);

        (string Name, Tensor Value)[] wanted =
            [.. objective.Parameters.Select(parameter => (Parameters + parameter.Name, (Tensor)parameter.Value)), .. optimizer.State];
        var names = wanted.Select(item => item.Name).Append(Facts).ToHashSet();
        if (!names.SetEquals(reader.Tensors.Keys))
            throw new RunMismatchException(files.Folder, "set of trained parameters", $"{(reader.Tensors.Count - 1) / 3} long",
                $"{objective.Parameters.Count} long with {objective.Parameters.Count(item => !reader.Tensors.ContainsKey(Parameters + item.Name))} others");
        foreach (var (name, value) in wanted) reader.CopyTo(name, value);
        return stored.Progress;
    }

    /// <summary>How far the run of a folder came.</summary>
    public static Progress Peek(string path)
    {
        using var reader = CheckpointReader.Open(path);
        return ReadFacts(reader).Progress;
    }

    private static Stored ReadFacts(CheckpointReader reader)
    {
        if (!reader.Tensors.TryGetValue(Facts, out var entry))
            throw new CheckpointException(reader.Path, "it is not the state of a run. Delete it, or choose another --out.");
        using var bytes = empty([.. entry.Shape], ScalarType.Byte);
        reader.CopyTo(Facts, bytes);
        return JsonSerializer.Deserialize<Stored>(bytes.bytes)!;
    }

    private static void RequireSame(string folder, JsonNode stored, JsonNode wanted)
    {
        foreach (var (key, value) in wanted.AsObject())
            if (!JsonNode.DeepEquals(stored[key], value))
                throw new RunMismatchException(folder, key, stored[key]?.ToJsonString() ?? "(not there)", value?.ToJsonString() ?? "(nothing)");
    }

    /// <param name="Step">steps that are done</param>
    /// <param name="Seconds">time that they took, over all sessions</param>
    internal readonly record struct Progress(long Step, double Seconds);

    private sealed record Stored(Progress Progress, JsonNode Plan);
}
