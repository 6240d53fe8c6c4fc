using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;
using LlamaVid.Media;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Two different questions about one video, one after the other, nothing else running. Times to the first token in milliseconds.</summary>
/// <param name="Ratio">of the second question to the first</param>
internal sealed record KnownVideo(int Frames, Repeated First, Repeated Second, double Ratio)
{
    public static async Task<KnownVideo> MeasureAsync(EngineUnderTest engine, EngineOrder order, CancellationToken cancellationToken)
    {
        var film = await File.ReadAllBytesAsync(await FilmFile.MakeAsync(order.KnownFrames, cancellationToken), cancellationToken);
        var random = new Random(3);
        var (first, second) = (new List<double>(), new List<double>());
        for (var run = -1; run < order.Runs; run++)
        {
            var video = new MediaSource.Inline(ClipSupply.Numbered(film, run));
            var (asked, again) = (await AskAsync(video), await AskAsync(video));
            if (run < 0) continue;
            first.Add(asked);
            second.Add(again);
        }
        return new(order.KnownFrames, Repeated.Of(first), Repeated.Of(second), Repeated.Of(second).Median / Repeated.Of(first).Median);

        async Task<double> AskAsync(MediaSource video)
        {
            var (system, question) = (BenchWords.Text(random, TextSpeed.SystemWords), BenchWords.Text(random, TextSpeed.QuestionWords));
            return (await engine.AskAsync(engine.Video(system, question, 1, video), cancellationToken)).TimeToFirstToken;
        }
    }
}
