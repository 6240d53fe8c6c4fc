namespace LlamaVid.Model.Vision;

/// <summary>The weights of one axis of an antialiased bicubic resize, for a window of its outputs. It knows numbers of samples, not pictures.</summary>
/// <remarks>
/// Fixed-point arithmetic of Pillow's <c>Resample.c</c> (<c>precompute_coeffs</c>, <c>normalize_coeffs_8bpc</c>), which the official preprocessing
/// runs: weights in double precision, normalised to 1, rounded away from zero to 22 fractional bits. Output i is (Σ weight · sample + half) >> 22,
/// clamped to a byte. The samples may lie in the middle of a longer canvas of one colour, which is then one weight per output and is never read.
/// </remarks>
internal sealed class BicubicAxis
{
    public const int FractionBits = 22;
    public const int Half = 1 << (FractionBits - 1);

    private readonly int[] _starts;
    private readonly int[] _weights;
    private readonly int[] _outside;

    /// <param name="samples">length of the source</param>
    /// <param name="canvas">length of the canvas in whose middle the source lies; at least <paramref name="samples"/></param>
    /// <param name="outputs">length the whole canvas would be resized to; may be far more than is ever computed</param>
    /// <param name="first">first output of the window</param>
    /// <param name="count">outputs in the window</param>
    public BicubicAxis(int samples, int canvas, long outputs, long first, int count)
    {
        var offset = (canvas - samples) / 2;
        var scale = (double)canvas / outputs;
        var stretch = Math.Max(scale, 1.0);
        var support = 2.0 * stretch;
        var widest = (long)Math.Ceiling(support) * 2 + 1;

        Taps = (int)Math.Min(widest, samples);
        _starts = new int[count];
        _weights = new int[count * Taps];
        _outside = new int[count];
        var exact = new double[Math.Min(widest, canvas)];
        for (var i = 0; i < count; i++)
        {
            var centre = (first + i + 0.5) * scale;
            var begin = Math.Max((int)(centre - support + 0.5), 0);
            var taps = Math.Min((int)(centre + support + 0.5), canvas) - begin;

            var sum = 0.0;
            for (var t = 0; t < taps; t++) sum += exact[t] = Kernel((t + begin - centre + 0.5) * (1.0 / stretch));

            // Every window holds Taps samples, so that the passes have no special case: it is moved back where it would leave the source.
            _starts[i] = Math.Clamp(begin - offset, 0, samples - Taps);
            for (var t = 0; t < taps; t++)
            {
                var weight = Round(sum != 0 ? exact[t] / sum : exact[t]);
                var sample = begin + t - offset;
                if (sample >= 0 && sample < samples) _weights[i * Taps + sample - _starts[i]] = weight;
                else _outside[i] += weight;
            }
        }
    }

    /// <summary>Samples under one output's window, the same for all; those beyond the kernel's support weigh zero.</summary>
    public int Taps { get; }

    /// <summary>First sample under each output's window; never decreasing.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>[outputs, <see cref="Taps"/>]</summary>
    public ReadOnlySpan<int> Weights => _weights;

    /// <summary>What the canvas beside the source weighs in each output.</summary>
    public ReadOnlySpan<int> Outside => _outside;

    private static int Round(double weight)
    {
        var scaled = weight * (1 << FractionBits);
        return (int)(weight < 0 ? scaled - 0.5 : scaled + 0.5);
    }

    private static double Kernel(double x)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        return x switch
        {
            < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1,
            < 2.0 => (((x - 5) * x + 8) * x - 4) * a,
            _ => 0.0,
        };
    }
}
