using System.Text;
using System.Text.Json;

namespace LlamaVid.Benchmarks.Traffic;

/// <summary>What the events of one streamed answer say, and when they came. Fed with data and times; knows no socket and no clock.</summary>
internal sealed class StreamTiming
{
    private readonly List<double> _texts = [];
    private readonly StringBuilder _text = new();

    /// <summary>Times of the chunks that carried text.</summary>
    public IReadOnlyList<double> Texts => _texts;

    /// <summary>The answer as far as it came.</summary>
    public string Text => _text.ToString();

    /// <summary>The stream ended as it should.</summary>
    public bool IsDone { get; private set; }

    /// <summary>The code of an error inside the stream.</summary>
    public string? Error { get; private set; }

    /// <summary>Tokens of the answer, as the server counts them.</summary>
    public int Tokens { get; private set; }

    public int Frames { get; private set; }

    /// <summary>The server had the video's features already; null without a video.</summary>
    public bool? WasKnown { get; private set; }

    public double? QueueMs { get; private set; }

    /// <param name="data">of one server-sent event</param>
    /// <param name="at">milliseconds</param>
    /// <exception cref="JsonException">the data is not what a server of chat completions sends</exception>
    public void Add(string data, double at)
    {
        if (data == "[DONE]")
        {
            IsDone = true;
            return;
        }
        using var document = JsonDocument.Parse(data);
        var chunk = document.RootElement;
        if (chunk.TryGetProperty("error", out var error)) Error = CodeOf(error);
        if (chunk.TryGetProperty("choices", out var choices))
            foreach (var choice in choices.EnumerateArray())
                if (choice.GetProperty("delta").TryGetProperty("content", out var content) && content.GetString() is { Length: > 0 } text)
                {
                    _texts.Add(at);
                    _text.Append(text);
                }
        if (chunk.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object) Tokens = usage.GetProperty("completion_tokens").GetInt32();
        if (chunk.TryGetProperty("timings", out var timings)) QueueMs = timings.GetProperty("queue_ms").GetDouble();
        if (chunk.TryGetProperty("video", out var video))
            (Frames, WasKnown) = (video.GetProperty("frames").GetInt32(), video.GetProperty("feature_cache").GetString() == "hit");
    }

    /// <param name="error">the object under "error"</param>
    public static string CodeOf(JsonElement error) =>
        error.TryGetProperty("code", out var code) && code.GetString() is { } text ? text
        : error.TryGetProperty("type", out var type) ? type.GetString() ?? "error" : "error";
}
