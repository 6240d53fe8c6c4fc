namespace LlamaVid.Training.Evaluation.Scoring;

/// <summary>How many of how many were right, and how sure that makes of the accuracy.</summary>
internal readonly record struct Tally(int Right, int Count)
{
    private const double Z = 1.959963984540054;                             // 95 % of a normal distribution lie within

    public double Accuracy => Count == 0 ? 0 : (double)Right / Count;

    /// <summary>Wilson's score interval, which stays within 0 and 1 and holds at accuracies near either; 0 to 1 where nothing was counted.</summary>
    public (double Low, double High) Interval
    {
        get
        {
            if (Count == 0) return (0, 1);
            var spread = Z * Z / Count;
            var middle = (Accuracy + spread / 2) / (1 + spread);
            var half = Z / (1 + spread) * Math.Sqrt(Accuracy * (1 - Accuracy) / Count + spread / (4 * Count));
            return (Right == 0 ? 0 : middle - half, Right == Count ? 1 : middle + half);
        }
    }

    public static Tally Of(IEnumerable<bool> right)
    {
        var tally = new Tally();
        foreach (var isRight in right) tally = new(tally.Right + (isRight ? 1 : 0), tally.Count + 1);
        return tally;
    }
}
