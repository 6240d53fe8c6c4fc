using System.Text.Json.Nodes;

namespace LlamaVid.Benchmarks.Traffic;

/// <summary>Writes streamed, greedy chat completions as JSON. Knows no traffic.</summary>
internal static class ChatBody
{
    /// <param name="video">bytes of an mp4 file; null asks about nothing but the text</param>
    public static string Of(string question, byte[]? video, int maxTokens, string? system = null) =>
        About(question, video is null ? null : ClipSupply.DataUri(video), maxTokens, system);

    /// <param name="url">of the video; null asks about nothing but the text</param>
    public static string About(string question, string? url, int maxTokens, string? system = null)
    {
        var content = new JsonArray();
        if (url is not null)
            content.Add(new JsonObject { ["type"] = "video_url", ["video_url"] = new JsonObject { ["url"] = url } });
        content.Add(new JsonObject { ["type"] = "text", ["text"] = question });

        var messages = new JsonArray();
        if (system is not null) messages.Add(new JsonObject { ["role"] = "system", ["content"] = system });
        messages.Add(new JsonObject { ["role"] = "user", ["content"] = content });
        return new JsonObject
        {
            ["messages"] = messages, ["max_tokens"] = maxTokens, ["temperature"] = 0, ["stream"] = true,
            ["stream_options"] = new JsonObject { ["include_usage"] = true },
        }.ToJsonString();
    }
}
