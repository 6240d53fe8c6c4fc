using LlamaVid.Engine;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Answers;

/// <summary>One of the answers of a stream: which pieces of it go into chunks. Its first chunk says whose turn it is; every token is told of in some chunk.</summary>
internal sealed class StreamedChoice(int index, AnswerOptions options)
{
    private readonly AnswerText _text = new();
    private readonly List<int> _ids = [];                 // of tokens that no chunk has told of yet
    private readonly List<TokenLogprob> _logprobs = [];
    private bool _roleSent;

    /// <returns>null while no text has become certain</returns>
    public ChunkChoice? Push(GenerationEvent.Token token)
    {
        _ids.Add(token.Id);
        if (AnswerBuilder.Wire(token) is { } logprob)
            _logprobs.Add(logprob);
        return Rest(token.Text);
    }

    /// <returns>null when it holds no text that is certain</returns>
    public ChunkChoice? Rest(string text) => _text.Push(text) is { Length: > 0 } certain ? Chunk(Opening() with { Content = certain }) : null;

    public ChunkChoice Empty() => new() { Index = index, Delta = Opening() };

    public ChunkChoice End(ChoiceEnd end) =>
        Chunk(Opening()) with { FinishReason = AnswerBuilder.Wire(end.Reason), StopReason = AnswerBuilder.Wire(end.StoppedBy) };

    private ChunkChoice Chunk(Delta delta)
    {
        var chunk = new ChunkChoice
        {
            Index = index,
            Delta = delta,
            TokenIds = options.ReturnTokenIds && _ids.Count > 0 ? [.. _ids] : null,
            Logprobs = options.Logprobs && _logprobs.Count > 0 ? new([.. _logprobs]) : null,
        };
        _ids.Clear();
        _logprobs.Clear();
        return chunk;
    }

    private Delta Opening()
    {
        if (_roleSent)
            return Delta.Empty;
        _roleSent = true;
        return new() { Role = "assistant", Content = "" };
    }
}
