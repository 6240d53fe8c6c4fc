using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LlamaVid.Server.Answers;
using LlamaVid.Server.OpenAi;

namespace LlamaVid.Server.Jobs;

/// <summary>The chunks of a job's answer, for any number of readers, each from where it is. A chunk's number is the same whenever the job is run.</summary>
/// <remarks>
/// Progress depends on the hour and has no number: only its newest is kept. The last entry, <c>[DONE]</c> or an error, is added when the job's end is on disk,
/// so that nobody is told of an end that may be forgotten.
/// </remarks>
internal sealed class JobLog : IAnswerStream
{
    private readonly Lock _gate = new();
    private readonly List<string> _chunks = [];
    private string? _passing;
    private bool _isClosed;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Never: whatever happens, the run decides what becomes of the job.</summary>
    public bool IsOpen => false;

    public TimeSpan Silence => TimeSpan.Zero;

    public IReadOnlyList<string> Chunks { get { lock (_gate) return [.. _chunks]; } }

    public Task CommentAsync(string text, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task DataAsync(string data, CancellationToken cancellationToken) => Task.CompletedTask;       // [DONE], which Close says

    public Task DataAsync<T>(T data, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        var text = JsonSerializer.Serialize(data, type);
        Change(() =>
        {
            if (data is ChatCompletionChunk { Progress: not null } or ChatCompletionChunk { QueuePosition: not null })
                _passing = text;
            else
                _chunks.Add(text);
        });
        return Task.CompletedTask;
    }

    /// <summary>Everything is said again, in the same words; readers keep their places.</summary>
    public void Restart() => Change(() =>
    {
        _chunks.Clear();
        _passing = null;
    });

    public void Close(string last) => Change(() =>
    {
        _chunks.Add(last);
        _isClosed = true;
    });

    /// <summary>What comes after <paramref name="count"/> chunks.</summary>
    public JobLogPage After(int count)
    {
        lock (_gate)
            return new(count < _chunks.Count ? _chunks[count..] : [], _passing, _isClosed, _changed.Task);
    }

    private void Change(Action change)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            change();
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        changed.SetResult();
    }
}

/// <param name="Passing">The newest progress; null when there is none.</param>
/// <param name="Changed">Completes when there is more than this.</param>
internal sealed record JobLogPage(IReadOnlyList<string> Chunks, string? Passing, bool IsClosed, Task Changed);
