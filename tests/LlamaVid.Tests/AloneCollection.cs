namespace LlamaVid.Tests;

/// <summary>Tests that compute with torch, whose threads they share, or that measure the whole process: they run alone, after the others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
