using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Jobs;

/// <summary>There is no such job, or it is another owner's.</summary>
public sealed class JobNotFoundException(string id)
    : Exception($"There is no job '{InvalidRequestException.Shortened(id)}'. Jobs are removed some time after their end (Jobs:KeepResults).");

/// <summary>The owner keeps as many jobs as one owner may.</summary>
public sealed class JobQuotaException(int kept, int limit)
    : Exception($"{kept} of your jobs are kept and the limit is {limit} (Jobs:MaxPerOwner). Remove ended ones with DELETE /v1/jobs/{{id}}, or send this later.")
{
    public int Kept { get; } = kept;
    public int Limit { get; } = limit;
}

/// <summary>There is no such batch, or it is another owner's.</summary>
public sealed class BatchNotFoundException(string id)
    : Exception($"There is no batch '{InvalidRequestException.Shortened(id)}'. GET /v1/batches lists yours.");

/// <summary>The owner has as many batches under way as one owner may.</summary>
public sealed class BatchQuotaException(int count, int limit)
    : Exception($"{count} of your batches have not ended and the limit is {limit} (Jobs:MaxBatchesPerOwner). Wait for one, or cancel it.");

/// <summary>The disk space that jobs may take is taken.</summary>
public sealed class JobSpaceException : Exception
{
    private JobSpaceException(string message) : base(message) { }

    internal static JobSpaceException OfRequest(long needed, long free, int megabytes) => new(
        $"This needs {needed} bytes on disk; {Math.Max(0, free)} bytes of {megabytes} MB (Jobs:MaxMegabytes) are free. Send it later, or with less in it: a smaller video, a shorter batch.");

    internal static JobSpaceException OfAnswer(int megabytes) => new(
        $"There is no room for an answer: jobs and batches take all of {megabytes} MB (Jobs:MaxMegabytes). Send this line again later, in another batch.");
}

/// <summary>The process ended again and again while it ran this job.</summary>
public sealed class JobAbandonedException(int attempts)
    : Exception($"The server failed {attempts} times while it ran this job (Jobs:MaxAttempts), so it is not run again. Try a smaller video or other options.");

/// <summary>The job was cancelled by its owner.</summary>
public sealed class JobCancelledException() : Exception("The job was cancelled.");
