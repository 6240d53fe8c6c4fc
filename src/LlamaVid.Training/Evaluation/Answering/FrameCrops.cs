using LlamaVid.Media;
using LlamaVid.Model.Vision;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>The frames of a video as the tower takes them: planar 8-bit RGB [3, S, S] each. Knows no tensors.</summary>
internal sealed class FrameCrops
{
    private readonly List<byte[]> _frames = [];

    public int Count => _frames.Count;

    /// <summary>Decodes a video that is open. Frames are chosen and cut as the server does for a request that says nothing about it.</summary>
    /// <exception cref="Exception">as <see cref="OpenedMedia"/></exception>
    public static async Task<FrameCrops> ReadAsync(OpenedMedia video, int? maxFrames, ImagePreprocessor preprocessor, CancellationToken cancellationToken)
    {
        var crops = new FrameCrops();
        await foreach (var decoded in video.ReadFramesAsync(video.Plan(new() { MaxFrames = maxFrames }), cancellationToken).ConfigureAwait(false))
        {
            using var frame = decoded;
            var pixels = new byte[3 * preprocessor.ImageSize * preprocessor.ImageSize];
            preprocessor.Prepare(frame.Rgb24.Span, frame.Width, frame.Height, ImageFit.Crop, pixels);
            crops._frames.Add(pixels);
        }
        return crops;
    }

    /// <summary>Frames next to each other, at most so many at a time.</summary>
    public IEnumerable<(byte[] Pixels, int Count)> Chunks(int atMost) =>
        _frames.Chunk(atMost).Select(chunk => (chunk.Length == 1 ? chunk[0] : chunk.SelectMany(frame => frame).ToArray(), chunk.Length));
}
