using System.Text;
using LlamaVid.Engine;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Answers;

/// <summary>Reads a generation to its end and makes one answer of it. Throws what the generation failed with.</summary>
internal static class WholeAnswer
{
    public static async Task<ChatCompletion> CollectAsync(
        IAsyncEnumerable<GenerationEvent> generation, AnswerBuilder answer, AnswerOptions options, bool isAsk, CancellationToken cancellationToken)
    {
        var text = new StringBuilder();
        List<int> ids = [];
        await foreach (var @event in generation.WithCancellation(cancellationToken))
        {
            switch (@event)
            {
                case GenerationEvent.Prepared prepared:
                    answer.Prompt = prepared.Prompt;
                    break;
                case GenerationEvent.Token token:
                    ids.Add(token.Id);
                    text.Append(token.Text);
                    break;
                case GenerationEvent.Finished finished:
                    text.Append(finished.Text);
                    (answer.Timings, answer.TokenCount) = (finished.Timings, ids.Count);
                    return Complete(answer, text.ToString().Trim(), ids, finished.Reason, options, isAsk);
                case GenerationEvent.Failed failed:
                    throw failed.Error;
            }
        }
        throw new InvalidOperationException("The generation ended without saying how.");
    }

    private static ChatCompletion Complete(AnswerBuilder answer, string text, List<int> ids, FinishReason reason, AnswerOptions options, bool isAsk) => new()
    {
        Id = answer.Id,
        Created = answer.Created,
        Model = answer.Model,
        Choices = [new() { Message = new("assistant", text), FinishReason = AnswerBuilder.Wire(reason), TokenIds = options.ReturnTokenIds ? ids : null }],
        Usage = answer.Usage,
        Answer = isAsk ? text : null,
        Video = answer.Video,
        Media = answer.Media,
        Timings = answer.WireTimings!,
        PromptTokenIds = options.ReturnTokenIds ? answer.Prompt?.TokenIds : null,
    };
}
