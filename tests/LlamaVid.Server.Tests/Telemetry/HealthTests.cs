using System.Text.Json;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Server.Tests.Security;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using TorchSharp;

namespace LlamaVid.Server.Tests.Telemetry;

/// <summary>What is said at <c>/health</c> is so: before the model is there, while it answers, and from the moment the server is told to stop.</summary>
public sealed class HealthTests
{
    [Fact]
    public async Task Ready_begins_with_the_model_and_ends_with_the_drain()
    {
        await using var server = await RunningServer.StartAsync();
        Assert.Equal(("ready", 1), ((await server.GetAsync("/health/ready")).Json.GetProperty("status").GetString(), (await Scrape.OfAsync(server))["llamavid_ready"]));
        using var running = await server.StreamAsync();

        server.Engine.Engine.Drain();

        foreach (var path in new[] { "/health/ready", "/health" })
        {
            var draining = await server.GetAsync(path);
            Assert.Equal((503, "engine_draining", "5"), (draining.Status, draining.Code, draining.Headers["Retry-After"]));
        }
        Assert.Equal(200, (await server.GetAsync("/health/live")).Status);
        Assert.Equal(0, (await Scrape.OfAsync(server))["llamavid_ready"]);
        Assert.Equal((503, "engine_draining"), (await server.ChatAsync(Clips.Chat()) is var refused ? refused.Status : 0, refused.Code));
    }

    [Fact]
    public async Task A_lost_worker_of_several_is_told_and_the_others_answer()
    {
        await using var server = await RunningServer.StartAsync("--Engine:Devices", "cpu,cpu", "--Model:Device", "cpu");
        var engine = server.Engine.Engine;
        Assert.Equal((2, 2, 0), Told((await server.GetAsync("/health/ready")).Json));

        var weight = engine.Models[0].Parameters.Single(parameter => parameter.Name == "lm_head.weight").Value;
        using (torch.no_grad())
        {
            using var kept = weight.detach().clone();
            using var wrong = torch.zeros(1, 1);
            weight.set_(wrong);                                     // a worker gives up after three failures in a row: of five, one of the two has had them
            for (var i = 1; i <= 5 && engine.Workers.Count == 2; i++)
            {
                Assert.Equal((503, "engine_overloaded"), (await Keys.ChatAsync(server, null) is var failed ? failed.Status : 0, failed.Code));
                await Deadline.Until(() => engine.Health is { Failures: var failures, Serving: > 0 } && failures == i);
            }
            await Deadline.Until(() => engine is { Workers.Count: 1, Health.Serving: 1 });
            weight.set_(kept);
        }

        var degraded = await server.GetAsync("/health/ready");
        Assert.Equal((200, "degraded"), (degraded.Status, degraded.Json.GetProperty("status").GetString()));
        Assert.Equal((2, 1, engine.Health.Failures), Told(degraded.Json));
        var scrape = await Scrape.OfAsync(server);
        Assert.Equal((1, 2, 1), (scrape["llamavid_workers"], scrape["llamavid_workers_expected"], scrape["llamavid_ready"]));
        Assert.Equal(engine.Health.Failures, scrape["llamavid_worker_failures_total"]);
        Assert.Equal(200, (await server.ChatAsync(Clips.Chat("\"max_tokens\":4"))).Status);

        static (int, int, int) Told(JsonElement health) => health.GetProperty("workers") is var workers
            ? (workers.GetProperty("total").GetInt32(), workers.GetProperty("serving").GetInt32(), workers.GetProperty("failures").GetInt32())
            : default;
    }

    [Fact]
    public async Task A_server_whose_model_is_not_there_yet_says_so()
    {
        await using var app = LlamaVidApp.Build(
            "--Model:Path", LlamaVid.Tests.Repository.TinyModel, "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default", "Fatal", "--Serilog:MinimumLevel:Override:Microsoft.Hosting.Lifetime", "Fatal");
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var http = new HttpClient { BaseAddress = new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()) };
        var codes = new HashSet<string>();
        await Deadline.Until(async () =>
        {
            using var response = await http.GetAsync("/health/ready", TestContext.Current.CancellationToken);
            var reply = await Reply.OfAsync(response);
            codes.Add(reply.Status == 200 ? "ready" : reply.Code!);
            return reply.Status == 200;
        });
        Assert.Subset(new HashSet<string> { "engine_loading", "ready" }, codes);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }
}
