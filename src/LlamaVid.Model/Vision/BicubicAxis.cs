namespace LlamaVid.Model.Vision;

/// <summary>The weights of one axis of an antialiased bicubic resize, for a window of its outputs. It knows numbers of samples, not pictures.</summary>
/// <remarks>
/// Fixed-point arithmetic of Pillow's <c>Resample.c</c> (<c>precompute_coeffs</c>, <c>normalize_coeffs_8bpc</c>), which the official preprocessing runs: weights in
/// double precision, normalised to 1, rounded away from zero to 22 fractional bits. Output i is (Σ weight · sample + half) >> 22, clamped to a byte.
/// </remarks>
internal sealed class BicubicAxis
{
    public const int FractionBits = 22;
    public const int Half = 1 << (FractionBits - 1);

    private readonly int[] _starts;
    private readonly int[] _weights;

    /// <param name="inputs">samples of the source axis</param>
    /// <param name="outputs">samples the whole axis would be resized to; may be far more than are ever computed</param>
    /// <param name="first">first output of the window</param>
    /// <param name="count">outputs in the window</param>
    public BicubicAxis(int inputs, long outputs, long first, int count)
    {
        var scale = (double)inputs / outputs;
        var stretch = Math.Max(scale, 1.0);
        var support = 2.0 * stretch;

        Taps = (int)Math.Min((long)Math.Ceiling(support) * 2 + 1, inputs);
        _starts = new int[count];
        _weights = new int[count * Taps];
        var exact = new double[Taps];
        for (var i = 0; i < count; i++)
        {
            var centre = (first + i + 0.5) * scale;
            var from = Math.Max((int)(centre - support + 0.5), 0);
            var taps = Math.Min((int)(centre + support + 0.5), inputs) - from;

            var sum = 0.0;
            for (var t = 0; t < taps; t++) sum += exact[t] = Kernel((t + from - centre + 0.5) * (1.0 / stretch));

            // Every window holds Taps samples, so that the passes have no special case: it is moved left where it would leave the axis.
            _starts[i] = Math.Min(from, inputs - Taps);
            var weights = _weights.AsSpan(i * Taps + from - _starts[i], taps);
            for (var t = 0; t < taps; t++) weights[t] = Round(sum != 0 ? exact[t] / sum : exact[t]);
        }
    }

    /// <summary>Samples under one output's window, the same for all; those beyond the kernel's support weigh zero.</summary>
    public int Taps { get; }

    /// <summary>First sample under each output's window; never decreasing.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>[outputs, <see cref="Taps"/>]</summary>
    public ReadOnlySpan<int> Weights => _weights;

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
