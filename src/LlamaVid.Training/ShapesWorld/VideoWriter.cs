using FFMpegCore;
using FFMpegCore.Exceptions;
using FFMpegCore.Pipes;

namespace LlamaVid.Training.ShapesWorld;

/// <summary>Paints videos and sends them through H.264 into mp4 files, one frame of each in memory at a time. Knows no questions.</summary>
internal static class VideoWriter
{
    /// <summary>Writes all of them in one run of ffmpeg, whose start takes longer than encoding a clip.</summary>
    /// <exception cref="EncodingFailedException">ffmpeg ended with an error.</exception>
    public static async Task WriteAsync(IReadOnlyList<Film> films, string folder, CancellationToken cancellationToken)
    {
        var inputs = FFMpegArguments.FromPipeInput(Pixels(films[0]), options => options.WithCustomArgument("-v error"));
        foreach (var film in films.Skip(1)) inputs.AddPipeInput(Pixels(film));
        try
        {
            await inputs.OutputToMany(outputs =>
            {
                for (var i = 0; i < films.Count; i++)
                {
                    var arguments = $"-map {i}:v {Arguments(films[i].Encoding)}";
                    outputs.OutputToFile(Path.Combine(folder, films[i].Video), overwrite: true, options => options.WithCustomArgument(arguments));
                }
            }).ProcessAsynchronously(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (FFMpegException fault) when (!cancellationToken.IsCancellationRequested)
        {
            throw new EncodingFailedException(films[0].Video, films[^1].Video, fault);
        }
    }

    // One thread: the bytes do not depend on the machine, and videos are encoded side by side.
    private static string Arguments(Encoding encoding) =>
        $"-an -c:v libx264 -threads 1 -preset {encoding.Preset} -crf {encoding.Crf} -g {encoding.Gop} -pix_fmt {encoding.PixelFormat} -bitexact";

    private static RawVideoPipeSource Pixels(Film film) => new(Frames(film)) { FrameRate = film.Rate };

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

/// <summary>ffmpeg could not encode some of the videos from one to another.</summary>
internal sealed class EncodingFailedException(string first, string last, FFMpegException fault) : Exception(
    $"ffmpeg could not encode {first} to {last} (that takes ffmpeg with libx264 in PATH, and room on the disk): {fault.Message.Trim()}", fault)
{
    public string First { get; } = first;

    public string Last { get; } = last;
}
