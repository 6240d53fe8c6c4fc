using System.Runtime.InteropServices;
using CsCheck;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

public sealed class SamplerTests
{
    private static readonly Gen<float[]> Logits = Gen.Float[-20, 20].Array[1, 300];

    [Fact]
    public void Kept_tokens_are_those_of_the_official_warpers()
    {
        var golden = Golden.Open("misc/warpers");
        var logits = Floats(golden, "logits");
        foreach (var (index, expected) in golden.Json.EnumerateArray().Index())
        {
            var options = new SamplingOptions
            {
                Temperature = expected.GetProperty("temperature").GetDouble(), TopK = expected.GetProperty("top_k").GetInt32(), TopP = expected.GetProperty("top_p").GetDouble(),
            };
            var (ids, probabilities) = Sampler.Keep(logits, options);
            Assert.Equal(expected.GetProperty("kept").EnumerateArray().Select(id => id.GetInt32()), ids.Order());
            var all = Floats(golden, $"probs.{index}");
            Assert.All(ids.Zip(probabilities), pair => Assert.Equal(all[pair.First], pair.Second, 1e-5));
        }
    }

    private static float[] Floats(Golden golden, string name) => MemoryMarshal.Cast<byte, float>(golden.Bytes(name)).ToArray();

    [Fact]
    public void Kept_probabilities_sum_to_one_and_fall() =>
        Gen.Select(Logits, Gen.Double[0.05, 3], Gen.Int[0, 60], Gen.Double[0.01, 1]).Sample((logits, temperature, k, p) =>
        {
            var (ids, probabilities) = Sampler.Keep(logits, new() { Temperature = temperature, TopK = k, TopP = p });
            Assert.Equal(1, probabilities.Sum(), 1e-9);
            Assert.Equal(ids.Length, ids.Distinct().Count());
            Assert.True(k == 0 && p == 1 || probabilities.Zip(probabilities.Skip(1)).All(pair => pair.First >= pair.Second));
        });

    [Fact]
    public void What_is_kept_is_what_sorting_everything_would_keep() =>
        Gen.Select(Logits, Gen.Double[0.05, 3], Gen.Int[0, 60], Gen.Double[0.01, 1], Gen.Double[0, 0.5]).Sample((logits, temperature, k, p, minP) =>
        {
            var options = new SamplingOptions { Temperature = temperature, TopK = k, TopP = p, MinP = minP };
            var (ids, probabilities) = Sampler.Keep(logits, options);
            var sorted = logits.Select((logit, id) => (Logit: logit, Id: id)).OrderByDescending(each => each.Logit).ToList();
            if (k > 0 && k < sorted.Count) sorted = [.. sorted.Where(each => each.Logit >= sorted[k - 1].Logit)];
            var weights = sorted.Select(each => Math.Exp((each.Logit - sorted[0].Logit) / temperature)).Where(weight => weight >= minP * (1 - 1e-6)).ToList();
            var (count, sum, total) = (0, 0.0, weights.Sum());
            while (count < weights.Count && (count == 0 || p >= 1 || sum / total < p)) sum += weights[count++];
            var telling = weights.Take(count).Count(weight => weight / sum > 1e-9);
            Assert.InRange(probabilities.Count(probability => probability > 1e-9), telling - 1, telling + 1);       // the last one may fall on either side by a rounding
            foreach (var (probability, weight) in probabilities.OrderDescending().Zip(weights.Take(Math.Min(count, ids.Length)))) Assert.Equal(weight / sum, probability, 0.02);
        });

    [Fact]
    public void Tokens_that_are_impossible_are_never_drawn()
    {
        float[] logits = [float.NegativeInfinity, 1, float.NegativeInfinity, 2, float.NegativeInfinity];
        foreach (var options in (SamplingOptions[])[new() { Temperature = 1, TopK = 0 }, new() { Temperature = 2, TopK = 4, TopP = 0.99 }, new() { Temperature = 1, MinP = 0.01 }])
        {
            var sampler = new Sampler(options);
            Assert.All(Enumerable.Range(0, 200), _ => Assert.Contains(sampler.Next(logits), (int[])[1, 3]));
        }
    }

    [Fact]
    public void Answers_of_one_request_draw_for_themselves()
    {
        float[] logits = new float[1000];
        var draws = Enumerable.Range(0, 8).Select(choice => new Sampler(new() { Temperature = 1, TopK = 0, Seed = 9 }, choice)).Select(sampler => string.Join(',', Enumerable.Range(0, 5).Select(_ => sampler.Next(logits))));
        Assert.Equal(8, draws.Distinct().Count());
    }

    [Fact]
    public void Temperature_zero_takes_the_likeliest() =>
        Logits.Sample(logits => Assert.Equal(logits.Max(), logits[new Sampler(new() { Temperature = 0 }).Next(logits)]));

    [Fact]
    public void The_same_seed_draws_the_same_tokens()
    {
        float[] logits = [.. Enumerable.Range(0, 100).Select(i => (float)Math.Sin(i))];
        Assert.Equal(Draw(7), Draw(7));
        Assert.NotEqual(Draw(7), Draw(8));

        List<int> Draw(long seed)
        {
            var sampler = new Sampler(new() { Temperature = 1, Seed = seed });
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Next(logits))];
        }
    }

    [Fact]
    public void Draws_follow_the_probabilities()
    {
        float[] logits = [0, MathF.Log(2), MathF.Log(3), MathF.Log(4)];
        var sampler = new Sampler(new() { Temperature = 1, TopK = 0, Seed = 1 });
        var counts = new int[4];
        const int draws = 20_000;
        for (var i = 0; i < draws; i++) counts[sampler.Next(logits)]++;
        for (var i = 0; i < 4; i++) Assert.InRange(counts[i] / (double)draws, (i + 1) / 10.0 - 0.015, (i + 1) / 10.0 + 0.015);
    }
}
