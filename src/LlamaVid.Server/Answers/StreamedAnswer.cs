using LlamaVid.Engine;
using LlamaVid.Server.Errors;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Answers;

/// <summary>Writes a generation as it happens: role, text, end, usage, <c>[DONE]</c>. Faults before the first byte are thrown.</summary>
/// <remarks>
/// The stream opens when the request is admitted, when there is progress that the client asked for, or after one interval of silence (a slow download), whichever is first;
/// until then a fault gets its real status. A fault after that is a <c>data: {"error":…}</c> and the stream ends without <c>[DONE]</c>.
/// </remarks>
internal sealed class StreamedAnswer(
    IAnswerStream stream, AnswerBuilder answer, AnswerOptions options, TimeProvider time, TimeSpan keepAlive, Func<Exception, Error> describe)
{
    private readonly List<StreamedChoice> _choices = [];

    public async Task WriteAsync(IAsyncEnumerable<GenerationEvent> generation, CancellationToken cancellationToken)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var events = generation.GetAsyncEnumerator(leaving.Token);
        while (true)
        {
            GenerationEvent @event;
            try
            {
                if (!await NextAsync(events, leaving, cancellationToken))
                    throw new InvalidOperationException("The generation ended without saying how.");
                @event = events.Current;
                if (@event is GenerationEvent.Failed { Error: var error })
                    throw error;
            }
            catch (Exception fault) when (stream.IsOpen && !cancellationToken.IsCancellationRequested)
            {
                await stream.DataAsync(new ErrorResponse(describe(fault)), OpenAiJson.Wire.ErrorResponse, cancellationToken);
                return;
            }
            await WriteAsync(@event, cancellationToken);
            if (@event is GenerationEvent.Finished)
                return;
        }
    }

    /// <summary>Waits for the next event; each time the stream has been silent for an interval, a comment goes out.</summary>
    private async Task<bool> NextAsync(IAsyncEnumerator<GenerationEvent> events, CancellationTokenSource leaving, CancellationToken cancellationToken)
    {
        var next = events.MoveNextAsync().AsTask();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            while (true)
            {
                var left = keepAlive - stream.Silence;
                if (left <= TimeSpan.Zero)
                    await stream.CommentAsync("keep-alive", cancellationToken);
                else if (next.IsCompleted || cancellationToken.IsCancellationRequested || await Task.WhenAny(next, Task.Delay(left, time, done.Token)) == next)
                    break;
            }
        }
        catch                                              // nobody reads the comment: the events must not be closed while one is waited for
        {
            await leaving.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        await done.CancelAsync();
        return await next;
    }

    private Task WriteAsync(GenerationEvent @event, CancellationToken cancellationToken) => @event switch
    {
        GenerationEvent.Queued queued when options.IncludeProgress =>
            SendAsync(Empty() with { QueuePosition = queued.Position, QueuePending = queued.Waiting, QueueWaitMs = queued.Wait?.TotalMilliseconds }, cancellationToken),
        GenerationEvent.Progress progress when options.IncludeProgress =>
            SendAsync(Empty() with { Progress = AnswerBuilder.Wire(progress) }, cancellationToken),
        GenerationEvent.Admitted when _choices.Count == 0 => SendAsync(Empty(), cancellationToken),
        GenerationEvent.Prepared prepared => PreparedAsync(prepared.Prompt, cancellationToken),
        GenerationEvent.Token token => TokenAsync(token, cancellationToken),
        GenerationEvent.ChoiceFinished { End: var end } => EndAsync(end, cancellationToken),
        GenerationEvent.Finished finished => FinishedAsync(finished, cancellationToken),
        _ => Task.CompletedTask,
    };

    private Task PreparedAsync(PromptReport prompt, CancellationToken cancellationToken)
    {
        answer.Prompt = prompt;
        return prompt.Media.Count == 0 && !options.ReturnTokenIds && _choices.Count > 0 ? Task.CompletedTask : SendAsync(Empty() with
        {
            Video = answer.Video, Media = answer.Media, PromptTokenIds = options.ReturnTokenIds ? prompt.TokenIds : null,
        }, cancellationToken);
    }

    private Task TokenAsync(GenerationEvent.Token token, CancellationToken cancellationToken)
    {
        answer.TokenCount++;
        return ChoiceOf(token.Choice).Push(token) is { } piece ? SendAsync(answer.Chunk(piece), cancellationToken) : Task.CompletedTask;
    }

    private async Task EndAsync(ChoiceEnd end, CancellationToken cancellationToken)
    {
        var choice = ChoiceOf(end.Choice);
        if (choice.Rest(end.Text) is { } piece)
            await SendAsync(answer.Chunk(piece), cancellationToken);
        await SendAsync(answer.Chunk(choice.End(end)) with { Timings = answer.WireTimings }, cancellationToken);
    }

    private async Task FinishedAsync(GenerationEvent.Finished finished, CancellationToken cancellationToken)
    {
        answer.Timings = finished.Timings;
        await EndAsync(finished.End, cancellationToken);
        if (options.IncludeUsage)
            await SendAsync(answer.Chunk() with { Usage = answer.Usage }, cancellationToken);
        await stream.DataAsync("[DONE]", cancellationToken);
    }

    /// <summary>A chunk that says nothing of an answer; the first one of the stream says whose turn it is.</summary>
    private ChatCompletionChunk Empty() => answer.Chunk(ChoiceOf(0).Empty());

    private StreamedChoice ChoiceOf(int number)
    {
        while (_choices.Count <= number)
            _choices.Add(new(_choices.Count, options));
        return _choices[number];
    }

    private Task SendAsync(ChatCompletionChunk chunk, CancellationToken cancellationToken) =>
        stream.DataAsync(chunk, OpenAiJson.Wire.ChatCompletionChunk, cancellationToken);
}
