namespace LlamaVid.Training.ShapesWorld;

/// <summary>Questions about a scene as a whole: count, existence, background, description.</summary>
internal static class SceneQuestions
{
    public static IEnumerable<Question> About(Scene scene, Dice dice)
    {
        yield return new("count", dice.Pick(["How many objects are there?", "How many shapes are there?"]), Wording.Numbers[scene.Actors.Count - 1]);
        yield return new("existence", Present(scene.Actors, dice), "yes");
        yield return new("existence", Absent(scene.Actors, dice), "no");
        yield return new("background", dice.Pick(["What color is the background?", "What colour is the background?"]), scene.Background.Name);
        yield return new("description", dice.Pick(["Describe the video.", "What happens in the video?"]), Describe(scene));
    }

    /// <summary>Every object in the order of the palette, one sentence each.</summary>
    public static string Describe(Scene scene)
    {
        var count = Wording.Numbers[scene.Actors.Count - 1];
        var opening = scene.Actors.Count == 1 ? "There is one object" : $"There are {count} objects";
        var sentences = scene.Actors.OrderBy(actor => Array.IndexOf(Palette.Objects, actor.Paint))
            .Select(actor => $"{Wording.Upper(Wording.WithArticle(actor.Name))} {Wording.Does(actor.Motion)}.");
        return string.Join(' ', sentences.Prepend($"{opening} on {Wording.WithArticle(scene.Background.Name)} background."));
    }

    private static string Present(IReadOnlyList<Actor> actors, Dice dice)
    {
        var actor = dice.Pick(actors);
        return dice.Between(0, 2) switch
        {
            0 => OfShape(actor.Shape),
            1 => OfColor(actor.Paint),
            _ => OfBoth(actor.Paint, actor.Shape),
        };
    }

    private static string Absent(IReadOnlyList<Actor> actors, Dice dice)
    {
        var otherShapes = Geometry.Shapes.Except(actors.Select(actor => actor.Shape)).ToArray();
        var otherPaints = Palette.Objects.Except(actors.Select(actor => actor.Paint)).ToArray();
        switch (dice.Between(0, 2))
        {
            case 0: return OfShape(dice.Pick(otherShapes));
            case 1: return OfColor(dice.Pick(otherPaints));
            default:
                if (dice.Chance(50)) return OfBoth(dice.Pick(otherPaints), dice.Pick(Geometry.Shapes));
                var actor = dice.Pick(actors);                           // its colour, but another shape
                return OfBoth(actor.Paint, dice.Pick([.. Geometry.Shapes.Where(shape => shape != actor.Shape)]));
        }
    }

    private static string OfShape(Shape shape) => $"Is there a {shape.Word()}?";

    private static string OfColor(Paint paint) => $"Is there {Wording.WithArticle(paint.Name)} object?";

    private static string OfBoth(Paint paint, Shape shape) => $"Is there {Wording.WithArticle(paint.Name)} {shape.Word()}?";
}
