using System.Globalization;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Telemetry;

/// <summary>The metrics agree with what a client did: counts, sums and gauges.</summary>
public sealed class MetricsTests
{
    [Fact]
    public async Task Counts_and_sums_are_those_of_the_answers()
    {
        await using var server = await RunningServer.StartAsync();
        var answers = new List<Reply>();
        for (var i = 0; i < 3; i++) answers.Add(await server.ChatAsync(Clips.Chat("\"max_tokens\":5,\"temperature\":0")));
        answers.Add(await server.ChatAsync("""{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1}"""));
        Assert.Equal(415, (await server.ChatAsync(Clips.Chat(url: "data:video/mp4;base64,AAAA"))).Status);
        Assert.Equal(400, (await server.ChatAsync("{}")).Status);

        var metrics = await Scrape.OfAsync(server);
        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        Assert.Equal(Sum("usage", "prompt_tokens"), metrics["llamavid_prompt_tokens_total"]);
        Assert.Equal(Sum("usage", "completion_tokens"), metrics["llamavid_generation_tokens_total"]);
        Assert.Equal(answers.Take(3).Sum(answer => answer.Json.GetProperty("video").GetProperty("frames").GetInt32()), metrics["llamavid_frames_total"]);
        Assert.Equal((3, 2), (metrics["llamavid_mm_cache_queries_total"], metrics["llamavid_mm_cache_hits_total"]));
        foreach (var (reason, count) in answers.GroupBy(answer => answer.Json.GetProperty("choices")[0].GetProperty("finish_reason").GetString()).Select(group => (group.Key, group.Count())))
            Assert.Equal(count, metrics[$"llamavid_request_success_total{{finished_reason=\"{reason}\"}}"]);

        Assert.Equal(4, metrics["llamavid_time_to_first_token_seconds_count"]);
        Assert.Equal(Sum("timings", "time_to_first_token_ms") / 1000, metrics["llamavid_time_to_first_token_seconds_sum"], 0.25 * 4);
        Assert.Equal(Sum("usage", "completion_tokens") - 4, metrics["llamavid_inter_token_latency_seconds_count"]);
        Assert.Equal(4, metrics["llamavid_e2e_request_latency_seconds_count"]);
        Assert.Equal(4, metrics["llamavid_request_queue_time_seconds_count"]);
        Assert.Equal(Sum("timings", "prefill_ms") / 1000, metrics["llamavid_request_prefill_time_seconds_sum"], 1e-3);
        Assert.Equal(Sum("timings", "decode_ms") / 1000, metrics["llamavid_request_decode_time_seconds_sum"], 1e-3);
        Assert.Equal(3, metrics["llamavid_media_fetch_seconds_count"]);
        Assert.Equal(3, metrics["llamavid_vision_encode_seconds_count"]);
        Assert.Equal(1, metrics["llamavid_media_decode_seconds_count"]);

        Assert.Equal(1, metrics["llamavid_queue_rejected_total{reason=\"unsupported_media\"}"]);
        Assert.Equal((4, 1, 1), (Http("200"), Http("415"), Http("400")));
        Assert.Equal((0, 0, 1, 1), (metrics["llamavid_num_requests_running"], metrics["llamavid_num_requests_waiting"], metrics["llamavid_workers"], metrics["llamavid_ready"]));

        double Sum(string part, string field) => answers.Sum(answer => answer.Json.GetProperty(part).GetProperty(field).GetDouble());
        double Http(string status) => metrics[$"llamavid_http_requests_total{{route=\"/v1/chat/completions\",status=\"{status}\"}}"];
    }

    [Fact]
    public async Task What_runs_and_what_waits_is_seen_and_what_is_refused_is_counted()
    {
        await using var server = await RunningServer.StartAsync("--Engine:MaxRunningSequences", "1", "--Engine:MaxWaitingRequests", "2");
        using var running = await server.StreamAsync();
        await Deadline.Until(async () => (await Scrape.OfAsync(server))["llamavid_num_requests_running"] == 1);
        using var leaving = new CancellationTokenSource();
        var waiting = Enumerable.Range(0, 2).Select(_ => server.Http.PostAsync("/v1/chat/completions", new StringContent(Clips.Chat(), null, "application/json"), leaving.Token)).ToArray();
        await Deadline.Until(async () => (await Scrape.OfAsync(server))["llamavid_num_requests_waiting"] == 2);

        Assert.Equal(503, (await server.ChatAsync(Clips.Chat())).Status);
        var during = await Scrape.OfAsync(server);
        await leaving.CancelAsync();
        running.Dispose();

        Assert.Equal(1, during["llamavid_queue_rejected_total{reason=\"engine_overloaded\"}"]);
        Assert.InRange(during["llamavid_kv_cache_usage_perc"], 0.01, 1);
        await Deadline.Until(async () => await Scrape.OfAsync(server) is var after && Ended(after) == 3 && after["llamavid_num_requests_running"] == 0);
        Assert.Equal(0, (await Scrape.OfAsync(server))["llamavid_num_requests_waiting"]);
        Assert.All(waiting, request => Assert.NotEqual(TaskStatus.Faulted, request.Status));

        static double Ended(Scrape scrape) => new[] { "abort", "length", "stop" }.Sum(reason => scrape[$"llamavid_request_success_total{{finished_reason=\"{reason}\"}}"]);
    }

    [Fact]
    public async Task A_client_that_goes_away_is_an_abort()
    {
        await using var server = await RunningServer.StartAsync();
        using (await server.StreamAsync()) { }
        await Deadline.Until(async () => (await Scrape.OfAsync(server))["llamavid_request_success_total{finished_reason=\"abort\"}"] == 1);
    }

    [Fact]
    public async Task Nothing_that_clients_choose_becomes_a_label()
    {
        await using var server = await RunningServer.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            await server.GetAsync($"/made-up-{i}?x={i}");
            await server.GetAsync($"/v1/models/made-up-{i}");
            using var odd = await server.Http.SendAsync(new(new($"VERB{i}"), "/v1/ask"), TestContext.Current.CancellationToken);
        }
        var text = (await server.GetAsync("/metrics")).Text;
        Assert.DoesNotContain("made-up", text, StringComparison.Ordinal);
        Assert.DoesNotContain("VERB", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_metric_is_explained_in_the_documentation_and_no_other()
    {
        await using var server = await RunningServer.StartAsync();
        var scraped = (await server.GetAsync("/metrics")).Text.Split('\n').Where(line => line.StartsWith("# TYPE llamavid_", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]);
        var page = await File.ReadAllLinesAsync(LlamaVid.Tests.Repository.Path("docs/observability.md"), TestContext.Current.CancellationToken);
        var explained = page.Where(line => line.StartsWith("| `llamavid_", StringComparison.Ordinal)).Select(line => line.Split('`')[1].Split('{')[0]);
        Assert.Equal(scraped.Order(), explained.Order());
    }
}

/// <summary>One reading of <c>/metrics</c>: the value of each series.</summary>
internal sealed class Scrape(IReadOnlyDictionary<string, double> series)
{
    public double this[string name] => series.TryGetValue(name, out var value) ? value : double.NaN;

    public static async Task<Scrape> OfAsync(RunningServer server)
    {
        var reply = await server.GetAsync("/metrics");
        Assert.Equal((200, true), (reply.Status, reply.ContentType.StartsWith("text/plain", StringComparison.Ordinal)));
        return new(reply.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#').Select(line => line.Split(' '))
            .ToDictionary(parts => string.Join(' ', parts[..^1]), parts => double.Parse(parts[^1], CultureInfo.InvariantCulture)));
    }
}
