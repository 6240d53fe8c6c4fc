using System.Diagnostics;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using LlamaVid.Training.Pretraining;
using TorchSharp;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>A decoder alone, of few layers with random weights: a prompt of 512 positions, and steps of 1 and of 16 sequences that have 256 positions each.</summary>
/// <param name="Prompt">positions per second</param>
/// <param name="PromptShare">of what the machine's products allow</param>
/// <param name="Decode1">tokens per second, output layer included</param>
/// <param name="Decode1Share">of what reading the weights allows, or the products</param>
/// <param name="Decode16">of all sequences together</param>
internal sealed record ShapeSpeed(string Shape, int HeadSize, Repeated Prompt, double PromptShare, Repeated Decode1, double Decode1Share, Repeated Decode16, double Decode16Share)
{
    private const int PromptLength = 512, Context = 256, Steps = 8, Many = 16;
    private const long Seed = 1;

    public static async Task<ShapeSpeed> MeasureAsync(DecoderShape shape, Precision precision, Ceilings ceilings, int runs)
    {
        using var inference = torch.inference_mode();
        var (config, places) = (shape.Config, new LayerPlaces((Devices.Choose(precision.Model(""))[0], shape.Layers)));
        using var decoder = new LlamaForCausalLm(config, places);
        using var rotary = new RotaryTable(config, RopeFrequencies.Exact, RotaryEmbedding.ExactFrequencies(shape.HeadSize, config.RopeTheta, torch.CPU));
        Initialisation.Fill(decoder.named_parameters(), Seed);
        foreach (var layer in decoder.modules().OfType<Linear>()) layer.Pack(layer.weight);

        var prompt = await Repeated.MeasureAsync(runs, _ => Task.FromResult(PromptLength / Seconds(1, PromptLength, 0, isDecoding: false)));
        var one = await Repeated.MeasureAsync(runs, _ => Task.FromResult(Steps / Seconds(1, 1, Context, isDecoding: true)));
        var many = await Repeated.MeasureAsync(runs, _ => Task.FromResult(Steps * Many / Seconds(Many, 1, Context, isDecoding: true)));
        var (peak, bytes) = (precision.Peak(ceilings) * 1e9, shape.PromptWeights * precision.WeightBytes + shape.OutputWeights * precision.HeadBytes);
        return new(
            shape.Name, shape.HeadSize, prompt, prompt.Median / (peak / (2.0 * shape.PromptWeights)), one, one.Median / Limit(1), many, many.Median / Limit(Many));

        double Limit(int sequences) => Math.Min(sequences * ceilings.ReadGbS * 1e9 / bytes, peak / (2.0 * (shape.PromptWeights + shape.OutputWeights)));

        double Seconds(int sequences, int rows, int past, bool isDecoding)
        {
            using var scope = torch.NewDisposeScope();
            var caches = Enumerable.Range(0, sequences).Select(_ => new KvCache(config, past + Steps + rows, places)).ToArray();
            var x = torch.randn([sequences * rows, shape.Hidden]).to(places.First.Dtype);
            if (past > 0) Forward(torch.randn([sequences * past, shape.Hidden]).to(places.First.Dtype), caches, past);
            var begin = Stopwatch.GetTimestamp();
            for (var step = 0; step < (isDecoding ? Steps : 1); step++)
            {
                var hidden = Forward(x, caches, rows);
                if (isDecoding) decoder.Logits(hidden).Dispose();
            }
            var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            foreach (var cache in caches) cache.Dispose();
            return seconds;
        }

        torch.Tensor Forward(torch.Tensor x, IReadOnlyList<KvCache> caches, int rows)
        {
            SequenceChunk[] chunks = [.. caches.Select(cache => new SequenceChunk(cache, rows, cache.Length + rows))];
            var (cos, sin) = rotary.At(caches[0].Length, rows, caches[0].Length + rows, places.First.Dtype);
            var hidden = decoder.model.forward(x, cos.repeat(caches.Count, 1, 1), sin.repeat(caches.Count, 1, 1), new CachedAttention(chunks, x, config));
            foreach (var cache in caches) cache.Advance(rows);
            return hidden;
        }
    }
}
