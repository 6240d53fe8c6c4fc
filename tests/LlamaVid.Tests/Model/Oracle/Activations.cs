namespace LlamaVid.Tests.Model.Oracle;

/// <summary>The activation functions of the four networks, in double precision.</summary>
internal static class Activations
{
    public static double Gelu(double x) => 0.5 * x * (1 + Erf(x / Math.Sqrt(2)));

    public static double QuickGelu(double x) => x * Sigmoid(1.702 * x);

    public static double Silu(double x) => x * Sigmoid(x);

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>2/√π · e^(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n+1)!!, a series without cancellation.</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 6) return Math.Sign(x);
        var (sum, term) = (x, x);
        for (var n = 1; n < 200; n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
