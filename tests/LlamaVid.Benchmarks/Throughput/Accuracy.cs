using LlamaVid.Model;
using static TorchSharp.torch;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>How far a model is from the same model in float32, on random texts and, if it sees, two pictures of noise before each.</summary>
/// <param name="LogitError">root mean square of the difference over that of the logits (less their mean), over all positions of the prompts</param>
/// <param name="Top1">share of those positions at which the likeliest next token is the same</param>
/// <param name="GreedyTokens">share of float32's greedy tokens that come before an answer's first difference</param>
/// <param name="GreedyAnswers">share of greedy answers that are the same to their last token</param>
internal sealed record Accuracy(double LogitError, double Top1, double GreedyTokens, double GreedyAnswers)
{
    private const int Frames = 2, Words = 40, Seed = 5;

    /// <param name="Logits">[positions, V] of each prompt</param>
    /// <param name="Answers">greedy tokens after each prompt</param>
    internal sealed record Seen(IReadOnlyList<Tensor> Logits, IReadOnlyList<int[]> Answers);

    public static Accuracy Of(Seen exact, Seen other)
    {
        using var scope = NewDisposeScope();
        var (difference, size, same, positions) = (0.0, 0.0, 0.0, 0L);
        foreach (var (wanted, got) in exact.Logits.Zip(other.Logits))
        {
            Tensor centred = wanted.sub(wanted.mean([-1L], keepdim: true)), moved = got.sub(got.mean([-1L], keepdim: true));
            difference += Square(moved.sub(centred));
            size += Square(centred);
            same += wanted.argmax(-1).eq(got.argmax(-1)).sum().item<long>();
            positions += wanted.shape[0];
        }
        var prefixes = exact.Answers.Zip(other.Answers, (wanted, got) => wanted.Zip(got).TakeWhile(pair => pair.First == pair.Second).Count()).ToArray();
        return new(
            Math.Sqrt(difference / size), same / positions, prefixes.Sum() / (double)exact.Answers.Sum(answer => answer.Length),
            prefixes.Zip(exact.Answers).Count(pair => pair.First == pair.Second.Length) / (double)prefixes.Length);

        static double Square(Tensor values) => values.square().sum().item<float>();
    }

    public static Seen Run(string folder, Precision precision, int prompts, int tokens)
    {
        using var inference = inference_mode();
        using var model = LlamaVidModel.Load(precision.Model(folder));
        var random = new Random(Seed);
        var (logits, answers) = (new List<Tensor>(), new List<int[]>());
        for (var i = 0; i < prompts; i++)
        {
            using var scope = NewDisposeScope();
            var text = model.Embed([1, .. Enumerable.Range(0, Words).Select(_ => random.Next(3, model.Tokenizer.VocabularySize))]);
            var prompt = model.TokensPerFrame == 0 ? text : cat([Noise(model, random), text]);
            using var cache = model.NewCache((int)prompt.shape[0] + tokens);
            var seen = model.Logits(model.Forward(prompt, cache, (int)prompt.shape[0]));
            logits.Add(seen.DetachFromDisposeScope());
            var answer = new int[tokens];
            for (var (step, next) = (0, seen[^1]); step < tokens; step++)
            {
                answer[step] = (int)next.argmax().item<long>();
                next = model.Logits(model.Forward(model.Embed([answer[step]]), cache, cache.Length + 1))[0];
            }
            answers.Add(answer);
        }
        return new(logits, answers);
    }

    private static Tensor Noise(LlamaVidModel model, Random random)
    {
        var crops = new byte[Frames * 3 * model.Preprocessor!.ImageSize * model.Preprocessor.ImageSize];
        random.NextBytes(crops);
        return model.FrameTokens(model.EncodeFrames(crops, Frames), model.EncodeQuestion("What is there?"), isMovie: false).flatten(0, 1);
    }
}
