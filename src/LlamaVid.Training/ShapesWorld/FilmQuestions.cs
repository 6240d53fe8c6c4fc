namespace LlamaVid.Training.ShapesWorld;

/// <summary>The questions that go with a video: everything about a clip; two about each named scene of a long film. Knows no files.</summary>
internal static class FilmQuestions
{
    private const int PerNamedScene = 2;

    public static IEnumerable<Question> About(Film film, Dice dice) =>
        film.Scenes.Count == 1
            ? About(film.Scenes[0], dice)
            : film.Scenes.Where(scene => Palette.Tints.Contains(scene.Background)).SelectMany(scene => AboutNamed(scene, dice));

    private static IEnumerable<Question> About(Scene scene, Dice dice) =>
        SceneQuestions.About(scene, dice).Concat(ObjectQuestions.About(scene, dice)).Concat(PairQuestions.About(scene, dice));

    private static IEnumerable<Question> AboutNamed(Scene scene, Dice dice)
    {
        var all = About(scene, dice).Where(question => question.Type is not ("background" or "description")).ToLookup(question => question.Type);
        return dice.Deal([.. all], PerNamedScene).Select(ofType => dice.Pick([.. ofType]))
            .Select(asked => new Question("long_" + asked.Type, $"In the {scene.Background.Name} scene, {Wording.Lower(asked.Text)}", asked.Answer));
    }
}
