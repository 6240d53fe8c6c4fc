using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// Of every object when and where it is seen first and last, and how it moves: what answers about order, count and motion rest on, said so densely that it is
/// learned. A single word as an answer teaches too little to find it. For pretraining only.
/// </summary>
internal static class Lifetimes
{
    private const string Request = "Say where everything is first, last.";

    /// <summary>One caption about the scene.</summary>
    public static Question Of(Scene scene)
    {
        var objects = scene.Actors.OrderBy(actor => Array.IndexOf(Palette.Objects, actor.Paint)).Select(actor => Say(actor, scene.Seconds));
        return new("lifetime", Request, string.Join(' ', objects));
    }

    /// <summary><c>red circle 0 left, 7 top, moves right.</c></summary>
    private static string Say(Actor actor, int seconds)
    {
        var seen = Enumerable.Range(0, seconds).Where(second => actor.IsVisible(second)).ToArray();
        return $"{actor.Name} {seen[0]} {Cell(actor, seen[0])}, {seen[^1]} {Cell(actor, seen[^1])}, {Wording.Does(actor.Motion)}.";
    }

    private static string Cell(Actor actor, int second)
    {
        var (x, y) = actor.At(second);
        return Wording.Cell(x, y);
    }
}
