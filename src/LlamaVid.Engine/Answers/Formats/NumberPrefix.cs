using System.Numerics;

namespace LlamaVid.Engine;

/// <summary>Bounds of a number, scaled by a power of ten so that all its possible values are whole.</summary>
/// <param name="Least">scaled</param>
/// <param name="Most">scaled</param>
/// <param name="Fraction">digits after the point; 0 for whole numbers</param>
internal sealed record NumberBounds(BigInteger Least, BigInteger Most, int Fraction)
{
    private const int UsualFraction = 6, MostFraction = 20;

    private static readonly decimal Widest = 1e15m;                         // where the schema sets no bound

    /// <returns>null when no number that can be written lies within</returns>
    public static NumberBounds? Of(decimal? min, bool minIsOut, decimal? max, bool maxIsOut, bool whole)
    {
        var (least, most) = (min ?? Math.Min(-Widest, (max ?? 0) - Widest), max ?? Math.Max(Widest, (min ?? 0) + Widest));
        for (var fraction = whole ? 0 : UsualFraction; fraction <= (whole ? 0 : MostFraction); fraction++)
        {
            var bounds = new NumberBounds(Scaled(least, fraction, up: true, minIsOut), Scaled(most, fraction, up: false, maxIsOut), fraction);
            if (bounds.Least <= bounds.Most) return bounds;
        }
        return null;
    }

    /// <summary>The nearest whole number inside the bound.</summary>
    private static BigInteger Scaled(decimal value, int fraction, bool up, bool isOut)
    {
        var scale = BigInteger.Pow(10, value.Scale);
        var quotient = BigInteger.DivRem(WholeDigits(value) * BigInteger.Pow(10, fraction), scale, out var rest);
        if (rest < 0) (quotient, rest) = (quotient - 1, rest + scale);      // rounds down
        return up
            ? rest > 0 ? quotient + 1 : isOut ? quotient + 1 : quotient
            : rest > 0 ? quotient : isOut ? quotient - 1 : quotient;
    }

    /// <summary>The value without its point.</summary>
    private static BigInteger WholeDigits(decimal value)
    {
        Span<int> bits = stackalloc int[4];
        decimal.GetBits(value, bits);
        var magnitude = ((BigInteger)(uint)bits[2] << 64) | ((BigInteger)(uint)bits[1] << 32) | (uint)bits[0];
        return value < 0 ? -magnitude : magnitude;
    }
}

/// <summary>The beginning of a number that can still become one within its bounds. Immutable.</summary>
/// <param name="digits">all digits so far as one number</param>
/// <param name="whole">digits before the point; 0 before the first</param>
/// <param name="after">digits after the point; null without one</param>
internal sealed class NumberPrefix(NumberBounds bounds, bool isNegative = false, BigInteger digits = default, int whole = 0, int? after = null)
{
    public bool IsComplete => whole > 0 && after != 0 && Holds(digits * Scale, digits * Scale);

    /// <returns>null when the character cannot follow</returns>
    public NumberPrefix? With(char next)
    {
        var longer = next switch
        {
            '-' when whole == 0 && !isNegative => new NumberPrefix(bounds, isNegative: true),
            '.' when whole > 0 && after is null && bounds.Fraction > 0 => new(bounds, isNegative, digits, whole, 0),
            >= '0' and <= '9' when after is { } count && count < bounds.Fraction => new(bounds, isNegative, digits * 10 + (next - '0'), whole, count + 1),
            >= '0' and <= '9' when after is null && !(whole > 0 && digits.IsZero) => new(bounds, isNegative, digits * 10 + (next - '0'), whole + 1),
            _ => null,
        };
        return longer?.CanEnd == true ? longer : null;
    }

    private BigInteger Scale => BigInteger.Pow(10, bounds.Fraction - (after ?? 0));

    private BigInteger Widest => BigInteger.Max(BigInteger.Abs(bounds.Least), BigInteger.Abs(bounds.Most));

    private bool CanEnd
    {
        get
        {
            if (whole == 0) return Holds(0, Widest);
            for (var (from, to) = (digits * Scale, (digits + 1) * Scale); from <= Widest; (from, to) = (from * 10, to * 10))
            {
                if (Holds(from, to - 1)) return true;
                if (after is not null || digits.IsZero) return false;       // no more digits before the point
            }
            return false;
        }
    }

    /// <summary>Whether a magnitude in this range lies within the bounds.</summary>
    private bool Holds(BigInteger from, BigInteger to) =>
        isNegative ? -to <= bounds.Most && -from >= bounds.Least : from <= bounds.Most && to >= bounds.Least;
}
