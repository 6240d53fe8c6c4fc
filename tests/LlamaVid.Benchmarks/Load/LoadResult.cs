using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Load;

/// <summary>The numbers of one case: one kind of requests in one pattern. Times are milliseconds.</summary>
/// <param name="Known">videos that the server has seen before; null without videos</param>
/// <param name="Clients">of a closed loop; null in an open one</param>
/// <param name="Rate">requests per second of an open loop; null in a closed one</param>
/// <param name="Ttft">from the moment a request was due to its first text</param>
/// <param name="InterToken">from one piece of text to the next, of one answer</param>
/// <param name="Queue">as the server tells it</param>
/// <param name="TokensS">tokens that came within the time of sending, per second of it</param>
/// <param name="FramesS">frames of videos whose first text came within the time of sending, per second of it</param>
/// <param name="EncodedFramesS">of them, those that went through the vision tower</param>
/// <param name="Errors">requests by what became of them, other than an answer</param>
/// <param name="RssMb">of the server, at the end; null when its process is not known</param>
internal sealed record LoadResult(
    string Kind, bool? Known, int? Clients, double? Rate, int Requests, int Answered, Distribution? Ttft, Distribution? InterToken, Distribution? Queue,
    double TokensS, double FramesS, double EncodedFramesS, double AnsweredS, IReadOnlyDictionary<string, int> Errors, double? RssMb, double? PeakMb)
{
    /// <param name="during">the time of sending</param>
    public static LoadResult Of(Workload workload, LoadPattern pattern, IReadOnlyCollection<Exchange> exchanges, TimeSpan during, ProcessWatch? watch)
    {
        var answered = exchanges.Where(exchange => exchange.Outcome == Outcome.Answered).ToArray();
        var (seconds, end) = (during.TotalSeconds, during.TotalMilliseconds);
        var begun = answered.Where(exchange => exchange.Stream.Texts.Count > 0 && exchange.Stream.Texts[0] < end).ToArray();
        return new(
            workload.Kind.ToString().ToLowerInvariant(), workload.IsKnown, (pattern as LoadPattern.Closed)?.Clients, (pattern as LoadPattern.Open)?.Rate,
            exchanges.Count, answered.Length,
            Distribution.Of(answered.Select(exchange => exchange.TimeToFirstText).OfType<double>()),
            Distribution.Of(answered.SelectMany(exchange => exchange.Gaps)),
            Distribution.Of(answered.Select(exchange => exchange.Stream.QueueMs).OfType<double>()),
            answered.Sum(exchange => exchange.TokensBefore(end)) / seconds,
            begun.Sum(exchange => exchange.Stream.Frames) / seconds,
            begun.Where(exchange => exchange.Stream.WasKnown == false).Sum(exchange => exchange.Stream.Frames) / seconds,
            answered.Count(exchange => exchange.End <= end) / seconds,
            exchanges.Except(answered).CountBy(exchange => exchange.Code ?? exchange.Outcome.ToString()).ToDictionary(),
            watch?.ResidentMegabytes, watch?.PeakMegabytes);
    }
}
