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
        var choices = new SortedDictionary<int, CollectedChoice>();
        await foreach (var @event in generation.WithCancellation(cancellationToken))
        {
            switch (@event)
            {
                case GenerationEvent.Prepared prepared:
                    answer.Prompt = prepared.Prompt;
                    break;
                case GenerationEvent.Token token:
                    answer.TokenCount++;
                    Choice(token.Choice).Add(token);
                    break;
                case GenerationEvent.ChoiceFinished { End: var end }:
                    Choice(end.Choice).End = end;
                    break;
                case GenerationEvent.Finished finished:
                    answer.Timings = finished.Timings;
                    Choice(finished.Choice).End = finished.End;
                    return Complete(answer, [.. choices.Values.Select(choice => choice.Complete(options))], options, isAsk);
                case GenerationEvent.Failed failed:
                    throw failed.Error;
            }
        }
        throw new InvalidOperationException("The generation ended without saying how.");

        CollectedChoice Choice(int number) => choices.TryGetValue(number, out var known) ? known : choices[number] = new();
    }

    private static ChatCompletion Complete(AnswerBuilder answer, IReadOnlyList<Choice> choices, AnswerOptions options, bool isAsk) => new()
    {
        Id = answer.Id,
        Created = answer.Created,
        Model = answer.Model,
        SystemFingerprint = answer.Fingerprint,
        Choices = choices,
        Usage = answer.Usage,
        Answer = isAsk ? choices[0].Message.Content : null,
        Video = answer.Video,
        Media = answer.Media,
        Timings = answer.WireTimings!,
        PromptTokenIds = options.ReturnTokenIds ? answer.Prompt?.TokenIds : null,
    };

    /// <summary>One of the answers while it grows.</summary>
    private sealed class CollectedChoice
    {
        private readonly StringBuilder _text = new();
        private readonly List<int> _ids = [];
        private readonly List<TokenLogprob> _logprobs = [];

        public ChoiceEnd? End { get; set; }

        public void Add(GenerationEvent.Token token)
        {
            _ids.Add(token.Id);
            _text.Append(token.Text);
            if (AnswerBuilder.Wire(token) is { } logprob)
                _logprobs.Add(logprob);
        }

        public Choice Complete(AnswerOptions options) => new()
        {
            Index = End!.Choice,
            Message = new("assistant", _text.Append(End.Text).ToString().Trim()),
            Logprobs = options.Logprobs ? new(_logprobs) : null,
            FinishReason = AnswerBuilder.Wire(End.Reason),
            StopReason = AnswerBuilder.Wire(End.StoppedBy),
            TokenIds = options.ReturnTokenIds ? _ids : null,
        };
    }
}
