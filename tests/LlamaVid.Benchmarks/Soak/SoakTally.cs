using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Benchmarks.Soak;

/// <summary>Counts what became of requests, and which of it no client should ever see. Any thread.</summary>
internal sealed class SoakTally
{
    private static readonly string[] ForBusyServers =
        ["503 engine_overloaded", "200 engine_overloaded", "408 queue_timeout", "200 queue_timeout", "429 rate_limit_exceeded"];

    private static readonly string[] ForBrokenVideos =
        ["unsupported_media", "video_unreadable", "video_too_long", "video_too_large", "payload_too_large", "context_length_exceeded", "invalid_data_uri"];

    private readonly SortedDictionary<string, int> _proper = [], _improper = [];
    private readonly Lock _gate = new();

    public IReadOnlyDictionary<string, int> Proper { get { lock (_gate) return new SortedDictionary<string, int>(_proper); } }

    public IReadOnlyDictionary<string, int> Improper { get { lock (_gate) return new SortedDictionary<string, int>(_improper); } }

    public int Count { get { lock (_gate) return _proper.Values.Sum() + _improper.Values.Sum(); } }

    public void Add(SoakRequest request, Exchange exchange)
    {
        var name = exchange.Outcome == Outcome.Refused ? exchange.Code! : exchange.Code ?? exchange.Outcome.ToString().ToLowerInvariant();
        lock (_gate)
        {
            var counts = IsProper(request, exchange) ? _proper : _improper;
            counts[name] = counts.GetValueOrDefault(name) + 1;
        }
    }

    private static bool IsProper(SoakRequest request, Exchange exchange) => exchange.Outcome switch
    {
        Outcome.Answered => true,
        Outcome.Cancelled => request.LeaveAfter is not null || request.LeaveIn is not null,
        Outcome.Refused => ForBusyServers.Contains(exchange.Code) || request.MayBeRefused && ForBrokenVideos.Contains(exchange.Code!.Split(' ')[^1]),
        _ => false,
    };
}
