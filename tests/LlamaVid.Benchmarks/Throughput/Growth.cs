using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;
using LlamaVid.Media;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>How the cost of one request grows with the frames of its video and with the positions before its answer, nothing else running. Times are milliseconds.</summary>
/// <param name="Count">frames, or positions of a prompt of text</param>
/// <param name="Positions">of the prompt, with all that stands around them</param>
/// <param name="Ttft">from the question to the first token</param>
/// <param name="Prefill">of it, the prompt's pass through the language model</param>
/// <param name="PerToken">from one token of the answer to the next</param>
internal sealed record Growth(int Count, int Positions, Repeated Ttft, Repeated Prefill, Repeated PerToken)
{
    private const int Tokens = 16;

    private static readonly int[] Frames = [1, 10, 100, 1000];
    private static readonly int[] Words = [128, 512, 1024, 2048, 3584];

    public static async Task<IReadOnlyList<Growth>> OverFramesAsync(EngineUnderTest engine, EngineOrder order, CancellationToken cancellationToken)
    {
        var random = new Random(4);
        var points = new List<Growth>();
        foreach (var count in Frames.Where(count => count < order.FilmFrames).Append(order.FilmFrames))
        {
            var film = await File.ReadAllBytesAsync(await FilmFile.MakeAsync(count, cancellationToken), cancellationToken);
            points.Add(await MeasureAsync(count, order, run => engine.AskAsync(
                engine.Video(System(), Question(TextSpeed.QuestionWords), Tokens, new MediaSource.Inline(ClipSupply.Numbered(film, run))), cancellationToken)));
        }
        return points;

        string System() => BenchWords.Text(random, TextSpeed.SystemWords);
        string Question(int words) => BenchWords.Text(random, words);
    }

    public static async Task<IReadOnlyList<Growth>> OverContextAsync(EngineUnderTest engine, EngineOrder order, CancellationToken cancellationToken)
    {
        var random = new Random(5);
        var points = new List<Growth>();
        foreach (var count in Words)
            points.Add(await MeasureAsync(count, order, _ => engine.AskAsync(
                engine.Text(BenchWords.Text(random, TextSpeed.SystemWords), BenchWords.Text(random, count), Tokens), cancellationToken)));
        return points;
    }

    private static async Task<Growth> MeasureAsync(int count, EngineOrder order, Func<int, Task<Answer>> ask)
    {
        var answers = new List<Answer>();
        for (var run = -1; run < order.Runs; run++)
        {
            var answer = await ask(run);
            if (run >= 0) answers.Add(answer);
        }
        return new(count, answers[0].Prompt.Positions, Of(answer => answer.TimeToFirstToken), Of(answer => answer.Timings.Prefill),
            Of(answer => (answer.Tokens[^1] - answer.Tokens[0]) / (answer.Tokens.Count - 1)));

        Repeated Of(Func<Answer, double> figure) => Repeated.Of(answers.Select(figure));
    }
}
