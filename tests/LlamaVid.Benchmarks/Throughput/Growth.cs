using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;
using LlamaVid.Media;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>How cost grows with the frames of a video, with the streams side by side, and with the positions before an answer; nothing else running. Times are milliseconds.</summary>
internal sealed record Growth(IReadOnlyList<FrameCost> Frames, IReadOnlyList<StreamCost> Streams, IReadOnlyList<ContextCost> Context)
{
    private const int AnswerTokens = 16, StreamTokens = 128;

    private static readonly int[] FrameCounts = [1, 8, 64, 512], StreamCounts = [1, 2, 4, 8, 16, 32], Lengths = [128, 512, 1024, 2048, 4096];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(12);                 // of one point: long ones are measured once

    /// <param name="limit">tokens per second of so many streams, by what the machine can do</param>
    public static async Task<Growth> MeasureAsync(EngineUnderTest engine, EngineOrder order, Func<int, double> limit, CancellationToken cancellationToken) => new(
        await OverFramesAsync(engine, order, cancellationToken), await OverStreamsAsync(engine, order, limit, cancellationToken), await OverContextAsync(engine, order, cancellationToken));

    private static async Task<IReadOnlyList<FrameCost>> OverFramesAsync(EngineUnderTest engine, EngineOrder order, CancellationToken cancellationToken)
    {
        var random = new Random(4);
        var points = new List<FrameCost>();
        foreach (var count in FrameCounts.Where(count => count < order.FilmFrames).Append(order.FilmFrames))
        {
            var film = await File.ReadAllBytesAsync(await FilmFile.MakeAsync(count, cancellationToken), cancellationToken);
            var answers = await Repeated.GatherAsync(order.Runs, Patience, run => engine.AskAsync(
                engine.Video(System(random), Question(random, TextSpeed.QuestionWords), AnswerTokens, new MediaSource.Inline(ClipSupply.Numbered(film, run))), cancellationToken));
            points.Add(new(
                count, answers[0].Prompt.Positions, Of(answers, answer => answer.TimeToFirstToken), Of(answers, answer => answer.Timings.Vision),
                Of(answers, answer => answer.Timings.Prefill), Of(answers, answer => answer.TimeToFirstToken / count)));
        }
        return points;
    }

    private static async Task<IReadOnlyList<StreamCost>> OverStreamsAsync(EngineUnderTest engine, EngineOrder order, Func<int, double> limit, CancellationToken cancellationToken)
    {
        var text = new TextSpeed(engine, order with { Tokens = StreamTokens });
        var points = new List<StreamCost>();
        foreach (var count in StreamCounts)
        {
            var (rate, gaps) = await text.DecodeAsync(count, cancellationToken);
            points.Add(new(count, rate, gaps, limit(count)));
        }
        return points;
    }

    private static async Task<IReadOnlyList<ContextCost>> OverContextAsync(EngineUnderTest engine, EngineOrder order, CancellationToken cancellationToken)
    {
        var random = new Random(5);
        var around = (await AskAsync(1)).Prompt.Positions - 1;                             // what the template adds to the words
        var points = new List<ContextCost>();
        foreach (var count in Lengths.Where(count => count < BenchShape.Positions).Append(BenchShape.Positions))
        {
            var answers = await Repeated.GatherAsync(order.Runs, Patience, _ => AskAsync(count - AnswerTokens - around));
            points.Add(new(
                count, Of(answers, answer => answer.Timings.Prefill), Of(answers, answer => (answer.Prompt.Positions - answer.Prompt.CachedPositions) / answer.Timings.Prefill * 1000),
                Of(answers, answer => (answer.Tokens[^1] - answer.Tokens[0]) / (answer.Tokens.Count - 1))));
        }
        return points;

        Task<Answer> AskAsync(int words) => engine.AskAsync(engine.Text(System(random), Question(random, words), AnswerTokens), cancellationToken);
    }

    private static Repeated Of(IEnumerable<Answer> answers, Func<Answer, double> figure) => Repeated.Of(answers.Select(figure));

    private static string System(Random random) => BenchWords.Text(random, TextSpeed.SystemWords);

    private static string Question(Random random, int words) => BenchWords.Text(random, words);
}

/// <summary>One question about a video that nobody has seen before.</summary>
/// <param name="Positions">of the prompt</param>
/// <param name="Ttft">from the question to the first token</param>
/// <param name="Vision">of it, the tower's passes; decoding runs beside them</param>
/// <param name="Prefill">of it, the prompt's pass through the language model</param>
/// <param name="TtftPerFrame">the first token's time over the frames</param>
internal sealed record FrameCost(int Frames, int Positions, Repeated Ttft, Repeated Vision, Repeated Prefill, Repeated TtftPerFrame);

/// <summary>Short texts answered side by side.</summary>
/// <param name="TokensS">of all together</param>
/// <param name="StepMs">from one token of a stream to its next</param>
/// <param name="Limit">tokens per second that the machine's ceilings allow</param>
internal sealed record StreamCost(int Streams, Repeated TokensS, Distribution StepMs, double Limit);

/// <summary>One long text.</summary>
/// <param name="Positions">of prompt and answer</param>
/// <param name="PrefillMs">the prompt's pass</param>
/// <param name="PrefillS">its positions per second</param>
/// <param name="StepMs">from one token of the answer, which ends at this length, to the next</param>
internal sealed record ContextCost(int Positions, Repeated PrefillMs, Repeated PrefillS, Repeated StepMs);
