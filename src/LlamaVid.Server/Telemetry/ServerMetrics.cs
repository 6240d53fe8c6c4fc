using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Errors;
using Prometheus;

namespace LlamaVid.Server.Telemetry;

/// <summary>The numbers at <c>/metrics</c>: docs/observability.md says what each means. One set for each server; knows no HTTP.</summary>
/// <remarks>Names are vLLM's after our prefix. No label holds anything that clients choose, so their number is bounded.</remarks>
internal sealed class ServerMetrics
{
    private static readonly double[] FirstToken = [.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560];
    private static readonly double[] BetweenTokens = [.001, .0025, .005, .01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];
    private static readonly double[] Stage = [.001, .005, .01, .05, .1, .3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680];

    private readonly MetricFactory _make;

    public ServerMetrics()
    {
        _make = Metrics.WithCustomRegistry(Registry);
        DotNetStats.Register(Registry);
        TimeToFirstToken = Histogram("time_to_first_token_seconds", "From submission to the first token.", FirstToken);
        InterToken = Histogram("inter_token_latency_seconds", "Between two tokens of one answer.", BetweenTokens);
        EndToEnd = Histogram("e2e_request_latency_seconds", "From submission to the last token, of answers that were completed.", Stage);
        Queue = Histogram("request_queue_time_seconds", "From submission until a worker took the request, fetching included.", Stage);
        Fetch = Histogram("media_fetch_seconds", "Fetching and probing the media of one request.", Stage);
        Decode = Histogram("media_decode_seconds", "From the worker's start until the last frame was decoded and encoded; none when features were known.", Stage);
        Vision = Histogram("vision_encode_seconds", "Work of the vision tower and of the compression to tokens, for one request.", Stage);
        Prefill = Histogram("request_prefill_time_seconds", "From the complete prompt to the first token.", Stage);
        Generation = Histogram("request_decode_time_seconds", "From the first token to the last.", Stage);
        PromptTokens = Counter("prompt_tokens_total", "Positions of prompts that were complete.");
        GenerationTokens = Counter("generation_tokens_total", "Tokens that were drawn.");
        Frames = Counter("frames_total", "Frames that prompts held.");
        CacheQueries = Counter("mm_cache_queries_total", "Videos and pictures whose features were looked for.");
        CacheHits = Counter("mm_cache_hits_total", "Of them, those whose features were there already.");
        Success = Counter("request_success_total", "Requests that came to their end: stop, length, or abort when the client went away.", ["finished_reason"], "stop", "length", "abort");
        Failure = Counter("request_failure_total", "Requests that were accepted and failed, by the code of the error.", ["code"]);
        Rejected = Counter("queue_rejected_total", "Requests that were not run, by the code of the error.", ["reason"]);
        Http = Counter("http_requests_total", "HTTP requests, by route and status.", ["route", "status"]);
        Jobs = new(this);
    }

    public CollectorRegistry Registry { get; } = Metrics.NewCustomRegistry();

    public Histogram TimeToFirstToken { get; }
    public Histogram InterToken { get; }
    public Histogram EndToEnd { get; }
    public Histogram Queue { get; }
    public Histogram Fetch { get; }
    public Histogram Decode { get; }
    public Histogram Vision { get; }
    public Histogram Prefill { get; }
    public Histogram Generation { get; }
    public Counter PromptTokens { get; }
    public Counter GenerationTokens { get; }
    public Counter Frames { get; }
    public Counter CacheQueries { get; }
    public Counter CacheHits { get; }
    public Counter Success { get; }
    public Counter Failure { get; }
    public Counter Rejected { get; }
    public Counter Http { get; }
    public JobMetrics Jobs { get; }

    /// <summary>Follows an engine: every request as it goes, and what is true at the moment when it is asked for.</summary>
    public void Watch(GenerationEngine engine, TimeProvider time)
    {
        engine.Observer = request => new RequestTelemetry(this, time, request).See;
        var running = Gauge("num_requests_running", "Requests that workers advance now.");
        var waiting = Gauge("num_requests_waiting", "Requests in line.");
        var cache = Gauge("kv_cache_usage_perc", "Share of the positions for keys and values that is held, from 0 to 1.");
        var features = Gauge("feature_cache_bytes", "Memory for features of videos.");
        var workers = Gauge("workers", "Workers that take requests.");
        var expected = Gauge("workers_expected", "Workers that there should be, one for each device.");
        var failures = Counter("worker_failures_total", "How often a worker's loop has failed; what ran there was ended.");
        var draining = Gauge("draining", "1 while nothing more is taken, by POST /admin/drain or because the process stops.");
        var ready = Gauge("ready", "1 when requests are answered, as at /health/ready.");
        Registry.AddBeforeCollectCallback(() =>
        {
            var loads = engine.Workers;
            running.Set(loads.Sum(load => load.Running));
            waiting.Set(engine.Waiting);
            cache.Set(loads.Sum(load => (long)load.KvTotal) is > 0 and var total ? loads.Sum(load => (double)load.KvHeld) / total : 0);
            features.Set(loads.Sum(load => load.FeatureBytes));
            var (state, health) = (engine.State, engine.Health);
            workers.Set(health.Serving);
            expected.Set(health.Total);
            failures.IncTo(health.Failures);
            draining.Set(state is EngineState.Paused or EngineState.Stopping ? 1 : 0);
            ready.Set(state == EngineState.Ready && health.Serving > 0 ? 1 : 0);
        });
    }

    /// <summary>Follows what is known of media before their features are looked for.</summary>
    public void Watch(MediaOpener media)
    {
        var queries = Counter("media_cache_queries_total", "Videos, pictures and subtitle tracks that had to be looked into, unless they were known by their content.");
        var hits = Counter("media_cache_hits_total", "Of them, those that were known: no process was started for them.");
        var bytes = Gauge("media_cache_bytes", "Memory for what is known of media.");
        Registry.AddBeforeCollectCallback(() =>
        {
            var known = media.Knowledge;
            queries.IncTo(known.Queries);
            hits.IncTo(known.Hits);
            bytes.Set(known.Bytes);
        });
    }

    /// <summary>A request came to nothing before a worker took it, or failed after.</summary>
    public void Failed(Exception fault, bool wasStarted)
    {
        if (fault is OperationCanceledException)
            Success.WithLabels("abort").Inc();
        else
            (wasStarted ? Failure : Rejected).WithLabels(ErrorMap.Map(fault, requestId: "").Error.Code ?? "unknown").Inc();
    }

    internal Gauge Gauge(string name, string help) => _make.CreateGauge($"llamavid_{name}", help);

    private Counter Counter(string name, string help) => _make.CreateCounter($"llamavid_{name}", help);

    /// <param name="known">values of its one label that are there, at zero, before they are counted</param>
    internal Counter Counter(string name, string help, string[] labels, params ReadOnlySpan<string> known)
    {
        var counter = _make.CreateCounter($"llamavid_{name}", help, labels);
        foreach (var value in known) counter.WithLabels(value);
        return counter;
    }

    private Histogram Histogram(string name, string help, double[] buckets) =>
        _make.CreateHistogram($"llamavid_{name}", help, new HistogramConfiguration { Buckets = buckets });
}
