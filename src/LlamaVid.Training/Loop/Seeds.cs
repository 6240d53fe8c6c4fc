namespace LlamaVid.Training.Loop;

/// <summary>Numbers that look random and depend on nothing but what they are asked for, so that no generator's state has to be kept.</summary>
internal static class Seeds
{
    /// <summary>One number out of several (SplitMix64 over each in turn).</summary>
    public static long Mix(params ReadOnlySpan<long> parts)
    {
        var hash = 0x9E3779B97F4A7C15UL;
        foreach (var part in parts)
        {
            hash = unchecked((hash ^ (ulong)part) + 0x9E3779B97F4A7C15UL);
            hash = unchecked((hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9UL);
            hash = unchecked((hash ^ (hash >> 27)) * 0x94D049BB133111EBUL);
            hash ^= hash >> 31;
        }
        return unchecked((long)hash);
    }

    /// <summary>A whole number from 0 to <paramref name="limit"/> - 1.</summary>
    public static int Below(int limit, params ReadOnlySpan<long> parts) => (int)((ulong)Mix(parts) % (ulong)limit);

    /// <summary>A number from 0 to 1, without 1.</summary>
    public static double Fraction(params ReadOnlySpan<long> parts) => ((ulong)Mix(parts) >> 11) * (1.0 / (1UL << 53));
}
