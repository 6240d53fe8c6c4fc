namespace LlamaVid.Training.ShapesWorld;

/// <summary>Sentences for the first stage: where things are, second by second. Not scored, so they name a cell also when a centre is near a line.</summary>
internal static class Captions
{
    /// <returns>What the visual tokens are asked for, and the caption.</returns>
    public static IEnumerable<(string Request, string Caption)> Of(Scene scene)
    {
        yield return ("Describe the video.", SceneQuestions.Describe(scene));
        yield return ("Say where everything is, second by second.", BySecond(scene, time => Everything(scene, time)));
        foreach (var actor in scene.Actors)
            yield return ($"Follow the {actor.Name}.", BySecond(scene, time => actor.IsVisible(time) ? Cell(actor, time) : "hidden"));
    }

    private static string BySecond(Scene scene, Func<int, string> say) =>
        string.Join(' ', Enumerable.Range(0, scene.Seconds).Select(second => $"{second}: {say(second)}."));

    private static string Everything(Scene scene, int time)
    {
        var seen = scene.Actors.Where(actor => actor.IsVisible(time)).OrderBy(actor => Array.IndexOf(Palette.Objects, actor.Paint));
        var places = string.Join(", ", seen.Select(actor => $"{(actor.IsLarge ? "large" : "small")} {actor.Name} {Cell(actor, time)}"));
        return places.Length > 0 ? places : "nothing";
    }

    private static string Cell(Actor actor, int time)
    {
        var (x, y) = actor.At(time);
        return Wording.Cell(x, y);
    }
}
