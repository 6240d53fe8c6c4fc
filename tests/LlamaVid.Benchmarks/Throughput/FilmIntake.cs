using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;
using LlamaVid.Engine;
using LlamaVid.Media;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>A long video is taken in while others are being answered: what it costs them, itself, and in memory. Times are milliseconds.</summary>
/// <param name="Ttft">of the film's question</param>
/// <param name="GapsBefore">between two tokens of a neighbour, before the film came</param>
/// <param name="GapsDuring">the same while it was taken in and its prompt computed</param>
/// <param name="P99InSteps">the neighbours' p99 during the film in units of their p50 then: of the usual step</param>
/// <param name="FrameMs">per frame, in each tenth of the film: the median of the runs, of which all but the first end when all frames are seen</param>
/// <param name="FrameSpread">greatest of these less the least, as a share of their median</param>
/// <param name="AloneFrameMs">the same of a film that nobody's answers share the device with</param>
/// <param name="GrowthMb">peak resident memory during the film less that before it</param>
/// <param name="KvMb">of it, keys and values that came to be held: of the film, and of neighbours' answers that ended and are kept; positions counted by the engine, bytes by calculation</param>
/// <param name="FeaturesMb">of it, features kept in memory</param>
internal sealed record FilmIntake(
    int Frames, double Ttft, Distribution GapsBefore, Distribution GapsDuring, double P99InSteps, IReadOnlyList<double> FrameMs, double FrameSpread,
    IReadOnlyList<double> AloneFrameMs, double AloneFrameSpread, double GrowthMb, double KvMb, double FeaturesMb, double BeyondMb)
{
    private const int NeighbourTokens = 512, Tenths = 10;
    private const double BytesPerMegabyte = 1 << 20, SettledShare = 0.8;    // the neighbours' first second is theirs to get going
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(5);

    public static async Task<FilmIntake> MeasureAsync(EngineUnderTest engine, BenchShape shape, EngineOrder order, CancellationToken cancellationToken)
    {
        var film = await FilmFile.MakeAsync(order.FilmFrames, cancellationToken);
        var watch = new ProcessWatch(Environment.ProcessId);
        var random = new Random(order.Neighbours);
        var bytes = await File.ReadAllBytesAsync(film, cancellationToken);
        await WatchAsync(engine, random, new MediaSource.Inline(ClipSupply.Numbered(bytes, 0)), cancellationToken);      // to warm up
        var copies = 0;
        var alone = await SeeAgainAsync(order.Runs, []);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var neighbours = Enumerable.Range(0, order.Neighbours).Select(number => new Neighbour(engine, new(number), NeighbourTokens * (number + 1) / order.Neighbours)).ToArray();
        var talking = Task.WhenAll(neighbours.Select(neighbour => neighbour.TalkAsync(over.Token)));

        await Task.Delay(Before, cancellationToken);
        var (featuresBefore, heldBefore) = (Features(), Held());
        watch.ResetPeak();
        var (resident, begin) = (watch.ResidentMegabytes, engine.Now);
        var (answer, first) = await WatchAsync(engine, random, new MediaSource.LocalFile(film), cancellationToken);
        var (end, growth) = (answer.Tokens[0], watch.PeakMegabytes - resident);
        var kv = (Held() - heldBefore) * shape.KvBytesPerPosition(ElementBytes(engine)) / BytesPerMegabyte;
        var features = (Features() - featuresBefore) / BytesPerMegabyte;
        var frameMs = await SeeAgainAsync(order.Runs - 1, [first]);
        await over.CancelAsync();
        await talking;

        var before = Gaps(begin - Before.TotalMilliseconds * SettledShare, begin);
        var during = Gaps(begin, end);
        return new(
            order.FilmFrames, answer.TimeToFirstToken, before, during, during.P99 / during.P50, frameMs, Spread(frameMs), alone, Spread(alone), growth, kv, features, growth - kv - features);

        async Task<IReadOnlyList<double>> SeeAgainAsync(int times, List<IReadOnlyList<double>> runs)
        {
            for (var time = 0; time < times; time++)
                runs.Add(await SeeAsync(engine, random, new MediaSource.Inline(ClipSupply.Numbered(bytes, ++copies)), order.FilmFrames, cancellationToken));
            return [.. Enumerable.Range(0, runs[0].Count).Select(part => Repeated.Of(runs.Select(run => run[part])).Median)];
        }

        double Held() => engine.Engine.Workers.Sum(worker => (double)worker.KvHeld);

        double Features() => engine.Engine.Workers.Sum(worker => worker.FeatureBytes);

        Distribution Gaps(double from, double to) => Distribution.Of(neighbours.SelectMany(neighbour => neighbour.Gaps(from, to)))
            ?? throw new BenchmarkException("The neighbours drew no tokens in the time that was looked at; use a longer film (--film-frames).");
    }

    private static async Task<(Answer Answer, IReadOnlyList<double> FrameMs)> WatchAsync(EngineUnderTest engine, Random random, MediaSource film, CancellationToken cancellationToken)
    {
        var progress = new List<(long Done, double At)>();
        var answer = await engine.AskAsync(Question(engine, random, film), cancellationToken, (happened, at) =>
        {
            if (happened is GenerationEvent.Progress { Stage: WorkStage.Vision } seen) progress.Add((seen.Done, at));
        });
        return (answer, CostPerFrame(progress));
    }

    /// <summary>Goes away when all frames are seen.</summary>
    private static async Task<IReadOnlyList<double>> SeeAsync(EngineUnderTest engine, Random random, MediaSource film, int frames, CancellationToken cancellationToken)
    {
        var progress = new List<(long Done, double At)>();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await engine.AskAsync(Question(engine, random, film), enough.Token, (happened, at) =>
            {
                if (happened is not GenerationEvent.Progress { Stage: WorkStage.Vision } seen) return;
                progress.Add((seen.Done, at));
                if (seen.Done == frames) enough.Cancel();
            });
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
        }
        return CostPerFrame(progress);
    }

    private static GenerationRequest Question(EngineUnderTest engine, Random random, MediaSource film) =>
        engine.Video(BenchWords.Text(random, TextSpeed.SystemWords), BenchWords.Text(random, TextSpeed.QuestionWords), 1, film);

    private static double Spread(IReadOnlyList<double> costs) => (costs.Max() - costs.Min()) / Repeated.Of(costs).Median;

    /// <param name="progress">frames that were done, and when; ascending</param>
    /// <returns>milliseconds per frame in each tenth; fewer parts when progress came in fewer steps</returns>
    internal static IReadOnlyList<double> CostPerFrame(IReadOnlyList<(long Done, double At)> progress)
    {
        if (progress.Count < 2) throw new BenchmarkException("The film was seen in one step; use a longer one (--film-frames).");
        var parts = Math.Min(Tenths, progress.Count - 1);
        var marks = Enumerable.Range(0, parts + 1).Select(part => progress[part * (progress.Count - 1) / parts]).ToArray();
        return [.. marks.Skip(1).Zip(marks, (next, mark) => (next.At - mark.At) / (next.Done - mark.Done))];
    }

    private static int ElementBytes(EngineUnderTest engine) => engine.Engine.Card!.Dtype == "float32" ? 4 : 2;

    /// <summary>A client that asks for one long answer after the other.</summary>
    /// <param name="firstTokens">length of its first answer: neighbours that ended all at once would ask anew in one and the same part of the film</param>
    private sealed class Neighbour(EngineUnderTest engine, Random random, int firstTokens)
    {
        private readonly List<List<double>> _answers = [];

        public async Task TalkAsync(CancellationToken cancellationToken)
        {
            try
            {
                while (!cancellationToken.IsCancellationRequested)
                {
                    var tokens = new List<double>();
                    _answers.Add(tokens);
                    await engine.AskAsync(Request(_answers.Count == 1 ? firstTokens : NeighbourTokens), cancellationToken, (happened, at) =>
                    {
                        if (happened is GenerationEvent.Token) tokens.Add(at);
                    });
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
            }
        }

        public IEnumerable<double> Gaps(double from, double to) =>
            SteadyRate.Gaps(_answers.Select(IReadOnlyList<double> (tokens) => [.. tokens.Where(at => at >= from && at < to)]));

        private GenerationRequest Request(int tokens) =>
            engine.Text(BenchWords.Text(random, TextSpeed.SystemWords), BenchWords.Text(random, TextSpeed.QuestionWords), tokens);
    }
}
