using System.Runtime.InteropServices;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Vision;

/// <summary>
/// Turns RGB pictures of any size into what a vision tower reads, exactly as the official image processor does (CLIPImageProcessor of
/// transformers 4.31 with Pillow). It decodes nothing and keeps no frame.
/// </summary>
/// <remarks>Safe to share between threads.</remarks>
public sealed class ImagePreprocessor
{
    /// <summary>Largest crop a configuration may ask for; the largest published one is 336.</summary>
    public const int LargestImageSize = 2048;

    private const int Channels = 3;

    private readonly byte[] _background;
    private readonly float[][] _values;
    private volatile SquareCrop? _latest;

    /// <param name="imageSize">side of the square crop in pixels</param>
    /// <param name="mean">of red, green and blue, each from 0 to 1</param>
    /// <param name="std">of red, green and blue, each above 0</param>
    public ImagePreprocessor(int imageSize, IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        ImageSize = imageSize;
        _background = [.. mean.Select(value => (byte)(255 * (double)value))];
        _values = [.. mean.Zip(std, (m, s) => Enumerable.Range(0, 256).Select(level => ((float)(level * (1 / 255.0)) - m) / s).ToArray())];
    }

    /// <summary>Side of the square crop in pixels.</summary>
    public int ImageSize { get; }

    /// <param name="file">a <c>preprocessor_config.json</c></param>
    /// <exception cref="CheckpointException">The file is missing or asks for what this class does not do; names key, value and what is accepted.</exception>
    public static ImagePreprocessor Read(string file) => ImageProcessorFile.Read(file);

    /// <summary>
    /// Resizes the short edge to <see cref="ImageSize"/> and cuts the centre; with <see cref="ImageFit.Pad"/> pads to a square of the mean colour first.
    /// </summary>
    /// <remarks>About 800 frames of 1920 × 1080 a second and core on a Zen 5 with registers of 512 bits.</remarks>
    /// <param name="rgb24">[height, width, 3], packed</param>
    /// <param name="width">in pixels, at least 1</param>
    /// <param name="height">in pixels, at least 1</param>
    /// <param name="fit">cut, or pad to a square first</param>
    /// <param name="destination">[3, ImageSize, ImageSize]</param>
    /// <exception cref="ArgumentException">A size is below 1, or a span does not have the length that the sizes say.</exception>
    public void Prepare(ReadOnlySpan<byte> rgb24, int width, int height, ImageFit fit, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        RequireLength(rgb24.Length, (long)Channels * width * height, nameof(rgb24));
        RequireLength(destination.Length, Channels * ImageSize * ImageSize, nameof(destination));

        // Frames of one video have one size, and the weights of a resize cost as much as a tenth of it.
        var crop = _latest;
        if (crop is null || crop.Width != width || crop.Height != height || crop.Fit != fit)
            _latest = crop = new(width, height, fit, ImageSize, _background);
        crop.Run(rgb24, destination);
    }

    /// <summary>(level / 255 - mean) / std, computed in float32 and then cast.</summary>
    /// <param name="planarU8">[frames, 3, ImageSize, ImageSize], as <see cref="Prepare"/> writes it</param>
    /// <param name="frames">number of pictures</param>
    /// <param name="device">where the result lies</param>
    /// <param name="dtype">floating-point type of the result</param>
    /// <returns>[frames, 3, ImageSize, ImageSize]</returns>
    /// <exception cref="ArgumentException">The span does not have the length that <paramref name="frames"/> says.</exception>
    public Tensor Normalise(ReadOnlySpan<byte> planarU8, int frames, Device device, ScalarType dtype)
    {
        var plane = ImageSize * ImageSize;
        RequireLength(planarU8.Length, (long)frames * Channels * plane, nameof(planarU8));

        using var scope = NewDisposeScope();
        var pixels = empty([frames, Channels, ImageSize, ImageSize], ScalarType.Float32);
        var numbers = MemoryMarshal.Cast<byte, float>(pixels.bytes);
        for (var start = 0; start < planarU8.Length; start += plane)
        {
            ReadOnlySpan<float> values = _values[start / plane % Channels];
            var levels = planarU8.Slice(start, plane);
            var normalised = numbers.Slice(start, plane);
            for (var i = 0; i < levels.Length; i++) normalised[i] = values[levels[i]];
        }
        return pixels.to(dtype, device).MoveToOuterDisposeScope();
    }

    private static void RequireLength(int actual, long expected, string name)
    {
        if (actual != expected) throw new ArgumentException($"{name} has {actual} bytes; the sizes say {expected}.", name);
    }
}
