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
        var hidden = model.Forward(Rows(model, shares), [.. shares.Select(Chunk)]);

        var (drawing, last) = (new List<RunningSequence>(shares.Count), new List<long>(shares.Count));
        var end = 0L;
        foreach (var share in shares)
        {
            var sequence = (RunningSequence)share.Work;
            end += Length(share);
            if (share.Decodes) sequence.Decoded();
            else if (!sequence.Prefilled(share.Prefill)) continue;
            drawing.Add(sequence);
            last.Add(end - 1);
        }
        if (drawing.Count == 0) return;

        var rows = last.Count == hidden.shape[0] ? hidden : hidden.index_select(0, tensor(last, device: hidden.device));
        var logits = model.Logits(rows).cpu().data<float>().ToArray();        // the only wait for the device in a step
        var vocabulary = logits.Length / drawing.Count;
        for (var i = 0; i < drawing.Count; i++) drawing[i].Draw(logits.AsSpan(i * vocabulary, vocabulary));
    }

    /// <returns>[N, W] what goes into the decoder: prompt rows as they are, and the embeddings of the last tokens, which are looked up together</returns>
    private static Tensor Rows(LlamaVidModel model, IReadOnlyList<Share> shares)
    {
        var decoding = shares.Where(share => share.Decodes).Select(share => ((RunningSequence)share.Work).LastToken).ToArray();
        var embedded = decoding.Length == 0 ? null : model.Embed(decoding);
        if (decoding.Length == shares.Count) return embedded!;

        var next = 0;
        return cat([.. shares.Select(share => share.Decodes ? embedded!.narrow(0, next++, 1) : ((RunningSequence)share.Work).PromptRows(share.Prefill))], 0);
    }

    private static SequenceChunk Chunk(Share share)
    {
        var sequence = (RunningSequence)share.Work;
        return new(sequence.Cache!, Length(share), share.Decodes ? sequence.Cache!.Length + 1 : sequence.Layout.Positions);
    }

    private static int Length(Share share) => share.Decodes ? 1 : share.Prefill;
}
