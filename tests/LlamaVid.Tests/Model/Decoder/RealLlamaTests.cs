using System.Text.Json;
using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>A real trained LLaMA with grouped-query attention (8 heads, 4 key/value heads) tells its story.</summary>
[Collection(AloneCollection.Name)]
public sealed class RealLlamaTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Greedy_ids_are_those_of_the_reference(int chunk)
    {
        var golden = JsonDocument.Parse(File.ReadAllBytes(Shared.Path("assets/stories260K/golden.json"))).RootElement;
        int[] expected = [.. golden.GetProperty("prompt_ids").EnumerateArray().Concat(golden.GetProperty("greedy_ids").EnumerateArray()).Select(id => id.GetInt32())];

        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var llama = Llama.Load(Shared.Path("assets/stories260K"));

        // Each prefix of the golden text predicts the next id; read in chunks of any size through one cache.
        using var cache = llama.NewCache(expected.Length);
        for (var start = 0; start < expected.Length - 1; start += chunk)
        {
            var ids = expected.AsSpan(start, Math.Min(chunk, expected.Length - 1 - start));
            var next = llama.Logits(ids, cache).argmax(-1).data<long>().ToArray();
            Assert.Equal(expected.AsSpan(start + 1, next.Length).ToArray(), next.Select(id => (int)id));
        }
    }
}

/// <summary>A decoder alone, without vision and tokenizer.</summary>
internal sealed class Llama(LlamaForCausalLm decoder, RotaryTable rotary, DecoderConfig config)
{
    private static readonly Placement Placement = new(ScalarType.Float32, CPU);

    public static Llama Load(string folder)
    {
        var config = LlamaVidConfig.Read(folder).Decoder;
        var decoder = new LlamaForCausalLm(config, new((Placement, config.Layers)));
        using var reader = CheckpointReader.Open(folder);
        var loader = new WeightLoader(reader);
        loader.Fill(decoder, "", name => name.EndsWith("inv_freq", StringComparison.Ordinal));
        loader.RequireAllClaimed();
        return new(decoder, new RotaryTable(config, RopeFrequencies.Stored, decoder.model.layers[0].self_attn.rotary_emb.inv_freq.alias()), config);
    }

    public KvCache NewCache(int capacity) => new(config, capacity, new((Placement, config.Layers)));

    /// <returns>[S, V]</returns>
    public Tensor Logits(ReadOnlySpan<int> ids, KvCache cache)
    {
        using var scope = NewDisposeScope();
        var embeddings = decoder.model.embed_tokens.call(tensor(ids.ToArray().Select(id => (long)id).ToArray()));
        var (cos, sin) = rotary.At(cache.Length, ids.Length, cache.Length + ids.Length, Placement.Dtype);
        var rows = new CachedAttention([new(cache, ids.Length, cache.Length + ids.Length)], embeddings, config);
        var hidden = decoder.model.forward(embeddings, cos, sin, rows);
        cache.Advance(ids.Length);
        return decoder.Logits(hidden).MoveToOuterDisposeScope();
    }
}
