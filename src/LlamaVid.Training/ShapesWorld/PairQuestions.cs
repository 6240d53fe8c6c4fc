namespace LlamaVid.Training.ShapesWorld;

/// <summary>Questions about two or more objects of a scene: comparison of size and place, order of appearance. At most two of each type.</summary>
internal static class PairQuestions
{
    /// <summary>Least difference of two centres along the axis that is asked for.</summary>
    public const double PlaceGap = 0.15;

    public static IEnumerable<Question> About(Scene scene, Dice dice)
    {
        var pairs = scene.Actors.SelectMany(a => scene.Actors.Where(b => b != a).Select(b => (A: a, B: b))).ToArray();
        var sizes = pairs.Where(pair => pair.A.IsLarge != pair.B.IsLarge).Select(pair => Size(pair.A, pair.B, dice)).ToArray();
        var places = pairs.SelectMany(pair => Places(pair.A, pair.B, scene.Seconds)).ToArray();
        var orders = pairs.SelectMany(pair => Before(pair.A, pair.B)).Concat(Firsts(scene.Actors, scene.Seconds)).ToArray();

        if (sizes.Length > 0) yield return dice.Pick(sizes);
        if (places.Length > 0) yield return dice.Pick(places);
        foreach (var order in dice.Deal(orders, Math.Min(2, orders.Length))) yield return order;
    }

    private static Question Size(Actor a, Actor b, Dice dice)
    {
        var larger = dice.Chance(50);
        return new("comparison", $"Which is {(larger ? "larger" : "smaller")}, the {a.Name} or the {b.Name}?", $"the {(a.IsLarge == larger ? a : b).Name}");
    }

    public static IEnumerable<Question> Places(Actor a, Actor b, int seconds)
    {
        if (a.Motion == Motion.Still && b.Motion == Motion.Still)
            return a.Appears < b.Disappears && b.Appears < a.Disappears ? Places(a, b, new(0, 0), "") : [];

        var (start, end) = (Moments.Start(seconds), Moments.End(seconds));
        return (start.Shows(a) && start.Shows(b) ? Places(a, b, start, " at the start") : [])
            .Concat(end.Shows(a) && end.Shows(b) ? Places(a, b, end, " at the end") : []);
    }

    private static IEnumerable<Question> Places(Actor a, Actor b, Moments moments, string when)
    {
        var ((ax, ay), (bx, by)) = (a.At(moments.First), b.At(moments.First));
        var ((aToX, aToY), (bToX, bToY)) = (a.At(moments.Last), b.At(moments.Last));
        return Along(ax - bx, aToX - bToX, "to the left of", "to the right of").Concat(Along(ay - by, aToY - bToY, "above", "below"));

        IEnumerable<Question> Along(double from, double to, string less, string more)
        {
            if (Math.Min(Math.Abs(from), Math.Abs(to)) < PlaceGap || Math.Sign(from) != Math.Sign(to)) yield break;
            yield return new("comparison", $"Is the {a.Name} {less} the {b.Name}{when}?", from < 0 ? "yes" : "no");
            yield return new("comparison", $"Is the {a.Name} {more} the {b.Name}{when}?", from > 0 ? "yes" : "no");
        }
    }

    private static IEnumerable<Question> Before(Actor a, Actor b)
    {
        if (a.Appears != b.Appears)
            yield return new("order", $"Does the {a.Name} appear before the {b.Name}?", a.Appears < b.Appears ? "yes" : "no");
    }

    private static IEnumerable<Question> Firsts(IReadOnlyList<Actor> actors, int seconds)
    {
        if (actors.Count < 2) yield break;
        var ordered = actors.OrderBy(actor => actor.Appears).ToArray();
        if (ordered[0].Appears < ordered[1].Appears) yield return new("order", "Which object appears first?", $"the {ordered[0].Name}");
        if (ordered[^2].Appears < ordered[^1].Appears) yield return new("order", "Which object appears last?", $"the {ordered[^1].Name}");
        var gone = actors.Where(actor => actor.Disappears < seconds).ToArray();
        if (gone.Length == 1) yield return new("order", "Which object disappears?", $"the {gone[0].Name}");
    }
}
