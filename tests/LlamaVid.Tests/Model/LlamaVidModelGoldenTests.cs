using LlamaVid.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model;

/// <summary>Every golden case from pictures (or movie features) and ids to the last logits and the greedy answer, in float32.</summary>
[Collection(AloneCollection.Name)]
public sealed class LlamaVidModelGoldenTests
{
    private const double Tolerance = 1e-4;
    private const int Placeholder = -200;

    /// <summary>A theory without data counts as failed, so where the goldens are absent there is one case, which is skipped.</summary>
    public static TheoryData<string> Cases => [.. GoldenCase.Names.DefaultIfEmpty("absent")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Model_computes_what_the_official_code_computes(string name)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var golden = GoldenCase.Open(name);
        var model = Models.Load(golden.Checkpoint);

        var visual = FrameTokens(model, golden);
        for (var prompt = 0; prompt < visual.Length; prompt++)
            TensorAssert.Close(golden["att.final_tokens.0"][prompt], visual[prompt], Tolerance);

        var embeddings = Embed(model, golden, visual);
        TensorAssert.Close(golden["llm.inputs_embeds"][0], embeddings, Tolerance);

        var (logits, ids, margins) = Greedy(model, embeddings, golden.GeneratedIds.Count);
        TensorAssert.Close(golden["logits.last"], logits[^1], Tolerance);
        TensorAssert.Close(golden["logits.top5_val"].reshape(-1, 5), logits.topk(5).values, Tolerance);
        if (golden.Has("logits.lse")) TensorAssert.Close(golden["logits.lse"].flatten(), logits.logsumexp(-1), Tolerance);
        Assert.Equal(golden.GeneratedIds, ids);
        TensorAssert.Close(golden["gen.margin"], tensor(margins), 2 * Tolerance);
    }

    /// <returns>per Q-Former prompt [T · n, W]</returns>
    private static Tensor[] FrameTokens(LlamaVidModel model, GoldenCase golden)
    {
        Tensor features;
        if (golden.IsMovie) features = golden.MovieFeatures();
        else
        {
            var (crops, frames) = golden.Crops();
            features = model.EncodeFrames(crops, frames);
        }
        if (golden.Has("vision.tower_output"))
        {
            var kept = golden.KeptRows("vision.tower_output");
            TensorAssert.Close(golden["vision.tower_output"], kept is null ? features : features[TensorIndex.Tensor(tensor(kept))], Tolerance);
        }
        var (ids, mask) = (golden["att.bert_ids"], golden["att.bert_mask"].to(ScalarType.Bool));
        return [.. Enumerable.Range(0, (int)ids.shape[0]).Select(prompt => model.FrameTokenizer!.forward(features, ids.narrow(0, prompt, 1), mask.narrow(0, prompt, 1)).flatten(0, 1))];
    }

    /// <summary>A placeholder takes all tokens of the next prompt; in the movie layout it takes one token.</summary>
    private static Tensor Embed(LlamaVidModel model, GoldenCase golden, Tensor[] visual)
    {
        var (parts, next) = (new List<Tensor>(), 0);
        foreach (var id in golden.InputIds)
            parts.Add(id != Placeholder ? model.Embed([id]) : golden.IsMovie ? visual[0].narrow(0, next++, 1) : visual[next++]);
        return cat([.. parts]);
    }

    /// <returns>logits of every prompt position, the greedy ids, and by how much each won</returns>
    private static (Tensor Logits, List<int> Ids, float[] Margins) Greedy(LlamaVidModel model, Tensor embeddings, int count)
    {
        var length = (int)embeddings.shape[0];
        using var cache = model.NewCache(length + count);
        var all = model.Logits(model.Forward(embeddings, cache, length));
        var (last, ids, margins) = (all[^1], new List<int>(), new List<float>());
        while (true)
        {
            var (values, indices) = last.topk(2);
            ids.Add((int)indices[0].item<long>());
            margins.Add(values[0].item<float>() - values[1].item<float>());
            if (ids.Count == count) return (all, ids, [.. margins]);
            last = model.Logits(model.Forward(model.Embed([ids[^1]]), cache, cache.Length + 1))[0];
        }
    }
}
