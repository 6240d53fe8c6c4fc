using LlamaVid.Engine;
using LlamaVid.Server.Errors;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Answers;

/// <summary>Writes a generation as it happens: role, text, end, usage, <c>[DONE]</c>. Faults before the first byte are thrown.</summary>
/// <remarks>
/// The stream opens when the prompt is complete, when there is progress that the client asked for, or after one interval of silence, whichever is first;
/// until then a fault gets its real status. A fault after that is a <c>data: {"error":…}</c> and the stream ends without <c>[DONE]</c>.
/// </remarks>
internal sealed class StreamedAnswer(
    EventStream stream, AnswerBuilder answer, AnswerOptions options, TimeProvider time, TimeSpan keepAlive, Func<Exception, Error> describe)
{
    private readonly AnswerText _text = new();
    private readonly List<int> _unsent = [];              // token ids that no chunk has carried yet
    private bool _roleSent;

    public async Task WriteAsync(IAsyncEnumerable<GenerationEvent> generation, CancellationToken cancellationToken)
    {
        await using var events = generation.GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            GenerationEvent @event;
            try
            {
                if (!await NextAsync(events, cancellationToken))
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
    private async Task<bool> NextAsync(IAsyncEnumerator<GenerationEvent> events, CancellationToken cancellationToken)
    {
        var next = events.MoveNextAsync().AsTask();
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (true)
        {
            var left = keepAlive - stream.Silence;
            if (left <= TimeSpan.Zero)
                await stream.CommentAsync("keep-alive", cancellationToken);
            else if (next.IsCompleted || cancellationToken.IsCancellationRequested || await Task.WhenAny(next, Task.Delay(left, time, done.Token)) == next)
                break;
        }
        await done.CancelAsync();
        return await next;
    }

    private Task WriteAsync(GenerationEvent @event, CancellationToken cancellationToken) => @event switch
    {
        GenerationEvent.Queued queued when options.IncludeProgress =>
            SendAsync(answer.Chunk(Opening()) with { QueuePosition = queued.Position, QueuePending = queued.Waiting, QueueWaitMs = queued.Wait?.TotalMilliseconds }, cancellationToken),
        GenerationEvent.Progress progress when options.IncludeProgress =>
            SendAsync(answer.Chunk(Opening()) with { Progress = new(Wire(progress.Stage), progress.Done, progress.Total) }, cancellationToken),
        GenerationEvent.Prepared prepared => PreparedAsync(prepared.Prompt, cancellationToken),
        GenerationEvent.Token token => TokenAsync(token, cancellationToken),
        GenerationEvent.Finished finished => FinishedAsync(finished, cancellationToken),
        _ => Task.CompletedTask,
    };

    private Task PreparedAsync(PromptReport prompt, CancellationToken cancellationToken)
    {
        answer.Prompt = prompt;
        return SendAsync(answer.Chunk(Opening()) with
        {
            Video = answer.Video, Media = answer.Media, PromptTokenIds = options.ReturnTokenIds ? prompt.TokenIds : null,
        }, cancellationToken);
    }

    private Task TokenAsync(GenerationEvent.Token token, CancellationToken cancellationToken)
    {
        answer.TokenCount++;
        _unsent.Add(token.Id);
        return TextAsync(_text.Push(token.Text), cancellationToken);
    }

    private async Task FinishedAsync(GenerationEvent.Finished finished, CancellationToken cancellationToken)
    {
        answer.Timings = finished.Timings;
        await TextAsync(_text.Push(finished.Text), cancellationToken);
        await SendAsync(answer.Chunk(Opening(), AnswerBuilder.Wire(finished.Reason), TakeIds()) with { Timings = answer.WireTimings }, cancellationToken);
        if (options.IncludeUsage)
            await SendAsync(answer.Chunk(Delta.Empty) with { Choices = [], Usage = answer.Usage }, cancellationToken);
        await stream.DataAsync("[DONE]", cancellationToken);
    }

    private Task TextAsync(string text, CancellationToken cancellationToken) =>
        text.Length == 0 ? Task.CompletedTask : SendAsync(answer.Chunk(Opening() with { Content = text }, tokenIds: TakeIds()), cancellationToken);

    /// <summary>An empty delta; the first one of the stream says whose turn it is.</summary>
    private Delta Opening()
    {
        if (_roleSent)
            return Delta.Empty;
        _roleSent = true;
        return new() { Role = "assistant", Content = "" };
    }

    private int[]? TakeIds()
    {
        int[]? ids = options.ReturnTokenIds && _unsent.Count > 0 ? [.. _unsent] : null;
        _unsent.Clear();
        return ids;
    }

    private Task SendAsync(ChatCompletionChunk chunk, CancellationToken cancellationToken) =>
        stream.DataAsync(chunk, OpenAiJson.Wire.ChatCompletionChunk, cancellationToken);

    private static string Wire(WorkStage stage) => stage switch
    {
        WorkStage.Fetch => "fetch",
        WorkStage.Decode => "decode",
        WorkStage.Vision => "vision",
        _ => "prefill",
    };
}
