using System.Collections.Concurrent;
using System.Text.Json;
using LlamaVid.Server.Tests.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using StandardWebhooks;
using static LlamaVid.Server.Tests.Jobs.JobsFolder;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>Ends of jobs, told to a receiver on loopback that does not always listen.</summary>
public sealed class WebhookTests : IDisposable
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private static readonly string[] Quick = [.. HeldVideo.Allowed, "--Jobs:WebhookDelay", "00:00:00.010", "--Jobs:WebhookTimeout", "00:00:02", "--Jobs:WebhookAttempts", "4"];

    private readonly JobsFolder _folder = new();

    [Fact]
    public async Task The_end_is_told_signed_and_with_the_result()
    {
        await using var receiver = await Receiver.StartAsync(_ => 204);
        await using var server = await _folder.StartAsync(Quick);
        var id = await AcceptedAsync(server, Asking(receiver.Url, Secret));

        var message = await receiver.NextAsync();

        new StandardWebhook(Secret).Verify(message.Body, new HeaderDictionary
        {
            ["webhook-id"] = message.Id, ["webhook-timestamp"] = message.Timestamp, ["webhook-signature"] = message.Signature,
        });
        var json = JsonElement.Parse(message.Body);
        Assert.Equal((id, "job.completed"), (message.Id, json.GetProperty("type").GetString()));
        Assert.Equal(Answer(await EndedAsync(server, id)), Answer(json.GetProperty("data")));
        Assert.Equal("delivered", await SettledAsync(server, id));
    }

    [Fact]
    public async Task A_receiver_that_fails_is_told_again_the_same_until_it_listens()
    {
        await using var receiver = await Receiver.StartAsync(attempt => attempt switch { 1 => 500, 2 => 302, _ => 200 });
        await using var server = await _folder.StartAsync(Quick);
        var id = await AcceptedAsync(server, Asking(receiver.Url, Secret));

        Assert.Equal("delivered", await SettledAsync(server, id));

        Assert.Equal(3, receiver.Messages.Count);
        Assert.Single(receiver.Messages.Select(message => (message.Id, message.Body)).Distinct());
    }

    [Theory]
    [InlineData(503, 4)]
    [InlineData(307, 4)]                                                    // to itself, if it were followed
    [InlineData(410, 1)]
    public async Task A_receiver_that_never_listens_is_given_up(int status, int attempts)
    {
        await using var receiver = await Receiver.StartAsync(_ => status);
        await using var server = await _folder.StartAsync(Quick);
        var id = await AcceptedAsync(server, Asking(receiver.Url, null));

        Assert.Equal("failed", await SettledAsync(server, id));

        Assert.Equal(attempts, receiver.Messages.Count);
        Assert.All(receiver.Messages, message => Assert.Equal("", message.Signature));
        Assert.Equal("completed", Status(await EndedAsync(server, id)));
    }

    [Fact]
    public async Task What_is_not_told_yet_is_told_after_a_restart()
    {
        var refuses = true;
        await using var receiver = await Receiver.StartAsync(_ => refuses ? 500 : 200);
        string id;
        await using (var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:WebhookDelay", "00:00:01"]))
        {
            id = await AcceptedAsync(server, Asking(receiver.Url, Secret));
            await receiver.NextAsync();
        }
        refuses = false;
        await using (var server = await _folder.StartAsync(Quick))
            Assert.Equal("delivered", await SettledAsync(server, id));
        Assert.Equal(id, receiver.Messages.Last().Id);
    }

    [Fact]
    public async Task Addresses_that_are_not_public_are_not_told_anything()
    {
        await using var receiver = await Receiver.StartAsync(_ => 200);
        var port = new Uri(receiver.Url).Port;
        await using var server = await _folder.StartAsync(
            "--Media:AllowHttp", "true", "--Media:AllowedPorts:0", $"{port}", "--Jobs:WebhookDelay", "00:00:00.010", "--Jobs:WebhookAttempts", "2");
        foreach (var (url, code) in new[]
        {
            ($"http://127.0.0.1:{port - 1}/", "address_not_allowed"),       // by its port
            ("http://user:pw@example.com/", "address_not_allowed"),
            ("file:///etc/passwd", "invalid_value"),
            ("not an address", "invalid_value"),
        })
        {
            var refused = await server.ChatAsync(Asking(url, null));
            Assert.Equal((400, code, "webhook.url"), (refused.Status, refused.Code, refused.Error.GetProperty("param").GetString()));
        }
        foreach (var host in new[] { "127.0.0.1", "localhost", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433" })
            Assert.Equal("failed", await SettledAsync(server, await AcceptedAsync(server, Asking($"http://{host}:{port}/hook", null))));
        Assert.Empty(receiver.Messages);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("whsec_!!!")]
    [InlineData("whsec_AAAA")]
    public async Task A_secret_that_is_none_is_refused_and_not_repeated(string secret)
    {
        await using var server = await _folder.StartAsync();
        var refused = await server.ChatAsync(Asking("https://example.com/", secret));
        Assert.Equal((400, "webhook.secret"), (refused.Status, refused.Error.GetProperty("param").GetString()));
        Assert.DoesNotContain(secret, refused.Text, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    internal static string Asking(string url, string? secret) =>
        Body($$"""
            "max_tokens":4,"temperature":0,"webhook":{{JsonSerializer.Serialize(secret is null ? new() { ["url"] = url } : new Dictionary<string, string> { ["url"] = url, ["secret"] = secret })}}
            """);

    /// <summary>What became of the message.</summary>
    private static async Task<string> SettledAsync(RunningServer server, string id)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (true)
        {
            var status = (await EndedAsync(server, id)).GetProperty("webhook").GetProperty("status").GetString()!;
            if (status != "pending") return status;
            await Task.Delay(20, patience.Token);
        }
    }

    internal sealed record Message(string Id, string Timestamp, string Signature, string Body);

    internal sealed class Receiver(Func<int, int> answers) : IAsyncDisposable
    {
        private readonly SemaphoreSlim _told = new(0);
        private WebApplication _app = null!;

        public ConcurrentQueue<Message> Messages { get; } = [];

        public string Url => _app.Urls.First() + "/hook?token=of+mine";

        public static async Task<Receiver> StartAsync(Func<int, int> answers)
        {
            var receiver = new Receiver(answers);
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            receiver._app = builder.Build();
            receiver._app.MapPost("/hook", receiver.HearAsync);
            await receiver._app.StartAsync();
            return receiver;
        }

        public async Task<Message> NextAsync()
        {
            Assert.True(await _told.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
            return Messages.Last();
        }

        public async ValueTask DisposeAsync()
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
            _told.Dispose();
        }

        private async Task<IResult> HearAsync(HttpRequest request)
        {
            using var reader = new StreamReader(request.Body);
            Messages.Enqueue(new($"{request.Headers["webhook-id"]}", $"{request.Headers["webhook-timestamp"]}", $"{request.Headers["webhook-signature"]}", await reader.ReadToEndAsync()));
            _told.Release();
            request.HttpContext.Response.Headers.Location = request.Path.Value;
            return Results.StatusCode(answers(Messages.Count));
        }
    }
}
