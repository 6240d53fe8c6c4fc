using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using LlamaVid.Server.Telemetry;
using LlamaVid.Server.Tests.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Server.Tests.Telemetry;

/// <summary>One span for each stage that a request reached, at the times at which it did, and a collector that receives them.</summary>
public sealed class TraceTests
{
    [Fact]
    public async Task A_request_leaves_a_span_for_each_stage()
    {
        using var spans = new Spans();
        await using var server = await RunningServer.StartAsync();

        var first = await server.ChatAsync(Clips.Chat());
        var again = await server.ChatAsync(Clips.Chat());

        var fresh = await spans.OfAsync(Id(first), "decode");
        Assert.Equal(["decode", "decode_video", "fetch", "prefill", "queue", "vision"], fresh.Keys.Order());
        Assert.Equal(["decode", "fetch", "prefill", "queue", "vision"], (await spans.OfAsync(Id(again), "decode")).Keys.Order());
        Assert.All(fresh.Values, span => Assert.NotEqual(ActivityStatusCode.Error, span.Status));
        Assert.True(fresh["queue"].StartTimeUtc <= fresh["fetch"].StartTimeUtc && End(fresh["fetch"]) <= End(fresh["queue"]));
        Assert.Equal(End(fresh["queue"]), fresh["decode_video"].StartTimeUtc);
        Assert.Equal(End(fresh["vision"]), fresh["prefill"].StartTimeUtc);
        Assert.Equal(End(fresh["prefill"]), fresh["decode"].StartTimeUtc);
        Assert.Equal(first.Json.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), fresh["decode"].GetTagItem("llamavid.generated_tokens"));
        Assert.Equal(first.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), fresh["prefill"].GetTagItem("llamavid.prompt_tokens"));
        Assert.Equal(first.Json.GetProperty("video").GetProperty("frames").GetInt32(), fresh["vision"].GetTagItem("llamavid.frames"));
    }

    [Fact]
    public async Task A_request_that_fails_says_in_which_stage()
    {
        using var spans = new Spans();
        await using var server = await RunningServer.StartAsync();

        Assert.Equal(415, (await server.ChatAsync(Clips.Chat(url: "data:video/mp4;base64,AAAA"))).Status);

        var failed = await spans.FailedAsync("UnsupportedMediaException");
        Assert.Equal(["fetch", "queue"], failed.Select(span => span.OperationName).Order());
    }

    [Fact]
    public async Task A_collector_receives_them_under_the_callers_trace()
    {
        const string Trace = "0af7651916cd43dd8448eb211c80319c";
        await using var collector = await Collector.StartAsync();
        var id = "";
        await using (var server = await RunningServer.StartAsync("--Telemetry:OtlpEndpoint", collector.Address))
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(Clips.Chat(), null, "application/json") };
            request.Headers.Add("traceparent", $"00-{Trace}-b7ad6b7169203331-01");
            using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            id = Id(await Reply.OfAsync(response));
            await Deadline.Until(() => collector.Text.Contains(id, StringComparison.Ordinal));
        }
        var received = collector.Text;
        Assert.All(["llamavid-server", "queue", "fetch", "decode_video", "vision", "prefill", "POST /v1/chat/completions", id], text => Assert.Contains(text, received, StringComparison.Ordinal));
        Assert.Contains(Encoding.Latin1.GetString(Convert.FromHexString(Trace)), received, StringComparison.Ordinal);
        Assert.DoesNotContain("What happens", received, StringComparison.Ordinal);
    }

    private static string Id(Reply answer) => answer.Json.GetProperty("id").GetString()!;

    private static DateTime End(Activity span) => span.StartTimeUtc + span.Duration;

    /// <summary>All spans of the process; tests tell theirs by the request's id.</summary>
    private sealed class Spans : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _ended = new();
        private readonly ActivityListener _listener;

        public Spans()
        {
            _listener = new()
            {
                ShouldListenTo = source => source.Name == RequestTelemetry.SourceName,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = _ended.Enqueue,
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public async Task<Dictionary<string, Activity>> OfAsync(string id, string last)
        {
            await Deadline.Until(() => Of().Any(span => span.OperationName == last));
            return Of().ToDictionary(span => span.OperationName);

            IEnumerable<Activity> Of() => _ended.Where(span => id.Equals(span.GetTagItem("llamavid.id")));
        }

        public async Task<Activity[]> FailedAsync(string fault)
        {
            await Deadline.Until(() => Of().Any());
            return Of().First();

            // Servers of other tests fail in this process too.
            IEnumerable<Activity[]> Of() => _ended.Where(span => span.Status == ActivityStatusCode.Error && span.StatusDescription == fault)
                .GroupBy(span => span.GetTagItem("llamavid.id")).Select(spans => spans.ToArray()).Where(spans => spans.Length >= 2);
        }

        public void Dispose() => _listener.Dispose();
    }

    /// <summary>Takes what OTLP sends, over HTTP, and keeps it.</summary>
    private sealed class Collector(WebApplication app) : IAsyncDisposable
    {
        public ConcurrentQueue<byte[]> Received { get; } = new();

        public string Address => app.Urls.First();

        public string Text => Encoding.Latin1.GetString([.. Received.SelectMany(bytes => bytes)]);

        public static async Task<Collector> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            var collector = new Collector(builder.Build());
            await collector.ServeAsync();
            return collector;
        }

        private async Task ServeAsync()
        {
            app.MapPost("/v1/traces", async (HttpRequest request) =>
            {
                using var body = new MemoryStream();
                await request.Body.CopyToAsync(body);
                Received.Enqueue(body.ToArray());
                return Results.Bytes([], "application/x-protobuf");
            });
            await app.StartAsync();
        }

        public async ValueTask DisposeAsync() => await app.DisposeAsync();
    }
}
