using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// How two objects are to each other, second by second: what every comparison rests on, said so often that it is learned. A yes or no in the end teaches
/// too little to find it. For pretraining only.
/// </summary>
internal static class Relations
{
    private const double Clear = 0.05;

    /// <summary>One caption about two objects of the scene, if it has as many.</summary>
    public static IEnumerable<Question> Of(Scene scene, Dice dice)
    {
        if (scene.Actors.Count < 2) yield break;
        var pair = dice.Deal(scene.Actors, 2);
        var caption = Enumerable.Range(0, scene.Seconds).Select(second => $"{second}: {Say(pair[0], pair[1], second)}.");
        yield return new("relation", $"Follow the {pair[0].Name}, the {pair[1].Name}.", string.Join(' ', caption));
    }

    private static string Say(Actor first, Actor second, int time)
    {
        switch (first.IsVisible(time), second.IsVisible(time))
        {
            case (false, false): return "nothing";
            case (true, false): return "first";
            case (false, true): return "last";
        }
        var ((x, y), (otherX, otherY)) = (first.At(time), second.At(time));
        string[] words =
        [
            first.IsLarge == second.IsLarge ? "" : first.IsLarge ? "larger" : "smaller",
            Along(x - otherX, "left", "right"), Along(y - otherY, "above", "below"),
        ];
        return string.Join(' ', words.Where(word => word.Length > 0));
    }

    private static string Along(double difference, string less, string more) => Math.Abs(difference) < Clear ? "" : difference < 0 ? less : more;
}
