namespace LlamaVid.Server;

/// <summary>What the server says in its log. Never contents: no prompt, no frame, no file name of a client.</summary>
internal static partial class Log
{
    [LoggerMessage(1000, LogLevel.Error, "Request {RequestId} failed")]
    public static partial void RequestFailed(ILogger logger, Exception exception, string requestId);

    [LoggerMessage(1001, LogLevel.Information, "Loading {Model} from {Path}")]
    public static partial void Loading(ILogger logger, string model, string path);

    [LoggerMessage(1002, LogLevel.Information, "{Model} is ready after {Seconds} s")]
    public static partial void Ready(ILogger logger, string model, double seconds);

    [LoggerMessage(1003, LogLevel.Warning, "Files whose time is over could not be deleted: {Why}")]
    public static partial void ExpiryFailed(ILogger logger, string why);

    [LoggerMessage(1010, LogLevel.Error, "Job {Job} failed")]
    public static partial void JobFailed(ILogger logger, Exception exception, string job);

    [LoggerMessage(1005, LogLevel.Information, "The keys are now those of {Names}")]
    public static partial void KeysReloaded(ILogger logger, string names);

    [LoggerMessage(1004, LogLevel.Error, "The keys stay as they were: {Why}")]
    public static partial void KeysUnchanged(ILogger logger, string why);

    [LoggerMessage(1012, LogLevel.Error, "Work in the background cannot be kept; it is tried again")]
    public static partial void JobsCannotBeKept(ILogger logger, Exception exception);

    [LoggerMessage(1011, LogLevel.Warning, "The webhook of job {Job} was not heard at attempt {Attempt}: {Why}")]
    public static partial void WebhookNotHeard(ILogger logger, string job, int attempt, string why);
}
