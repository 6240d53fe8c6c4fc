using System.Runtime.InteropServices;
using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Engine;

/// <summary>Pays the shares of one step: frames through the tower, features to tokens, and all sequences' next positions through the decoder in one pass.</summary>
internal static class StepRunner
{
    public static void Run(LlamaVidModel model, IReadOnlyList<Share> plan)
    {
        using var scope = NewDisposeScope();
        foreach (var share in plan)
        {
            var sequence = (RunningSequence)share.Work;
            if (share.Encode > 0) sequence.Encode(share.Encode);
            if (share.Compress > 0) sequence.Compress(share.Compress);
        }
        Advance(model, [.. plan.Where(share => share.Prefill > 0 || share.Decodes)]);
    }

    private static void Advance(LlamaVidModel model, IReadOnlyList<Share> shares)
    {
        if (shares.Count == 0) return;
        var hidden = model.Forward(Rows(model, shares), [.. shares.SelectMany(Chunks)]);

        var (drawing, last) = (new List<(RunningSequence Sequence, RunningAnswer Answer, int Row)>(shares.Count), new List<long>(shares.Count));
        var end = 0L;
        foreach (var share in shares)
        {
            var sequence = (RunningSequence)share.Work;
            if (share.Decodes)
            {
                foreach (var answer in Undone(sequence))
                {
                    answer.Decoded();
                    drawing.Add((sequence, answer, last.Count));
                    last.Add(end++);
                }
                continue;
            }
            end += share.Prefill;
            if (!sequence.Prefilled(share.Prefill)) continue;
            drawing.AddRange(sequence.Answering.Select(answer => (sequence, answer, last.Count)));      // they begin with the same token's logits
            last.Add(end - 1);
        }
        if (drawing.Count == 0) return;

        var rows = last.Count == hidden.shape[0] ? hidden : hidden.index_select(0, tensor(last, device: hidden.device));
        using var logits = model.Logits(rows).cpu();                          // the only wait for the device in a step
        var vocabulary = (int)logits.shape[1];
        ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(logits.bytes);
        foreach (var (sequence, answer, row) in drawing) sequence.Draw(answer, values.Slice(row * vocabulary, vocabulary));
    }

    /// <returns>[N, W] what goes into the decoder: prompt rows as they are, and the embeddings of the last tokens, which are looked up together</returns>
    private static Tensor Rows(LlamaVidModel model, IReadOnlyList<Share> shares)
    {
        var decoding = shares.Where(share => share.Decodes).SelectMany(share => Undone((RunningSequence)share.Work)).Select(answer => answer.LastToken).ToArray();
        var embedded = decoding.Length == 0 ? null : model.Embed(decoding);
        if (shares.All(share => share.Decodes)) return embedded!;

        var next = 0;
        return cat([.. shares.Select(share => share.Decodes ? Next(share) : ((RunningSequence)share.Work).PromptRows(share.Prefill))], 0);

        Tensor Next(Share share)
        {
            var count = Undone((RunningSequence)share.Work).Count();
            next += count;
            return embedded!.narrow(0, next - count, count);
        }
    }

    private static IEnumerable<SequenceChunk> Chunks(Share share)
    {
        var sequence = (RunningSequence)share.Work;
        return share.Decodes
            ? Undone(sequence).Select(answer => new SequenceChunk(answer.Cache!, 1, answer.Cache!.Length + 1))
            : [new(sequence.Answering[0].Cache!, share.Prefill, sequence.Layout.Positions)];
    }

    private static IEnumerable<RunningAnswer> Undone(RunningSequence sequence) => sequence.Answering.Where(answer => !answer.IsComplete);
}
