namespace LlamaVid.Training.ShapesWorld;

/// <summary>Statements about two objects, which say outright what a comparison's single word needs to know. Training data only, never scored.</summary>
/// <remarks>
/// The answer to a comparison depends on neither its words nor the picture alone, so it offers no first step to be learned. "Larger" and "to the left of" as statements are read from the picture, and
/// a question is then one statement against another.
/// </remarks>
internal static class Comparisons
{
    public static IEnumerable<(string Request, string Statement)> Of(Scene scene)
    {
        foreach (var a in scene.Actors)
            foreach (var b in scene.Actors.Where(other => other != a))
            {
                yield return ($"Compare the {a.Name} and the {b.Name}.", Compare(a, b, scene.Seconds));
                if (a.IsLarge != b.IsLarge)
                    yield return ($"Sort the {a.Name} and the {b.Name} by size.", a.IsLarge ? Sorted(a, b) : Sorted(b, a));
            }
    }

    private static string Compare(Actor a, Actor b, int seconds)
    {
        var size = a.IsLarge == b.IsLarge ? "as large" : a.IsLarge ? "larger" : "smaller";
        var about = $"Is the {a.Name} ";
        var places = PairQuestions.Places(a, b, seconds).Where(question => question.Answer == "yes").Select(question => question.Text[about.Length..^1]);
        return $"the {a.Name} is {string.Join(", ", places.Prepend(size))}";
    }

    private static string Sorted(Actor larger, Actor smaller) => $"the {larger.Name} is larger, the {smaller.Name} is smaller";
}
