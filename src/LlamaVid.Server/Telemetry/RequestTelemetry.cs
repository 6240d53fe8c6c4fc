using System.Diagnostics;
using LlamaVid.Engine;

namespace LlamaVid.Server.Telemetry;

/// <summary>Turns what happens to one request into metrics at once, and into one span per stage when it is over. Changes nothing about the request.</summary>
/// <remarks>The events of a request come one after the other, on different threads. Decoding and seeing go on together, so their spans overlap.</remarks>
internal sealed class RequestTelemetry(ServerMetrics metrics, TimeProvider time, GenerationRequest request)
{
    public const string SourceName = "LlamaVid.Server";

    private static readonly ActivitySource Source = new(SourceName);

    private readonly ActivityContext _parent = Activity.Current?.Context ?? default;
    private readonly DateTimeOffset _submitted = time.GetUtcNow();
    private readonly long _begin = time.GetTimestamp();
    private TimeSpan? _fetch, _fetched, _started, _decoded, _seeing, _prepared, _firstToken;
    private readonly TimeSpan?[] _lastToken = new TimeSpan?[request.Choices];
    private PromptReport? _prompt;
    private int _tokens;

    public void See(GenerationEvent happened)
    {
        var now = time.GetElapsedTime(_begin);
        switch (happened)
        {
            case GenerationEvent.Progress { Stage: WorkStage.Fetch } fetch:
                (_fetch, _fetched) = (_fetch ?? now, fetch.Done == fetch.Total ? now : null);
                break;
            case GenerationEvent.Started:
                _started = now;
                metrics.Queue.Observe(now.TotalSeconds);
                break;
            case GenerationEvent.Progress { Stage: WorkStage.Decode }:
                _decoded = now;
                break;
            case GenerationEvent.Progress { Stage: WorkStage.Vision }:
                _seeing ??= now;
                break;
            case GenerationEvent.Prepared prepared:
                _prepared = now;
                Prepared(prepared.Prompt);
                break;
            case GenerationEvent.Token token:
                Token(token.Choice, now);
                break;
            case GenerationEvent.Finished finished:
                Finished(finished, now);
                break;
            case GenerationEvent.Failed failed:
                metrics.Failed(failed.Error, wasStarted: _started is not null);
                Trace(now, failed.Error is OperationCanceledException ? "abort" : failed.Error.GetType().Name, isFault: failed.Error is not OperationCanceledException);
                break;
        }
    }

    private void Prepared(PromptReport prompt)
    {
        _prompt = prompt;
        metrics.PromptTokens.Inc(prompt.Positions);
        metrics.Frames.Inc(prompt.Media.Sum(media => media.Frames));
        metrics.CacheQueries.Inc(prompt.Media.Count);
        metrics.CacheHits.Inc(prompt.Media.Count(media => media.WasKnown));
    }

    private void Token(int choice, TimeSpan now)
    {
        metrics.GenerationTokens.Inc();
        if (_firstToken is null) metrics.TimeToFirstToken.Observe(now.TotalSeconds);
        if (_lastToken[choice] is { } last) metrics.InterToken.Observe((now - last).TotalSeconds);
        (_firstToken, _lastToken[choice]) = (_firstToken ?? now, now);
        _tokens++;
    }

    private void Finished(GenerationEvent.Finished finished, TimeSpan now)
    {
        metrics.Success.WithLabels(finished.Reason == FinishReason.Stop ? "stop" : "length").Inc();
        metrics.EndToEnd.Observe(now.TotalSeconds);
        metrics.Prefill.Observe(finished.Timings.Prefill / 1000);
        metrics.Generation.Observe(finished.Timings.Decode / 1000);
        if (request.Media.Count > 0)
        {
            metrics.Fetch.Observe(finished.Timings.Fetch / 1000);
            metrics.Vision.Observe(finished.Timings.Vision / 1000);
            if (_decoded is not null) metrics.Decode.Observe((_decoded - _started)!.Value.TotalSeconds);
        }
        Trace(now, finished.Reason == FinishReason.Stop ? "stop" : "length", isFault: false);
    }

    /// <summary>Spans of the stages that were reached; the one that was under way carries the end.</summary>
    private void Trace(TimeSpan now, string end, bool isFault)
    {
        if (!Source.HasListeners()) return;
        Span("queue", TimeSpan.Zero, _started, [new("llamavid.priority", request.Priority)]);
        Span("fetch", _fetch, _fetched, [new("llamavid.media", request.Media.Count)]);
        if (_decoded is not null) Span("decode_video", _started, _decoded, []);
        Span("vision", _seeing, _prepared, [new("llamavid.frames", _prompt?.Media.Sum(media => media.Frames))]);
        Span("prefill", _prepared, _firstToken, [new("llamavid.prompt_tokens", _prompt?.Positions), new("llamavid.cached_tokens", _prompt?.CachedPositions)]);
        Span("decode", _firstToken, null, [new("llamavid.generated_tokens", _tokens)]);

        void Span(string name, TimeSpan? from, TimeSpan? to, IEnumerable<KeyValuePair<string, object?>> tags)
        {
            if (from is not { } begin) return;
            using var span = Source.StartActivity(name, ActivityKind.Internal, _parent, tags.Append(new("llamavid.id", request.Id)), links: null, _submitted + begin);
            if (to is null)
            {
                span?.SetTag("llamavid.end", end);
                if (isFault) span?.SetStatus(ActivityStatusCode.Error, end);
            }
            span?.SetEndTime((_submitted + (to ?? now)).UtcDateTime);
        }
    }
}
