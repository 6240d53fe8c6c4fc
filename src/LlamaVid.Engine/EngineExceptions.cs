namespace LlamaVid.Engine;

/// <summary>The prompt, its frames and the answer do not fit the model's context.</summary>
/// <param name="textTokens">Null: they were not counted, the others alone are too many.</param>
/// <param name="visualTokens">Null: as with the text.</param>
public sealed class ContextLengthExceededException(int? textTokens, int? visualTokens, int answerTokens, int limit)
    : Exception($"This request needs {(textTokens, visualTokens) switch
    {
        (null, _) => $"{visualTokens} visual + {answerTokens} answer tokens and those of its text, more than {visualTokens + answerTokens} in all",
        (_, null) => $"at least {textTokens} text + {answerTokens} answer tokens, {textTokens + answerTokens} in all",
        _ => $"{textTokens} text + {visualTokens} visual + {answerTokens} answer tokens, {textTokens + visualTokens + answerTokens} in all",
    }}; the limit is {limit}. Use fewer frames (fps, max_frames), a shorter text or a lower max_tokens.")
{
    /// <summary>Of what was counted.</summary>
    public int Needed { get; } = (textTokens ?? 0) + (visualTokens ?? 0) + answerTokens;
    public int Limit { get; } = limit;
}

/// <summary>Several answers of one request need more positions together than a worker holds.</summary>
public sealed class TooManyChoicesException(int choices, int positions, int limit)
    : Exception($"{choices} answers need {positions} positions each, {(long)choices * positions} in all; a worker holds {limit} (Engine:KvCacheTokens). Lower n, max_tokens or the number of frames.")
{
    public long Needed { get; } = (long)choices * positions;
    public int Limit { get; } = limit;
}

/// <summary>Subtitles are sent for a video that is not laid out as a film, so that there is no place for them.</summary>
public sealed class SubtitlesNotShownException()
    : Exception("Subtitles are part of the film layout, which this request does not use. Set prompt_style to movie (long-video checkpoints have learned it), or leave the subtitles out.");

/// <summary>What was sent as a picture is a video, of which only one frame would be seen. Moving pictures of the web (GIF, APNG) are taken for their first frame.</summary>
public sealed class VideoAsPictureException(string container)
    : Exception($"The media was sent as a picture and is a video ({container}), of which one frame would be seen. Send it as a video: as video_url, or in the field video of a form.")
{
    public string Container { get; } = container;
}

/// <summary>The request names a token that the model does not have.</summary>
/// <param name="isBiased">Among its biases; else among its stops.</param>
public sealed class UnknownTokenException(int id, int vocabularySize, bool isBiased)
    : Exception($"There is no token {id}: this model has the tokens 0 to {vocabularySize - 1}.")
{
    public int Id { get; } = id;
    public int VocabularySize { get; } = vocabularySize;
    public bool IsBiased { get; } = isBiased;
}

/// <summary>The queue is full; nothing was started.</summary>
public sealed class EngineOverloadedException(int waiting, int limit)
    : Exception($"{waiting} requests are waiting and the limit is {limit} (Engine:MaxWaitingRequests). Try again later.")
{
    public int Waiting { get; } = waiting;
    public int Limit { get; } = limit;
}

/// <summary>One client has as many requests waiting or running as its share allows; nothing was started.</summary>
public sealed class ClientOverloadedException(int requests, int limit)
    : Exception($"{requests} of your requests are waiting or running and the limit is {limit} (Engine:MaxRequestsPerClient). Wait for one of them to end.")
{
    public int Requests { get; } = requests;
    public int Limit { get; } = limit;
}

/// <summary>The worker that computed this answer has failed and was started again.</summary>
public sealed class WorkerFailedException(string device, Exception fault)
    : Exception($"The worker on {device} failed while it computed this answer, and was started again. Send the request again.", fault)
{
    public string Device { get; } = device;
}

/// <summary>Features of videos cannot be kept where they should be. The operator's to mend, never a client's.</summary>
public sealed class FeatureStoreUnusableException(string folder, Exception cause)
    : Exception($"No file can be made in {folder}. Make it writable, set Engine:FeatureStorePath to a folder that is, or to nothing.", cause)
{
    public string Folder { get; } = folder;
}

/// <summary>The request waited longer than <see cref="EngineOptions.QueueTimeout"/> and was not started.</summary>
public sealed class QueueTimeoutException(TimeSpan limit)
    : Exception($"The request waited {limit.TotalSeconds:0.#} s in the queue, the longest allowed (Engine:QueueTimeout). Try again later.");

/// <summary>The answer was not complete within <see cref="EngineOptions.RequestTimeout"/>, and what was left of it is not computed.</summary>
public sealed class RequestTimeoutException(TimeSpan limit)
    : Exception($"The answer was not complete after {limit.TotalSeconds:0.#} s, the longest time for a request (Engine:RequestTimeout). Ask for fewer frames or a lower max_tokens.");

/// <summary>The model is still being loaded.</summary>
public sealed class EngineLoadingException() : Exception("The model is still being loaded. Try again in a moment.");

/// <summary>The engine takes nothing until it is resumed; what it has taken is answered.</summary>
public sealed class EnginePausedException()
    : Exception("The server is drained: it answers what it has taken and takes no more until its operator resumes it. Try again later, or another server.");

/// <summary>The engine accepts nothing more: the server is shutting down, or the engine's loop has failed.</summary>
public sealed class EngineStoppedException() : Exception("The server is shutting down and takes no more requests.");

/// <summary>The request shows a video or picture to a checkpoint without a vision tower.</summary>
public sealed class ModelReadsTextOnlyException(string model)
    : Exception($"The model '{model}' reads text only: its checkpoint names no vision tower. Leave out the video or picture, or serve a LLaMA-VID checkpoint.");
