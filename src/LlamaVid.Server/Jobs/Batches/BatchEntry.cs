namespace LlamaVid.Server.Jobs.Batches;

/// <summary>Where a batch stands, in OpenAI's words. What has not ended goes on after a restart.</summary>
internal enum BatchStatus { Validating, InProgress, Finalizing, Completed, Failed, Expired, Cancelling, Cancelled }

/// <summary>Many requests of one file, answered when nobody else wants anything.</summary>
/// <param name="Metadata">The client's own object, as it was sent.</param>
/// <param name="Fault">Why it failed as a whole, as a JSON error.</param>
internal sealed record BatchEntry(
    string Id, string Owner, string InputFile, string Metadata, long Seed, BatchStatus Status, DateTimeOffset Created, DateTimeOffset? Began, DateTimeOffset? Ended,
    int Total, string? OutputFile, string? ErrorFile, string? Fault)
{
    public static readonly TimeSpan Window = TimeSpan.FromHours(24);

    public DateTimeOffset Expires => Created + Window;
}

/// <summary>How many lines have been answered.</summary>
internal sealed record BatchCounts(int Completed, int Failed);
