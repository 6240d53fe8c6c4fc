using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Vision;

/// <summary>Turns pictures of one size into square crops of one size, byte for byte as Pillow does. It knows no normalisation and no files.</summary>
/// <remarks>
/// Resize (short edge to <c>side</c>, bicubic, horizontal pass first, bytes in between), then centre crop; with <see cref="ImageFit.Pad"/> the
/// picture first lies in the middle of a square of the mean colour. Only what the crop shows is computed, row by row, and the padded square is never
/// made: time and memory grow neither with the part of the resized picture that is cut off nor with the padding. Immutable and safe to share between
/// threads.
/// </remarks>
internal sealed class SquareCrop
{
    private const int Channels = 3;

    /// <summary>Pixels that are weighed at a time, each in four lanes of which the last is empty; and bytes that are read beyond a row for it.</summary>
    private const int Together = 4, LanesOfPixel = 4, Overrun = (2 * Together - 1) * Channels;

    private readonly byte[] _background;
    private readonly BicubicAxis _horizontal;
    private readonly BicubicAxis _vertical;
    private readonly int _groups;                                       // of pixels under one output
    private readonly int[] _pixelWeights;                               // [outputs, groups, pixels, lanes], zero beyond the taps

    /// <param name="width">of the pictures, at least 1</param>
    /// <param name="height">of the pictures, at least 1</param>
    /// <param name="fit">cut, or pad to a square first</param>
    /// <param name="side">of the crop</param>
    /// <param name="background">red, green, blue of the padding</param>
    public SquareCrop(int width, int height, ImageFit fit, int side, byte[] background)
    {
        (Width, Height, Fit, Side, _background) = (width, height, fit, side, background);

        var square = Math.Max(width, height);
        var (canvasWidth, canvasHeight) = fit == ImageFit.Pad ? (square, square) : (width, height);
        var (shortEdge, longEdge) = (Math.Min(canvasWidth, canvasHeight), Math.Max(canvasWidth, canvasHeight));
        var resizedLong = (long)((double)((long)side * longEdge) / shortEdge);
        var (resizedWidth, resizedHeight) = canvasWidth <= canvasHeight ? ((long)side, resizedLong) : (resizedLong, (long)side);
        _horizontal = new(width, canvasWidth, resizedWidth, (resizedWidth - side) / 2, side);
        _vertical = new(height, canvasHeight, resizedHeight, (resizedHeight - side) / 2, side);
        _groups = (_horizontal.Taps + Together - 1) / Together;
        _pixelWeights = new int[side * _groups * Vector512<int>.Count];
        for (var i = 0; i < side * _horizontal.Taps; i++)
        {
            var (x, tap) = Math.DivRem(i, _horizontal.Taps);
            _pixelWeights.AsSpan((x * _groups * Together + tap) * LanesOfPixel, LanesOfPixel).Fill(_horizontal.Weights[i]);
        }
    }

    public int Width { get; }

    public int Height { get; }

    public ImageFit Fit { get; }

    public int Side { get; }

