using LlamaVid.Server.Composition;
using LlamaVid.Server.Tests.Http;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

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
