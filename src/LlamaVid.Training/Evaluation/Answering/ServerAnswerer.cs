using OpenAI.Chat;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>Asks a server, as any client would: the whole video in the message, greedy, one question per request.</summary>
/// <remarks>It shows videos as the server likes to: of an <see cref="Ask"/> it knows the question only.</remarks>
internal sealed class ServerAnswerer(ChatClient client, int maxTokens) : IAnswerer
{
    public async Task<IReadOnlyList<Reply>> AnswerAsync(string video, IReadOnlyList<Ask> asks, CancellationToken cancellationToken)
    {
        var bytes = await ReadAsync(video, cancellationToken).ConfigureAwait(false);
        var replies = new List<Reply>();
        foreach (var ask in asks)
            replies.Add(await AnswerAsync(bytes, ask.Question, cancellationToken).ConfigureAwait(false));
        return replies;
    }

    public void Dispose() { }

    private async Task<Reply> AnswerAsync(BinaryData video, string question, CancellationToken cancellationToken)
    {
        var options = new ChatCompletionOptions { Temperature = 0, MaxOutputTokenCount = maxTokens };
        var message = new UserChatMessage(ChatMessageContentPart.CreateImagePart(video, "video/mp4"), ChatMessageContentPart.CreateTextPart(question));
        try
        {
            ChatCompletion reply = await client.CompleteChatAsync([message], options, cancellationToken).ConfigureAwait(false);
            return new(string.Concat(reply.Content.Select(part => part.Text)).Trim());
        }
        catch (Exception fault) when (Endpoints.IsFault(fault, cancellationToken))
        {
            return Reply.None($"the server failed: {fault.Message}");
        }
    }

    private static async Task<BinaryData> ReadAsync(string video, CancellationToken cancellationToken)
    {
        try
        {
            return BinaryData.FromBytes(await File.ReadAllBytesAsync(video, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new EvaluationFaultException(video, fault.Message, fault);
        }
    }
}
