namespace LlamaVid.Training.ShapesWorld;

/// <summary>Questions about one object of a scene: color, shape, direction, position. All of them for every object.</summary>
internal static class ObjectQuestions
{
    public static IEnumerable<Question> About(Scene scene, Dice dice)
    {
        foreach (var actor in scene.Actors)
        {
            var (color, shape) = (actor.Paint.Name, actor.Shape.Word());
            yield return new("color", dice.Pick([$"What color is the {shape}?", $"What colour is the {shape}?"]), color);
            yield return new("shape", dice.Pick([$"What shape is the {color} object?", $"Which shape is {color}?"]), shape);
            yield return new("direction", $"Which {dice.Pick(["direction", "way"])} does the {actor.Name} move?", Wording.Direction(actor.Motion));

            var places = Places(actor, scene.Seconds).ToArray();
            if (places.Length > 0) yield return dice.Pick(places);
        }
    }

    private static IEnumerable<Question> Places(Actor actor, int seconds)
    {
        if (actor.Motion == Motion.Still)
        {
            yield return new("position", $"Where is the {actor.Name}?", Wording.Cell(actor.X, actor.Y));
            yield break;
        }
        if (Moments.Start(seconds) is var start && start.Shows(actor) && start.Cell(actor) is { } first)
            yield return new("position", $"Where is the {actor.Name} at the start?", first);
        if (Moments.End(seconds) is var end && end.Shows(actor) && end.Cell(actor) is { } last)
            yield return new("position", $"Where is the {actor.Name} at the end?", last);
    }
}

/// <summary>A stretch of a scene that a question names. What is said about it holds from its first moment to its last.</summary>
internal readonly record struct Moments(double First, double Last)
{
    public static Moments Start(int seconds) => new(0, 0);

    /// <summary>From the last whole second on, so that it is the same whether the last frame or the last one sampled per second is looked at.</summary>
    public static Moments End(int seconds) => new(seconds - 1, seconds);

    /// <summary>Whether the object is there all the time.</summary>
    public bool Shows(Actor actor) => actor.Appears <= First && Last <= actor.Disappears && First < actor.Disappears;

    /// <summary>The one cell of the three by three in which its centre is, with the margin; null when it is near a line or crosses one.</summary>
    public string? Cell(Actor actor)
    {
        var ((x, y), (toX, toY)) = (actor.At(First), actor.At(Last));
        return IsClear(x) && IsClear(y) && IsClear(toX) && IsClear(toY) && Wording.Cell(x, y) == Wording.Cell(toX, toY) ? Wording.Cell(x, y) : null;
    }

    private static bool IsClear(double place) =>
        Math.Abs(place - 1 / 3.0) >= SceneDraw.ThirdMargin - 1e-9 && Math.Abs(place - 2 / 3.0) >= SceneDraw.ThirdMargin - 1e-9;
}
