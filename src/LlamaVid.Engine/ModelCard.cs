namespace LlamaVid.Engine;

/// <summary>What a client may want to know about the model that is served.</summary>
/// <param name="ContextLength">positions: text, visual tokens and answer together</param>
/// <param name="TokensPerFrame">0 for a model that reads text only</param>
/// <param name="ImageSize">side of the square that a frame is cut to, in pixels; 0 for a model that reads text only</param>
/// <param name="LongestToken">characters of the longest token</param>
/// <param name="VocabularySize">token ids run from 0 to this, exclusive</param>
/// <param name="KvPositions">positions whose keys and values one worker holds</param>
/// <param name="LoadedAt">when loading was over</param>
public sealed record ModelCard(
    string Name, int ContextLength, string Dtype, string Device, int TokensPerFrame, int ImageSize, int LongestToken, int VocabularySize, int KvPositions, DateTimeOffset LoadedAt)
{
    public bool SeesVideo => TokensPerFrame > 0;

    /// <summary>Refuses a text that is too long beyond doubt: no token stands for more characters than the longest one.</summary>
    /// <param name="answer">tokens of the answer; it has one at least</param>
    /// <exception cref="ContextLengthExceededException">the text alone is longer than the context</exception>
    public void RequireRoomFor(long characters, int answer = 1)
    {
        var leastTokens = characters / LongestToken;
        if (leastTokens >= ContextLength)
            throw new ContextLengthExceededException((int)Math.Min(leastTokens, int.MaxValue / 2), null, answer, ContextLength);
    }
}

/// <summary>Whether the engine answers.</summary>
public enum EngineState { Loading, Ready, Paused, Stopping, Stopped }
