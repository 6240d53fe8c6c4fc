using System.ClientModel;
using System.ClientModel.Primitives;
using System.Security.Cryptography;
using System.Text;
using LlamaVid.Server.Tests.Jobs;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Files;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

#pragma warning disable OPENAI001                         // the client calls files in messages experimental

namespace LlamaVid.Server.Tests.Http;

/// <summary>.NET's clients beyond a plain question: files, patience with a busy server, and Microsoft's common interface.</summary>
[Collection(nameof(DefaultServer))]
public sealed class DotnetClientTests(DefaultServer fixture)
{
    private const string Key = "a-key-for-tests-of-dotnet-clients";

    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task OpenAis_client_keeps_files()
    {
        var token = TestContext.Current.CancellationToken;
        var files = Client(_server).GetOpenAIFileClient();
        OpenAIFile file = await files.UploadFileAsync(new MemoryStream(Clips.Bytes), "clip.mp4", FileUploadPurpose.Vision, token);

        Assert.Equal(("clip.mp4", FilePurpose.Vision, Clips.Bytes.Length), (file.Filename, file.Purpose, file.SizeInBytes));
        Assert.Contains((await files.GetFilesAsync(token)).Value, other => other.Id == file.Id);
        Assert.Equal(file.CreatedAt, (await files.GetFileAsync(file.Id, token)).Value.CreatedAt);
        Assert.Equal(Clips.Bytes, (await files.DownloadFileAsync(file.Id, token)).Value.ToArray());

        ChatCompletion completion = await Client(_server).GetChatClient("default").CompleteChatAsync(
            [new UserChatMessage(ChatMessageContentPart.CreateFilePart(file.Id), ChatMessageContentPart.CreateTextPart("What happens in the video?"))],
            new() { MaxOutputTokenCount = 8, Temperature = 0 }, token);
        Assert.Equal((await _server.ChatAsync(Clips.Chat())).Answer, completion.Content[0].Text);

        Assert.True((await files.DeleteFileAsync(file.Id, token)).Value.Deleted);
        Assert.Equal(404, (await Assert.ThrowsAsync<ClientResultException>(() => files.GetFileAsync(file.Id, token))).Status);
    }

    [Fact]
    public async Task OpenAis_client_asks_again_when_the_line_was_full()
    {
        await using var held = await HeldVideo.StartAsync();
        await using var server = await RunningServer.StartAsync([.. HeldVideo.Allowed, "--Engine:MaxWaitingRequests", "1"]);
        var waiting = server.ChatAsync(Clips.Chat(url: held.Url));
        await held.Asked;

        var refusals = new Refusals(503, held.Release);
        ChatCompletion completion = await Client(server, refusals).GetChatClient("default").CompleteChatAsync(
            [new UserChatMessage("Say hello.")], new() { MaxOutputTokenCount = 2 }, TestContext.Current.CancellationToken);

        Assert.Equal(2, completion.Usage.OutputTokenCount);
        Assert.Equal("5", refusals.RetryAfter);
        Assert.Equal(200, (await waiting).Status);
    }

    [Fact]
    public async Task OpenAis_client_waits_when_its_key_has_used_up_its_share()
    {
        await using var server = await RunningServer.StartAsync(
            "--Security:Keys:0:Name", "net", "--Security:Keys:0:Sha256", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Key))), "--Security:Keys:0:RequestsPerMinute", "60");
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", Key);
        while ((await server.GetAsync("/v1/models")).Status != 429)
        {
        }

        var refusals = new Refusals(429, () => { });
        Assert.Equal("default", Assert.Single((await Client(server, refusals).GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken)).Value).Id);
        Assert.InRange(int.Parse(refusals.RetryAfter!), 1, 2);
    }

    [Fact]
    public async Task Microsofts_common_interface_asks_and_streams()
    {
        var token = TestContext.Current.CancellationToken;
        var png = Path.Combine(Directory.CreateTempSubdirectory("lv").FullName, "a.png");
        Assert.Equal(0, (await Clips.RunAsync("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", png)).Code);
        using var client = Client(_server).GetChatClient("default").AsIChatClient();
        var options = new ChatOptions { MaxOutputTokens = 8, Temperature = 0 };
        ChatMessage[] picture = [new(ChatRole.User, [new DataContent(await File.ReadAllBytesAsync(png, token), "image/png"), new TextContent("What is it?")])];
        Directory.Delete(Path.GetDirectoryName(png)!, recursive: true);

        var whole = await client.GetResponseAsync(picture, options, token);
        var updates = await client.GetStreamingResponseAsync(picture, options, token).ToListAsync(token);

        Assert.Equal((8, Microsoft.Extensions.AI.ChatFinishReason.Length), (whole.Usage?.OutputTokenCount, whole.FinishReason));
        Assert.Equal(whole.Text, updates.ToChatResponse().Text);
        Assert.Equal(8, updates.ToChatResponse().Usage?.OutputTokenCount);
    }

    [Fact]
    public async Task Microsofts_common_interface_names_an_uploaded_file()
    {
        var token = TestContext.Current.CancellationToken;
        OpenAIFile file = await Client(_server).GetOpenAIFileClient().UploadFileAsync(new MemoryStream(Clips.Bytes), "clip.mp4", FileUploadPurpose.Vision, token);
        using var client = Client(_server).GetChatClient("default").AsIChatClient();
        var reply = await client.GetResponseAsync(
            [new(ChatRole.User, [new HostedFileContent(file.Id), new TextContent("What happens in the video?")])], new() { MaxOutputTokens = 8, Temperature = 0 }, token);
        Assert.Equal((await _server.ChatAsync(Clips.Chat())).Answer, reply.Text);
    }

    private static OpenAIClient Client(RunningServer server, PipelinePolicy? policy = null)
    {
        var options = new OpenAIClientOptions { Endpoint = new(server.Address, "/v1") };
        if (policy is not null) options.AddPolicy(policy, PipelinePosition.PerTry);
        return new(new ApiKeyCredential(Key), options);
    }

    /// <summary>Watches what the client is told, and acts when it is refused.</summary>
    private sealed class Refusals(int status, Action refused) : PipelinePolicy
    {
        public string? RetryAfter { get; private set; }

        public override void Process(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex) => throw new NotSupportedException();

        public override async ValueTask ProcessAsync(PipelineMessage message, IReadOnlyList<PipelinePolicy> pipeline, int currentIndex)
        {
            await ProcessNextAsync(message, pipeline, currentIndex);
            if (message.Response?.Status != status) return;
            RetryAfter = message.Response.Headers.TryGetValue("Retry-After", out var value) ? value : null;
            refused();
        }
    }
}
