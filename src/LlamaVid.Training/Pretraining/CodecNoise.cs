using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>Roughly what H.264 does to a drawn frame: colour at half the resolution, levels that are a little off, and noise. Cheaper than encoding by far.</summary>
internal static class CodecNoise
{
    private const int MostOff = 4, MostNoise = 5;

    /// <param name="rgb24">[side, side, 3], changed in place; side is even</param>
    public static void Apply(Span<byte> rgb24, int side, Dice dice)
    {
        var (isSubsampled, noise) = (dice.Chance(80), dice.Between(0, MostNoise));
        var (red, green, blue) = (dice.Between(-MostOff, MostOff), dice.Between(-MostOff, MostOff), dice.Between(-MostOff, MostOff));
        var state = (uint)dice.Between(1, int.MaxValue);
        for (var row = 0; row < side; row += 2)
            for (var column = 0; column < side; column += 2)
            {
                Span<int> at = [(row * side + column) * 3, (row * side + column + 1) * 3, ((row + 1) * side + column) * 3, ((row + 1) * side + column + 1) * 3];
                int blueSum = 0, redSum = 0;
                if (isSubsampled)
                    foreach (var i in at)
                    {
                        var luma = Luma(rgb24, i);
                        (redSum, blueSum) = (redSum + rgb24[i] - luma, blueSum + rgb24[i + 2] - luma);
                    }
                foreach (var i in at)
                {
                    int r = rgb24[i], g = rgb24[i + 1], b = rgb24[i + 2];
                    if (isSubsampled)
                    {
                        var luma = Luma(rgb24, i);
                        (r, b) = (luma + redSum / 4, luma + blueSum / 4);
                        g = (1000 * luma - 299 * r - 114 * b) / 587;
                    }
                    state = state * 1664525 + 1013904223;
                    var grain = noise == 0 ? 0 : (int)((state >> 16) % (uint)(2 * noise + 1)) - noise;
                    rgb24[i] = Level(r + red + grain);
                    rgb24[i + 1] = Level(g + green + grain);
                    rgb24[i + 2] = Level(b + blue + grain);
                }
            }
    }

    private static int Luma(Span<byte> rgb24, int at) => (299 * rgb24[at] + 587 * rgb24[at + 1] + 114 * rgb24[at + 2]) / 1000;

    private static byte Level(int value) => (byte)Math.Clamp(value, 0, 255);
}
