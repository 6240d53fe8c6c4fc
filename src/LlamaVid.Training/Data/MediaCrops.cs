using LlamaVid.Media;
using LlamaVid.Model.Vision;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Training.Data;

/// <summary>A picture, or a video at one frame per second, as the vision tower takes it. Knows no tensors.</summary>
internal sealed class MediaCrops(ImagePreprocessor preprocessor, ImageFit pictures) : IDisposable
{
    private readonly MediaOpener _opener = new(
        new() { MaxBytes = 1L << 40, MaxDuration = TimeSpan.FromDays(2), MaxFrames = 1_000_000 }, NullLogger.Instance);

    /// <returns>planar 8-bit RGB [T, 3, S, S]</returns>
    /// <exception cref="Exception">what Media says of the file</exception>
    public async Task<(byte[] Pixels, int Frames)> ReadAsync(SampleMedia media, CancellationToken cancellationToken)
    {
        if (!File.Exists(media.Path)) throw new SampleFault($"{media.Path} does not exist.");
        var isPicture = media.Kind == SampleMediaKind.Picture;
        var opened = await _opener.OpenAsync(new MediaSource.LocalFile(media.Path), cancellationToken).ConfigureAwait(false);
        await using var _ = opened.ConfigureAwait(false);
        var plan = opened.Plan(new() { MaxFrames = isPicture ? 1 : null });

        var size = 3 * preprocessor.ImageSize * preprocessor.ImageSize;
        var (pixels, frames) = (new byte[size * plan.ExpectedFrames], 0);
        await foreach (var decoded in opened.ReadFramesAsync(plan, cancellationToken).ConfigureAwait(false))
        {
            using var frame = decoded;
            if ((frames + 1) * size > pixels.Length) Array.Resize(ref pixels, (frames + 16) * size);
            preprocessor.Prepare(frame.Rgb24.Span, frame.Width, frame.Height, isPicture ? pictures : ImageFit.Crop, pixels.AsSpan(frames++ * size, size));
        }
        return (pixels, frames);
    }

    public void Dispose() => _opener.Dispose();
}
