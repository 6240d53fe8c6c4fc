using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>One thing to be answered about a scene, with what an ideal eye would hand over of every second: the bags of concepts of both visual tokens.</summary>
/// <param name="IsCaption">the answer follows the visual tokens at once and the request is not part of the prompt, as in the first stage</param>
/// <param name="Seconds">T</param>
/// <param name="Context">[T, <see cref="Concepts.Count"/>] what the request asks for</param>
/// <param name="Content">[T, <see cref="Concepts.Count"/>] what is there</param>
internal sealed record SceneLesson(string Type, string Request, string Answer, bool IsCaption, int Seconds, float[] Context, float[] Content)
{
    private const double MostHaze = 0.3, Grain = 0.05;
    private const int PerScene = 5;

    private static readonly Dictionary<string, int> Weights = new()
    {
        ["direction"] = 4, ["order"] = 4, ["comparison"] = 4, ["description"] = 3, ["position"] = 3, ["existence"] = 2, ["count"] = 2,
        ["color"] = 1, ["shape"] = 1, ["background"] = 1, ["caption"] = 2,
    };

    /// <summary>Some lessons about one freshly drawn scene.</summary>
    public static IEnumerable<SceneLesson> Draw(Dice dice)
    {
        var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
        var film = new Film("", 0, 0, [scene], new(0, "", 0, ""));
        var all = FilmQuestions.About(film, dice).Select(question => (Type: question.Type, Request: question.Text, Answer: question.Answer, IsCaption: false))
            .Concat(Captions.Of(scene).Select(caption => (Type: "caption", caption.Request, Answer: caption.Caption, IsCaption: true))).ToList();
        for (var i = 0; i < PerScene && all.Count > 0; i++)
        {
            var ticket = dice.Between(1, all.Sum(item => Weights[item.Type]));
            var chosen = all.FindIndex(item => (ticket -= Weights[item.Type]) <= 0);
            var (type, request, answer, isCaption) = all[chosen];
            all.RemoveAt(chosen);
            yield return Make(scene, type, request, answer, isCaption, dice);
        }
    }

    private static SceneLesson Make(Scene scene, string type, string request, string answer, bool isCaption, Dice dice)
    {
        var lesson = new SceneLesson(type, request, answer, isCaption, scene.Seconds,
            new float[scene.Seconds * Concepts.Count], new float[scene.Seconds * Concepts.Count]);
        var asked = new AskedObjects(request);
        Span<float> weights = stackalloc float[scene.Actors.Count];
        var haze = (float)(dice.Thousandths(0, MostHaze));
        for (var second = 0; second < scene.Seconds; second++)
        {
            asked.Weigh(scene, second, weights);
            var context = lesson.Context.AsSpan(second * Concepts.Count, Concepts.Count);
            var content = lesson.Content.AsSpan(second * Concepts.Count, Concepts.Count);
            var rest = 1f;
            for (var i = 0; i < weights.Length; i++)
            {
                var actor = scene.Actors[i];
                if (!actor.IsVisible(second)) continue;
                var weight = weights[i] * (1 - haze) + haze * 0.05f;
                rest -= weight;
                Concepts.Add(context, actor, actor.At(second), scene.Background, weight);
                Concepts.AddKind(content, actor);
            }
            Concepts.AddNothing(context, scene.Background, rest);
            Concepts.AddNothing(content, scene.Background, 1);
        }
        Blur(lesson.Context, dice);
        Blur(lesson.Content, dice);
        return lesson;
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
