namespace LlamaVid.Model.Decoder;

/// <summary>The next positions of one sequence in a pass that advances several.</summary>
/// <param name="Cache">holds the positions before these and takes these in</param>
/// <param name="Rows">how many rows of the pass are this sequence's</param>
/// <param name="SequenceLength">positions of the whole prompt when this is a part of one, else of the sequence including these</param>
public readonly record struct SequenceChunk(KvCache Cache, int Rows, int SequenceLength);
