namespace LlamaVid.Server.Features.ChatCompletions;

/// <summary>Requests that the documentation page can send as they are.</summary>
internal static class ChatExamples
{
    public static string TinyVideo { get; } = Embedded("example.mp4");

    public static readonly (string Name, string Json)[] All =
    [
        ("A video inside the request", $$$"""
            {
              "messages": [{"role": "user", "content": [
                {"type": "video_url", "video_url": {"url": "{{{TinyVideo}}}"}},
                {"type": "text", "text": "What happens in the video?"}]}],
              "max_tokens": 32, "temperature": 0
            }
            """),
        ("Text only", """{"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16}"""),
        ("An answer as JSON", """
            {
              "messages": [{"role": "user", "content": "Describe a red circle."}], "max_tokens": 128,
              "response_format": {"type": "json_schema", "json_schema": {"name": "shape", "schema": {
                "type": "object", "additionalProperties": false, "required": ["colour", "shape"],
                "properties": {"colour": {"enum": ["red", "green", "blue"]}, "shape": {"type": "string", "maxLength": 20}}}}}
            }
            """),
        ("Several answers, and how likely their tokens were", """
            {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, "n": 2, "temperature": 1, "seed": 7, "logprobs": true, "top_logprobs": 3}
            """),
        ("Streamed", """{"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16, "stream": true, "stream_options": {"include_usage": true}}"""),
    ];

    /// <summary>Two seconds of a test picture, 2 KB.</summary>
    private static string Embedded(string name)
    {
        using var stream = typeof(ChatExamples).Assembly.GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return $"data:video/mp4;base64,{Convert.ToBase64String(bytes)}";
    }
}
