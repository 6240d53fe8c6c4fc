using System.ClientModel;
using LlamaVid.Tests;
using OpenAI;
using OpenAI.Chat;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Programs that other people wrote: OpenAI's .NET client and curl.</summary>
[Collection(nameof(DefaultServer))]
public sealed class ClientTests(DefaultServer fixture)
{
    private readonly RunningServer _server = fixture.Server;

    private OpenAIClient OpenAi => new(new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new(_server.Address, "/v1") });

    private static UserChatMessage Question => new(
        ChatMessageContentPart.CreateImagePart(BinaryData.FromBytes(Clips.Bytes), "video/mp4"), ChatMessageContentPart.CreateTextPart("What happens in the video?"));

    [Fact]
    public async Task OpenAis_client_asks()
    {
        var whole = await _server.ChatAsync(Clips.Chat());
        ChatCompletion completion = await OpenAi.GetChatClient("default").CompleteChatAsync(
            [Question], new() { MaxOutputTokenCount = 8, Temperature = 0, EndUserId = "u" }, TestContext.Current.CancellationToken);

        Assert.Equal(whole.Answer, completion.Content[0].Text);
        Assert.Equal(ChatFinishReason.Length, completion.FinishReason);
        Assert.Equal(8, completion.Usage.OutputTokenCount);
        Assert.Equal("default", completion.Model);
    }

    [Fact]
    public async Task OpenAis_client_streams()
    {
        var whole = await _server.ChatAsync(Clips.Chat());
        var (text, finish, usage) = ("", (ChatFinishReason?)null, (ChatTokenUsage?)null);
        await foreach (var update in OpenAi.GetChatClient("default").CompleteChatStreamingAsync([Question], new() { MaxOutputTokenCount = 8, Temperature = 0 }, TestContext.Current.CancellationToken))
        {
            text += string.Concat(update.ContentUpdate.Select(part => part.Text));
            finish ??= update.FinishReason;
            usage ??= update.Usage;
        }
        Assert.Equal((whole.Answer, ChatFinishReason.Length, 8), (text, finish, usage?.OutputTokenCount));
    }

    [Fact]
    public async Task OpenAis_client_reads_errors()
    {
        var fault = await Assert.ThrowsAsync<ClientResultException>(() => OpenAi.GetChatClient("gpt-4").CompleteChatAsync([Question], null, TestContext.Current.CancellationToken));
        Assert.Equal(404, fault.Status);
        Assert.Contains("The model 'gpt-4' does not exist", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAis_client_lists_the_model()
    {
        var models = await OpenAi.GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);
        Assert.Equal("default", Assert.Single(models.Value).Id);
    }

    [Fact]
    public async Task Curl_uploads_and_streams()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("lv").FullName, "clip.mp4");
        await File.WriteAllBytesAsync(file, Clips.Bytes, TestContext.Current.CancellationToken);
        try
        {
            var (code, output, _) = await Clips.RunAsync("curl", "-sSN", "-F", $"video=@{file}", "-F", "question=What happens?", "-F", "stream=true", "-F", "max_tokens=4", $"{_server.Address}v1/ask");
            Assert.Equal(0, code);
            Assert.StartsWith("data: {\"id\":\"chatcmpl-", output, StringComparison.Ordinal);
            Assert.EndsWith("data: [DONE]\n\n", output, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    [Fact]
    public async Task Curl_sends_a_large_body_in_pieces_and_is_told_when_it_is_no_json()
    {
        var (code, output, _) = await Clips.RunAsync("curl", "-sS", "-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/json", "-d", "{\"messages\":", $"{_server.Address}v1/chat/completions");
        Assert.Equal(0, code);
        Assert.Contains("\"code\":\"invalid_json\"", output, StringComparison.Ordinal);
    }
}
