using LlamaVid.Model;
using LlamaVid.Model.Text;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>Lessons as the language model reads them, batch after batch: ids with places for visual tokens. Knows no tensors.</summary>
internal sealed class LanguageRows(LlamaVidModel model, int batch, long seed)
{
    private const int Pool = 8;                                              // batches among which samples of like length are put together

    private const string Split = "language";
    private const int AskedPerWatched = 2;

    /// <summary>Several batches at once, each of samples of like length. Every number gives the same.</summary>
    public List<Batch> Draw(long number)
    {
        var rows = new List<Row>();
        for (var i = 0; rows.Count < Pool * batch; i++)
            rows.AddRange(SceneLesson.Draw(new(Split, seed, $"lessons {number}", i)).Select(Encode));
        var batches = rows.Take(Pool * batch).OrderBy(row => row.Ids.Length).Chunk(batch).ToArray();
        return [.. new Dice(Split, seed, $"order {number}", 0).Deal(batches, batches.Length).Select((each, i) => new Batch(each, Watched(number * Pool + i)))];
    }

    /// <summary>The batch of a step is this one of those that <see cref="Draw"/> gives for the number.</summary>
    public static (long Number, int At) Of(long step) => (step / Pool, (int)(step % Pool));

    private Row[] Watched(long number) =>
        [.. Enumerable.Range(0, batch / AskedPerWatched).Select(i => Encode(SceneLesson.Watch(new(Split, seed, $"watched {number}", i))))];

    /// <summary>Prompt, visual places (negative) and answer as the server and the official stages write them; of what is only watched nothing behind the places.</summary>
    private Row Encode(SceneLesson lesson)
    {
        var isCaption = lesson.Form == LessonForm.Caption;
        var layout = model.Prompts.Build([new(ChatRole.User, lesson.Request, [0])], [new(lesson.Seconds, 2 * lesson.Seconds, IsVideo: true)], new()
        {
            Conversation = isCaption ? ConversationKind.Plain : ConversationKind.VicunaV1,
            Style = lesson.Form == LessonForm.Movie ? PromptStyle.Movie : PromptStyle.Clip,
        });
        int[] prompt = [.. layout.Spans.SelectMany(span => span is PromptSpan.Text text ? text.Ids : Enumerable.Repeat(-1, span.Positions))];
        if (lesson.Form == LessonForm.Watched) return new(lesson, prompt[..(Array.LastIndexOf(prompt, -1) + 1)], prompt.Length);
        var end = isCaption ? "\n" : "</s>";
        return new(lesson, [.. prompt, .. model.Tokenizer.Encode(lesson.Answer + end).Skip(1)], prompt.Length);
    }

    /// <param name="Watched">no words</param>
    internal sealed record Batch(Row[] Asked, Row[] Watched);

    /// <param name="Ids">negative where a visual token is</param>
    /// <param name="FirstAnswer">where the answer begins</param>
    internal sealed record Row(SceneLesson Lesson, int[] Ids, int FirstAnswer);
}
