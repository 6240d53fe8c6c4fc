using System.Diagnostics;
using System.Text.Json;

namespace LlamaVid.Tests.Model.Vision;

/// <summary>Pixels of the golden media as the ffmpeg program decodes them, so that these tests do not depend on the product's own decoder.</summary>
internal static class Media
{
    /// <summary>The picture, or the first frame, of <c>goldens/media/FILE</c>.</summary>
    public static (byte[] Rgb, int Width, int Height) Picture(string file) => Frames(file)[0];

    /// <summary>The frames that the official sampling picks.</summary>
    public static IReadOnlyList<(byte[] Rgb, int Width, int Height)> Frames(string file)
    {
        using var media = JsonDocument.Parse(File.ReadAllBytes(Shared.Path("goldens/media.json")));
        var facts = media.RootElement.GetProperty(file);
        var (width, height) = (facts.GetProperty("width").GetInt32(), facts.GetProperty("height").GetInt32());
        int[] indices = facts.TryGetProperty("frame_indices", out var sampled) ? [.. sampled.EnumerateArray().Select(index => index.GetInt32())] : [0];

        var rgb = Decode(Shared.Path($"goldens/media/{file}"));
        var frameBytes = 3 * width * height;
        return [.. indices.Select(index => (rgb[(index * frameBytes)..((index + 1) * frameBytes)], width, height))];
    }

    private static byte[] Decode(string path)
    {
        string[] arguments = ["-v", "error", "-nostdin", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
        using var ffmpeg = Process.Start(new ProcessStartInfo("ffmpeg", arguments) { RedirectStandardOutput = true })!;
        using var output = new MemoryStream();
        ffmpeg.StandardOutput.BaseStream.CopyTo(output);
        ffmpeg.WaitForExit();
        Assert.Equal(0, ffmpeg.ExitCode);
        return output.ToArray();
    }
}
