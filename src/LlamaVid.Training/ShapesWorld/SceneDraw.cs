namespace LlamaVid.Training.ShapesWorld;

/// <summary>Draws scenes whose objects stay inside the frame and apart at every whole second. Knows the rules of docs/shapes-world.md and no pixels.</summary>
internal static class SceneDraw
{
    public const int ShortestSeconds = 4, LongestSeconds = 10;
    public const double SmallestSmall = 0.20, LargestSmall = 0.23, SmallestLarge = 0.32, LargestLarge = 0.36;

    /// <summary>Least distance of a centre from the lines between the thirds, where its third is asked for.</summary>
    public const double ThirdMargin = 0.04;

    private const int StillPercent = 28;
    private const double Gap = 0.02;                                   // between an object and the border or another object
    private const double ShortestWay = 0.36, LongestWay = 0.56;        // while visible
    private const double ShortestSeenWay = 0.30;                       // between the first and the last whole second at which it is visible

    private static readonly Motion[] Moves = [Motion.Left, Motion.Right, Motion.Up, Motion.Down];

    public static Scene Draw(Dice dice, Paint background)
    {
        var seconds = dice.Between(ShortestSeconds, LongestSeconds);
        var count = dice.Between(1, 3);
        // Motions are kept when the rest is drawn again: still objects are easier to place and would prevail.
        var motions = new Motion[count];
        for (var i = 0; i < count; i++) motions[i] = dice.Chance(StillPercent) ? Motion.Still : dice.Pick(Moves);
        while (true)
        {
            var paints = dice.Deal(Palette.Objects, count);
            var shapes = dice.Deal(Geometry.Shapes, count);
            var actors = new Actor[count];
            for (var i = 0; i < count; i++) actors[i] = Draw(dice, paints[i], shapes[i], motions[i], seconds);
            if (AreApart(actors, seconds)) return new(background, seconds, actors);
        }
    }

    private static Actor Draw(Dice dice, Paint paint, Shape shape, Motion motion, int seconds)
    {
        var size = dice.Chance(50) ? dice.Thousandths(SmallestLarge, LargestLarge) : dice.Thousandths(SmallestSmall, LargestSmall);
        var (appears, disappears) = dice.Between(0, 3) switch
        {
            0 => (dice.Between(0, seconds - 4) + 0.5, (double)seconds),
            1 => (0, dice.Between(2, seconds - 2) + 0.5),
            _ => (0, seconds),
        };
        var border = Geometry.Reach * size + Gap;
        if (motion == Motion.Still)
            return new(paint, shape, size, motion, WithinThird(dice, border), WithinThird(dice, border), 0, appears, disappears);

        var duration = disappears - appears;
        var seen = Math.Ceiling(disappears) - 1 - Math.Ceiling(appears);          // from the first to the last whole second
        var way = dice.Thousandths(Math.Max(ShortestWay, ShortestSeenWay * duration / seen), LongestWay);
        var near = dice.Thousandths(border, 1 - border - way);                    // the end of the way that is nearer to 0
        var start = motion is Motion.Right or Motion.Down ? near : Math.Round(near + way, 3);
        var across = WithinThird(dice, border);
        var (x, y) = motion is Motion.Left or Motion.Right ? (start, across) : (across, start);
        return new(paint, shape, size, motion, x, y, way / duration, appears, disappears);
    }

    private static double WithinThird(Dice dice, double border) => dice.Between(0, 2) switch
    {
        0 => dice.Thousandths(border, 1 / 3.0 - ThirdMargin),
        1 => dice.Thousandths(1 / 3.0 + ThirdMargin, 2 / 3.0 - ThirdMargin),
        _ => dice.Thousandths(2 / 3.0 + ThirdMargin, 1 - border),
    };

    private static bool AreApart(Actor[] actors, int seconds)
    {
        for (var second = 0; second < seconds; second++)
            for (var i = 0; i < actors.Length; i++)
                for (var j = 0; j < i; j++)
                {
                    if (!actors[i].IsVisible(second) || !actors[j].IsVisible(second)) continue;
                    var ((ax, ay), (bx, by)) = (actors[i].At(second), actors[j].At(second));
                    if (Math.Max(Math.Abs(ax - bx), Math.Abs(ay - by)) < Geometry.Reach * (actors[i].Size + actors[j].Size) + Gap) return false;
                }
        return true;
    }
}
