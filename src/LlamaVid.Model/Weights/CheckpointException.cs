namespace LlamaVid.Model.Weights;

/// <summary>A model folder or a file in it is not what the model needs. The message names the file, the value, what is accepted and the cure.</summary>
public sealed class CheckpointException(string file, string problem, Exception? cause = null) : Exception($"{file}: {problem}", cause)
{
    /// <summary>The file or folder at fault.</summary>
    public string File { get; } = file;
}
