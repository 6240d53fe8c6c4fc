namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Parts of the engine's measurement that can be asked for one by one.</summary>
internal enum Part { Prompt, Decode, Server, Known, Film, Growth, Tower }

/// <summary>What shall be measured of the engine, how often and how long.</summary>
/// <param name="Precisions">of prompt, decode, growth and tower, the first of which all other parts are measured in</param>
/// <param name="Runs">that count, after a warm-up</param>
/// <param name="PromptLength">positions</param>
/// <param name="Streams">side by side, one case each</param>
/// <param name="Tokens">of each stream</param>
/// <param name="FilmFrames">of the long video</param>
/// <param name="KnownFrames">of the video that is asked about twice</param>
/// <param name="Neighbours">clients that are answered while the film is taken in</param>
/// <param name="CeilingSize">see <see cref="Ceilings.Measure"/></param>
/// <param name="Peers">other engines</param>
internal sealed record EngineOrder(
    IReadOnlyList<Part> Parts, IReadOnlyList<Precision> Precisions, int Runs, int PromptLength, IReadOnlyList<int> Streams, int Tokens, int FilmFrames, int KnownFrames,
    int Neighbours, int CeilingSize, IReadOnlyList<Peer> Peers)
{
    public bool Has(Part part) => Parts.Contains(part);
}
