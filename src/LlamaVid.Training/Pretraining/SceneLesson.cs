using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>How a lesson is put to the model.</summary>
internal enum LessonForm { Caption, Clip, Movie }

/// <summary>One thing to be answered about some scenes, with what an ideal eye would hand over of every second: the bags of concepts of both visual tokens.</summary>
/// <param name="Form">a caption follows the visual tokens at once and its request is not part of the prompt, as in the first stage</param>
/// <param name="Seconds">T</param>
/// <param name="Context">[T, <see cref="Concepts.Count"/>] what the request asks for</param>
/// <param name="Content">[T, <see cref="Concepts.Count"/>] what is there</param>
internal sealed record SceneLesson(string Type, string Request, string Answer, LessonForm Form, int Seconds, float[] Context, float[] Content)
{
    private const double MostHaze = 0.3, Grain = 0.05;
    private const int PerScene = 5, FilmPercent = 12, MovieFormPercent = 40;

    /// <summary>What is hard is asked more often.</summary>
    private static readonly Dictionary<string, int> Weights = new()
    {
        ["direction"] = 3, ["order"] = 9, ["comparison"] = 6, ["description"] = 9, ["position"] = 3, ["existence"] = 3, ["count"] = 8,
        ["color"] = 1, ["shape"] = 1, ["background"] = 1, ["caption"] = 1, ["lifetime"] = 9,
    };

    /// <summary>Some lessons about one freshly drawn scene, alone or somewhere in a film.</summary>
    public static IEnumerable<SceneLesson> Draw(Dice dice)
    {
        if (dice.Chance(FilmPercent)) return DrawFilm(dice);
        var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
        var questions = Questions(scene, dice).Concat(Captions.Of(scene).Select(caption => new Question("caption", caption.Request, caption.Caption)))
            .Append(Lifetimes.Of(scene));
        return Choose(questions, dice).Select(chosen => Make([scene], chosen, FormOf(chosen, dice), dice)).ToArray();
    }

    private static SceneLesson[] DrawFilm(Dice dice)
    {
        var tints = dice.Deal(Palette.Tints, 2);
        Paint[] backgrounds = dice.Deal([tints[0], .. dice.Chance(50) ? [tints[1]] : Array.Empty<Paint>(), .. dice.Deal(Palette.Neutrals, dice.Between(1, 2))], 2);
        if (!backgrounds.Contains(tints[0])) backgrounds[0] = tints[0];
        Scene[] scenes = [.. backgrounds.Select(background => SceneDraw.Draw(dice, background))];
        var named = scenes.First(scene => scene.Background == tints[0]);
        var questions = Questions(named, dice).Where(question => question.Type is not ("background" or "description"))
            .Select(question => question with { Text = $"In the {named.Background.Name} scene, {Wording.Lower(question.Text)}" });
        return [.. Choose(questions, dice).Take(3).Select(chosen => Make(scenes, chosen, LessonForm.Movie, dice))];
    }

    private static IEnumerable<Question> Questions(Scene scene, Dice dice) => FilmQuestions.About(new("", 0, 0, [scene], new(0, "", 0, "")), dice);

    private static LessonForm FormOf(Question question, Dice dice) =>
        question.Type is "caption" or "lifetime" ? LessonForm.Caption : dice.Chance(MovieFormPercent) ? LessonForm.Movie : LessonForm.Clip;

    private static IEnumerable<Question> Choose(IEnumerable<Question> questions, Dice dice)
    {
        var all = questions.ToList();
        for (var i = 0; i < PerScene && all.Count > 0; i++)
        {
            var ticket = dice.Between(1, all.Sum(item => Weights[item.Type]));
            var chosen = all.FindIndex(item => (ticket -= Weights[item.Type]) <= 0);
            yield return all[chosen];
            all.RemoveAt(chosen);
        }
    }

    private static SceneLesson Make(IReadOnlyList<Scene> scenes, Question question, LessonForm form, Dice dice)
    {
        var seconds = scenes.Sum(scene => scene.Seconds);
        var lesson = new SceneLesson(question.Type, question.Text, question.Answer, form, seconds, new float[seconds * Concepts.Count], new float[seconds * Concepts.Count]);
        var asked = new AskedObjects(question.Text);
        var haze = (float)dice.Thousandths(0, MostHaze);
        var at = 0;
        foreach (var scene in scenes)
            for (var second = 0; second < scene.Seconds; second++, at += Concepts.Count)
                Look(scene, second, asked, haze, lesson.Context.AsSpan(at, Concepts.Count), lesson.Content.AsSpan(at, Concepts.Count));
        Blur(lesson.Context, dice);
        Blur(lesson.Content, dice);
        return lesson;
    }

    /// <param name="haze">share of attention that is spread over everything</param>
    private static void Look(Scene scene, int second, AskedObjects asked, float haze, Span<float> context, Span<float> content)
    {
        Span<float> weights = stackalloc float[scene.Actors.Count];
        asked.Weigh(scene, second, weights);
        var rest = 1f;
        for (var i = 0; i < weights.Length; i++)
        {
            var actor = scene.Actors[i];
            if (!actor.IsVisible(second)) continue;
            var weight = weights[i] * (1 - haze) + haze * 0.05f;
            rest -= weight;
            Concepts.Add(context, actor, actor.At(second), scene.Background, weight);
        }
        Concepts.AddNothing(context, scene.Background, rest);
        Concepts.AddContent(content, scene, second);
    }

    /// <summary>Eyes are not ideal.</summary>
    private static void Blur(float[] values, Dice dice)
    {
        var state = (uint)dice.Between(1, int.MaxValue);
        foreach (ref var value in values.AsSpan())
        {
            state = state * 1664525 + 1013904223;
            value += (float)(((state >> 8) / (double)(1 << 24) - 0.5) * 2 * Math.Sqrt(3) * Grain);
        }
    }
}
