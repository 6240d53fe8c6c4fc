using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>How a lesson is put to the model.</summary>
internal enum LessonForm { Caption, Clip, Movie, Watched }

/// <summary>One thing to be answered about some scenes, with what an ideal eye would hand over of every second: the bags of concepts of both visual tokens.</summary>
/// <param name="Form">what is watched has no words; a caption follows the visual tokens at once and its request is not part of the prompt, as in the first stage</param>
/// <param name="Seconds">T</param>
/// <param name="Context">[T, <see cref="Concepts.Count"/>] what the request asks for</param>
/// <param name="Content">[T, <see cref="Concepts.Count"/>] what is there</param>
/// <param name="Notes">[T, <see cref="Pretraining.Notes.Count"/>] what is to be in mind after each second of its scene</param>
internal sealed record SceneLesson(string Type, string Request, string Answer, LessonForm Form, int Seconds, float[] Context, float[] Content, float[] Notes)
{
    private const double MostHaze = 0.3, MostGrain = 0.05;
    private const int PerScene = 5, FilmPercent = 15, MovieFormPercent = 40, MostScenes = 12;

    /// <summary>What is hard is asked more often.</summary>
    private static readonly Dictionary<string, int> Weights = new()
    {
        ["direction"] = 3, ["order"] = 9, ["comparison"] = 6, ["description"] = 9, ["position"] = 3, ["existence"] = 3, ["count"] = 8,
        ["color"] = 1, ["shape"] = 1, ["background"] = 2, ["caption"] = 1,
    };

    /// <summary>These forms of a question count so many times as much.</summary>
    private static readonly (string Words, int Factor)[] Hard = [("disappears?", 3), ("appears last?", 2), ("at the end?", 2)];

    /// <summary>
    /// And of two words for a comparison one: neither word nor picture alone tells anything about an answer as long as both are equally likely, so there would be no first step.
    /// </summary>
    private static readonly string[] Usual = ["larger", "to the left of", "above"];

    private const int UsualFactor = 3;

    /// <summary>Some lessons about one freshly drawn scene, alone or somewhere in a film.</summary>
    public static IEnumerable<SceneLesson> Draw(Dice dice)
    {
        if (dice.Chance(FilmPercent)) return DrawFilm(dice);
        var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
        var questions = Questions(scene, dice).Concat(Captions.Of(scene).Select(caption => new Question("caption", caption.Request, caption.Caption)));
        return Choose(questions, dice).Select(chosen => Make([scene], chosen, FormOf(chosen, dice), dice)).ToArray();
    }

    /// <summary>A scene that is watched as if everything about it will be asked, most often one with three objects.</summary>
    public static SceneLesson Watch(Dice dice)
    {
        var isFull = dice.Chance(50);
        var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
        while (isFull && scene.Actors.Count < 3) scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
        return Make([scene], new("watched", "Describe the video.", ""), LessonForm.Watched, dice);
    }

    /// <summary>Some scenes in a row, up to five of them with a background that occurs once; three questions about one of these.</summary>
    private static SceneLesson[] DrawFilm(Dice dice)
    {
        var count = dice.Chance(60) ? dice.Between(2, 3) : dice.Between(4, MostScenes);
        Paint[] backgrounds = [.. Enumerable.Range(0, count).Select(_ => dice.Pick(Palette.Neutrals))];
        var named = dice.Deal([.. Enumerable.Range(0, count)], dice.Between(1, Math.Min(count, Palette.Tints.Length)));
        foreach (var (at, tint) in named.Zip(dice.Deal(Palette.Tints, named.Length))) backgrounds[at] = tint;
        Scene[] scenes = [.. backgrounds.Select(background => SceneDraw.Draw(dice, background))];
        var scene = scenes[named[0]];
        var questions = Questions(scene, dice).Where(question => question.Type is not ("background" or "description"))
            .Select(question => question with { Text = $"In the {scene.Background.Name} scene, {Wording.Lower(question.Text)}" });
        return [.. Choose(questions, dice).Take(3).Select(chosen => Make(scenes, chosen, LessonForm.Movie, dice))];
    }

    private static IEnumerable<Question> Questions(Scene scene, Dice dice) => FilmQuestions.About(new("", 0, 0, [scene], new(0, "", 0, "")), dice);

    private static LessonForm FormOf(Question question, Dice dice) =>
        question.Type is "caption" ? LessonForm.Caption : dice.Chance(MovieFormPercent) ? LessonForm.Movie : LessonForm.Clip;

    private static IEnumerable<Question> Choose(IEnumerable<Question> questions, Dice dice)
    {
        var all = questions.ToList();
        for (var i = 0; i < PerScene && all.Count > 0; i++)
        {
            var ticket = dice.Between(1, all.Sum(Weight));
            var chosen = all.FindIndex(item => (ticket -= Weight(item)) <= 0);
            yield return all[chosen];
            all.RemoveAt(chosen);
        }
    }

    private static int Weight(Question question)
    {
        var factor = Hard.Where(each => question.Text.EndsWith(each.Words, StringComparison.Ordinal)).Select(each => each.Factor).FirstOrDefault(1);
        var isUsual = question.Type is "comparison" && Usual.Any(words => question.Text.Contains(words, StringComparison.Ordinal));
        return Weights[question.Type] * factor * (isUsual ? UsualFactor : 1);
    }

    private static SceneLesson Make(IReadOnlyList<Scene> scenes, Question question, LessonForm form, Dice dice)
    {
        var seconds = scenes.Sum(scene => scene.Seconds);
        var lesson = new SceneLesson(question.Type, question.Text, question.Answer, form, seconds,
            new float[seconds * Concepts.Count], new float[seconds * Concepts.Count], new float[seconds * Pretraining.Notes.Count]);
        var asked = new AskedObjects(question.Text);
        var haze = (float)dice.Thousandths(0, MostHaze);
        var (at, before) = (0, (Paint?)null);
        foreach (var scene in scenes)
        {
            var looks = new float[scene.Seconds * scene.Actors.Count];
            for (var second = 0; second < scene.Seconds; second++, at++)
            {
                var weights = looks.AsSpan(second * scene.Actors.Count, scene.Actors.Count);
                asked.Weigh(scene, second, weights);
                Look(scene, second, weights, haze, lesson.Context.AsSpan(at * Concepts.Count, Concepts.Count));
                Concepts.AddContent(lesson.Content.AsSpan(at * Concepts.Count, Concepts.Count), scene, second);
                var notes = lesson.Notes.AsSpan(at * Pretraining.Notes.Count, Pretraining.Notes.Count);
                if (scene.Background == before) notes.Fill(Pretraining.Notes.Unknown);      // nobody sees where it begins
                else Pretraining.Notes.Write(scene, second, looks, notes);
            }
            before = scene.Background;
        }
        var grain = dice.Thousandths(0, MostGrain);
        Blur(lesson.Context, grain, dice);
        Blur(lesson.Content, grain, dice);
        return lesson;
    }

    /// <param name="weights">how much of the attention each object has</param>
    /// <param name="haze">share of attention that is spread over everything</param>
    private static void Look(Scene scene, int second, ReadOnlySpan<float> weights, float haze, Span<float> context)
    {
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
    }

    /// <summary>Eyes are not ideal.</summary>
    private static void Blur(float[] values, double grain, Dice dice)
    {
        var state = (uint)dice.Between(1, int.MaxValue);
        foreach (ref var value in values.AsSpan())
        {
            state = state * 1664525 + 1013904223;
            value += (float)(((state >> 8) / (double)(1 << 24) - 0.5) * 2 * Math.Sqrt(3) * grain);
        }
    }
}
