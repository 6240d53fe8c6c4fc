using System.Text;
using LlamaVid.Engine;
using LlamaVid.Server.Files;

namespace LlamaVid.Server.Jobs;

/// <summary>Where a job stands. Running is known to the process that runs it only: whatever has not ended waits again when that process is gone.</summary>
internal enum JobStatus { Queued, Running, Completed, Failed, Cancelled }

/// <summary>What is kept of a job besides its request and its result.</summary>
/// <param name="Endpoint">The route that took it and whose form its result has.</param>
/// <param name="CompletionId">The id of its answer, the same however often it is begun; as <paramref name="Seed"/>.</param>
/// <param name="Bytes">What it takes on disk.</param>
internal sealed record JobEntry(
    string Id, string Owner, string Endpoint, string CompletionId, long Seed, DateTimeOffset Created, int Attempts, DateTimeOffset? Started, JobStatus Status,
    DateTimeOffset? Ended, long Bytes)
{
    public bool HasEnded => Ended is not null;

    /// <summary>How far the message about its end has come; null when nobody asked for one.</summary>
    public WebhookState? Webhook { get; init; }
}

/// <param name="Status">pending, delivered or failed.</param>
internal sealed record WebhookState(string Status, int Attempts);

/// <summary>How a job ended, as JSON: its result or its error, and the chunks that a stream of it would have carried.</summary>
internal sealed record JobOutcome(JobStatus Status, string? Result, string? Error, IReadOnlyList<string> Chunks)
{
    public long Bytes => Size(Result) + Size(Error) + Chunks.Sum(Size);

    private static long Size(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);
}

/// <summary>What is to be done in the background.</summary>
/// <param name="Body">The client's request as JSON, read again when it is run: nothing but what the client sent has to be understood by a later version.</param>
/// <param name="Upload">A file that came with it; it is moved.</param>
/// <param name="Files">Uploaded files that it names.</param>
internal sealed record JobOrder(
    string Endpoint, ReadOnlyMemory<byte> Body, JobUpload? Upload, IReadOnlyList<HeldFile> Files, string CompletionId, long Seed, Webhook? Webhook);

/// <param name="Field">The form's field that held the file: video or image.</param>
internal sealed record JobUpload(string Field, string Path)
{
    public MediaKind Kind => Field == "video" ? MediaKind.Video : MediaKind.Image;
}
