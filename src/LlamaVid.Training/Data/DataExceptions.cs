namespace LlamaVid.Training.Data;

/// <summary>A data file cannot be read as a list of samples. There is nothing to skip: what comes behind the fault is unknown.</summary>
internal sealed class DataFileException(string path, string problem, Exception? cause = null) : Exception($"{path}: {problem}", cause)
{
    public string Path { get; } = path;
}

/// <summary>What is wrong with one sample. Becomes a <see cref="SampleException"/> or a line of the log.</summary>
internal sealed class SampleFault(string problem) : Exception(problem);

/// <summary>Training was to stop at the first broken sample, and this is it. Finished work is saved.</summary>
internal sealed class SampleException(string file, int number, string id, Exception fault) : Exception(
    $"Sample {number} (\"{id}\") of {file}: {fault.Message} Mend or remove it, or train without such samples with --on-error skip.", fault)
{
    public string File { get; } = file;

    public int Number { get; } = number;

    public string Id { get; } = id;
}

/// <summary>No sample is left to train on.</summary>
internal sealed class NoSamplesException(string file, int skipped) : Exception(
    $"{file} has no usable sample{(skipped > 0 ? $": {skipped} were skipped, and the log says why" : "")}.")
{
    public string File { get; } = file;

    public int Skipped { get; } = skipped;
}
