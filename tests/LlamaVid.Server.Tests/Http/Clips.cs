using System.Diagnostics;
using LlamaVid.Server.Features.ChatCompletions;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Small videos for requests.</summary>
internal static class Clips
{
    /// <summary>Two seconds, 32 by 32, as a data URI.</summary>
    public static string DataUri => ChatExamples.TinyVideo;

    public static byte[] Bytes => Convert.FromBase64String(DataUri[(DataUri.IndexOf(',', StringComparison.Ordinal) + 1)..]);

    public static string Chat(string more = "\"max_tokens\":8,\"temperature\":0", string? url = null) => $$$"""
        {"messages":[{"role":"user","content":[{"type":"video_url","video_url":{"url":"{{{url ?? DataUri}}}"}},{"type":"text","text":"What happens in the video?"}]}],{{{more}}}}
        """;

    public static MultipartFormDataContent Form(byte[] file, params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent { { new ByteArrayContent(file), "video", "../../clip one.mp4" } };
        foreach (var (name, value) in fields)
            form.Add(new StringContent(value), name);
        return form;
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(string program, params string[] args)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>A picture, as PNG.</summary>
    public static async Task<byte[]> PictureAsync()
    {
        var path = Path.Combine(Path.GetTempPath(), $"lv{Guid.NewGuid():N}.png");
        try
        {
            Assert.Equal(0, (await RunAsync("ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", path)).Code);
            return await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