    /// <param name="rgb24">[height, width, 3]</param>
    /// <param name="destination">[3, side, side]</param>
    public void Run(ReadOnlySpan<byte> rgb24, Span<byte> destination)
    {
        var (taps, rowBytes) = (_vertical.Taps, Side * Channels);
        var buffer = ArrayPool<byte>.Shared.Rent(taps * rowBytes);
        try
        {
            var window = buffer.AsSpan(0, taps * rowBytes);              // the rows under one output row's weights, resized: [row][channel][x]
            var (begin, end) = (0, 0);
            for (var y = 0; y < Side; y++)
            {
                var start = _vertical.Starts[y];
                if (end > start) window[((start - begin) * rowBytes)..((end - begin) * rowBytes)].CopyTo(window);
                for (var row = Math.Max(start, end); row < start + taps; row++)
                    ResizeRow(rgb24, row, window.Slice((row - start) * rowBytes, rowBytes));
                (begin, end) = (start, start + taps);

                var weights = _vertical.Weights.Slice(y * taps, taps);
                for (var channel = 0; channel < Channels; channel++)
                {
                    var bias = BicubicAxis.Half + _vertical.Outside[y] * _background[channel];
                    WeighRows(window[(channel * Side)..], rowBytes, weights, bias, destination.Slice((channel * Side + y) * Side, Side));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void ResizeRow(ReadOnlySpan<byte> rgb24, int row, Span<byte> planar)
    {
        var rowBytes = Width * Channels;
        var source = rgb24[(row * rowBytes)..];
        if (source.Length >= rowBytes + Overrun)
        {
            ResizeRow(source, planar);
            return;
        }
        // Pixels are read beyond the last one, so the last rows need a copy with bytes behind it.
        var copy = ArrayPool<byte>.Shared.Rent(rowBytes + Overrun);
        source[..Math.Min(source.Length, rowBytes)].CopyTo(copy);
        ResizeRow(copy, planar);
        ArrayPool<byte>.Shared.Return(copy);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]              // the first frames of a process are as fast as the later ones
    private void ResizeRow(ReadOnlySpan<byte> source, Span<byte> planar)
    {
        var groups = _groups;
        var starts = _horizontal.Starts;
        var outside = _horizontal.Outside;
        Debug.Assert(source.Length >= (starts[^1] + (groups - 1) * Together) * Channels + Vector128<byte>.Count, "the last pixels are read with the bytes that follow them");

        var background = Vector128.Create(_background[0], _background[1], _background[2], 0);
        var red = planar[..Side];
        var green = planar.Slice(Side, Side);
        var blue = planar.Slice(2 * Side, Side);
        ref var pixels = ref MemoryMarshal.GetReference(source);
        ref var weight = ref MemoryMarshal.GetArrayDataReference(_pixelWeights);
        for (var x = 0; x < starts.Length; x++)
        {
            var sums = Vector512<int>.Zero;
            ref var pixel = ref Unsafe.Add(ref pixels, starts[x] * Channels);
            for (var group = 0; group < groups; group++)
            {
                var bytes = Vector128.Shuffle(Vector128.LoadUnsafe(ref pixel), Vector128.Create((byte)0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255));
                var words = Vector256.WidenLower(bytes.ToVector256Unsafe());
                sums += Vector512.WidenLower(words.ToVector512Unsafe()).AsInt32() * Vector512.LoadUnsafe(ref weight);
                pixel = ref Unsafe.Add(ref pixel, Together * Channels);
                weight = ref Unsafe.Add(ref weight, Vector512<int>.Count);
            }
            var halves = sums.GetLower() + sums.GetUpper();
            var sum = halves.GetLower() + halves.GetUpper() + Vector128.Create(BicubicAxis.Half) + background * outside[x];
            var values = ToBytes(sum);
            (red[x], green[x], blue[x]) = ((byte)values[0], (byte)values[1], (byte)values[2]);
        }
    }

    /// <summary>destination[x] = bias + Σ weights[t] · rows[t · stride + x]</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeighRows(ReadOnlySpan<byte> rows, int stride, ReadOnlySpan<int> weights, int bias, Span<byte> destination)
    {
        ref var first = ref MemoryMarshal.GetReference(rows);
        var x = 0;
        for (; x + 16 <= destination.Length; x += 16)
        {
            var (low, high) = (Vector256.Create(bias), Vector256.Create(bias));
            ref var sample = ref Unsafe.Add(ref first, x);
            foreach (var weight in weights)
            {
                var words = Vector256.WidenLower(Vector128.LoadUnsafe(ref sample).ToVector256Unsafe());
                low += Vector256.WidenLower(words).AsInt32() * weight;
                high += Vector256.WidenUpper(words).AsInt32() * weight;
                sample = ref Unsafe.Add(ref sample, stride);
            }
            var narrow = Vector256.Narrow(ToBytes(low), ToBytes(high)).AsUInt16();
            Vector128.Narrow(narrow.GetLower(), narrow.GetUpper()).CopyTo(destination[x..]);
        }
        for (; x < destination.Length; x++)
        {
            var sum = bias;
            for (var t = 0; t < weights.Length; t++) sum += rows[t * stride + x] * weights[t];
            destination[x] = (byte)Math.Clamp(sum >> BicubicAxis.FractionBits, 0, 255);
        }
    }

    private static Vector128<int> ToBytes(Vector128<int> sum) =>
        Vector128.Min(Vector128.Max(Vector128.ShiftRightArithmetic(sum, BicubicAxis.FractionBits), Vector128<int>.Zero), Vector128.Create(255));

    private static Vector256<int> ToBytes(Vector256<int> sum) =>
        Vector256.Min(Vector256.Max(Vector256.ShiftRightArithmetic(sum, BicubicAxis.FractionBits), Vector256<int>.Zero), Vector256.Create(255));
}
