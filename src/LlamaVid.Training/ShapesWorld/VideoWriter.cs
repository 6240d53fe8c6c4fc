using FFMpegCore;
using FFMpegCore.Exceptions;
using FFMpegCore.Pipes;

namespace LlamaVid.Training.ShapesWorld;

/// <summary>Paints a film and sends it through H.264 into an mp4 file, one frame in memory at a time. Knows no questions.</summary>
internal static class VideoWriter
{
    /// <exception cref="EncodingFailedException">ffmpeg ended with an error.</exception>
    public static async Task WriteAsync(Film film, string folder, CancellationToken cancellationToken)
    {
        var (path, encoding) = (Path.Combine(folder, film.Video), film.Encoding);
        try
        {
            // One thread: the bytes do not depend on the machine, and videos are encoded side by side.
            await FFMpegArguments
                .FromPipeInput(new RawVideoPipeSource(Frames(film)) { FrameRate = film.Rate }, options => options.WithCustomArgument("-v error"))
                .OutputToFile(path, overwrite: true, options => options.WithCustomArgument(
                    $"-an -c:v libx264 -threads 1 -preset {encoding.Preset} -crf {encoding.Crf} -g {encoding.Gop} -pix_fmt {encoding.PixelFormat} -bitexact"))
                .ProcessAsynchronously(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (FFMpegException fault) when (!cancellationToken.IsCancellationRequested)
        {
            throw new EncodingFailedException(film.Video, fault);
        }
    }

    /// <summary>Every frame in order. The frame is the same object each time, painted anew.</summary>
    internal static IEnumerable<IVideoFrame> Frames(Film film)
    {
        var frame = new Frame(film.Side);
        foreach (var scene in film.Scenes)
            for (var number = 0; number < scene.Seconds * film.Rate; number++)
            {
                frame.Canvas.Paint(scene, number / (double)film.Rate);
                yield return frame;
            }
    }

    private sealed class Frame(int side) : IVideoFrame
    {
        public Canvas Canvas { get; } = new(side);

        public int Width => side;

        public int Height => side;

        public string PixelFormat => "rgb24";

        public void Serialize(Stream pipe) => pipe.Write(Canvas.Rgb24);

        public Task SerializeAsync(Stream pipe, CancellationToken token) => pipe.WriteAsync(Canvas.Rgb24, token).AsTask();
    }
}

/// <summary>ffmpeg could not encode a video.</summary>
internal sealed class EncodingFailedException(string video, FFMpegException fault) : Exception(
    $"ffmpeg could not encode {video} (it needs the encoder libx264, and room on the disk): {fault.Message.Trim()}", fault)
{
    public string Video { get; } = video;
}
