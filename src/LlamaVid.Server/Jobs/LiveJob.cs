using LlamaVid.Engine;

namespace LlamaVid.Server.Jobs;

/// <summary>A job that has not ended, in the process that will run it.</summary>
internal sealed class LiveJob(JobEntry entry)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public JobEntry Entry { get; set; } = entry;

    public JobLog Log { get; } = new();

    /// <summary>The newest event that says how far it is; null while it waits for its turn.</summary>
    public GenerationEvent? Progress { get; set; }

    /// <summary>Completes when its end, whichever, is on disk.</summary>
    public Task Ended => _ended.Task;

    public void SetEnded() => _ended.TrySetResult();
}
