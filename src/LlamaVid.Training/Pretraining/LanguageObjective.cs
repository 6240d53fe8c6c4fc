using LlamaVid.Model;
using LlamaVid.Model.Text;
using LlamaVid.Training.Loop;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// Teaches the language model to reason about scenes before it has eyes: where visual tokens will be it reads bags of concepts, through tables of its own
/// that are thrown away afterwards. Knows no pixels.
/// </summary>
internal sealed class LanguageObjective : IObjective, IDisposable
{
    private static readonly Scalar NoteWeight = 0.05f.ToScalar();
    private static readonly Scalar Zero = 0f.ToScalar();

    private const int Pool = 8;                                              // batches among which samples of like length are put together

    private readonly LlamaVidModel _model;
    private readonly Ahead<List<Row[]>> _ahead;
    private readonly Linear _contextReader, _contentReader, _noteReader;
    private readonly int _batch;

    public LanguageObjective(LlamaVidModel model, int batch, long seed)
    {
        (_model, _batch) = (model, batch);
        _ahead = new(number => Rows(number, seed));
        manual_seed(seed).Dispose();                                         // of the readers
        _contextReader = nn.Linear(Concepts.Count, model.Config.Decoder.HiddenSize);
        _contentReader = nn.Linear(Concepts.Count, model.Config.Decoder.HiddenSize);
        _noteReader = nn.Linear(model.Config.Decoder.HiddenSize, Notes.Count);
        foreach (var reader in new[] { _contextReader, _contentReader }) nn.init.normal_(reader.weight!, 0, 0.1);
        Parameters =
        [
            .. model.Parameters.Where(item => IsDecoder(item.Name)).Select(item => TrainedParameter.Named(item.Name, item.Value)),
            .. _contextReader.named_parameters().Select(item => TrainedParameter.Named($"context.{item.name}", item.parameter)),
            .. _contentReader.named_parameters().Select(item => TrainedParameter.Named($"content.{item.name}", item.parameter)),
            .. _noteReader.named_parameters().Select(item => TrainedParameter.Named($"notes.{item.name}", item.parameter)),
        ];
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>Concepts to what the language model reads as a context token, as learned so far.</summary>
    public Reading Context => Reading.Of(_contextReader);

    /// <summary>Concepts to what it reads as a content token.</summary>
    public Reading Content => Reading.Of(_contentReader);

    public Measured Loss(long step, int part, long seed)
    {
        var rows = _ahead.Take(step / Pool)[(int)(step % Pool)];
        var (batch, length) = (rows.Length, rows.Max(row => row.Ids.Length));
        var ids = new int[batch * length];
        var (places, frames) = (new List<long>(), 0);
        var (answers, wanted, owner) = (new List<long>(), new List<long>(), new List<int>());
        for (var i = 0; i < batch; i++)
        {
            var row = rows[i];
            frames += row.Lesson.Seconds;
            for (var at = 0; at < row.Ids.Length; at++)
            {
                ids[i * length + at] = Math.Max(0, row.Ids[at]);
                if (row.Ids[at] < 0) places.Add(i * length + at);
                if (at < row.FirstAnswer) continue;
                answers.Add(i * length + at - 1);
                wanted.Add(row.Ids[at]);
                owner.Add(i);
            }
        }
        var context = _contextReader.call(tensor(rows.SelectMany(row => row.Lesson.Context).ToArray()).view(frames, Concepts.Count));
        var content = _contentReader.call(tensor(rows.SelectMany(row => row.Lesson.Content).ToArray()).view(frames, Concepts.Count));
        var seen = stack([context, content], 1).view(2 * frames, -1);                                           // context first, frame after frame

        var embeddings = _model.Embed(ids).index_copy(0, tensor(places.ToArray()), seen).view(batch, length, -1);
        var (half, all) = _model.Forward(embeddings, (_model.Config.Decoder.Layers + 1) / 2);
        var hidden = all.flatten(0, 1).index_select(0, tensor(answers.ToArray()));
        var logits = _model.Logits(hidden);
        var targets = tensor(wanted.ToArray());
        // A sample counts as the root of its answer's length: captions of a hundred words would drown answers of one.
        var shares = tensor(owner.Select(i => (float)(1 / Math.Sqrt(rows[i].Ids.Length - rows[i].FirstAnswer))).ToArray());
        var losses = nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.None).mul(shares);
        var noted = half.flatten(0, 1).index_select(0, tensor(places.Where((_, i) => i % 2 == 1).ToArray()));        // at content tokens: a frame is whole then
        var loss = losses.sum().div(shares.sum()).add(OffNotes(rows, noted, frames), NoteWeight);
        var right = Right(rows, logits, targets, owner);
        return new(loss, batch, right.Count(each => each) / (double)batch, [.. rows.Zip(right, (row, isRight) => (row.Lesson.Type, isRight))]);
    }

    /// <summary>How far the model is from what it should have in mind: a sum over notes, the mean over frames.</summary>
    private Tensor OffNotes(Row[] rows, Tensor noted, int frames)
    {
        var wanted = tensor(rows.SelectMany(row => row.Lesson.Notes).ToArray()).view(frames, Notes.Count);
        var isKnown = wanted.ge(Zero).to(ScalarType.Float32);
        var off = nn.functional.binary_cross_entropy_with_logits(_noteReader.call(noted), wanted.clamp_min(Zero), weight: isKnown, reduction: nn.Reduction.Sum);
        return off.div(tensor((float)frames));
    }

    /// <returns>for each row whether its answer is right from the first word to the last</returns>
    private static bool[] Right(Row[] rows, Tensor logits, Tensor targets, List<int> owner)
    {
        using var noGrad = no_grad();
        var isRight = logits.argmax(-1).eq(targets).data<bool>().ToArray();
        var right = Enumerable.Repeat(true, rows.Length).ToArray();
        for (var i = 0; i < isRight.Length; i++) right[owner[i]] &= isRight[i];
        return right;
    }

    /// <summary>Several batches at once, each of samples of like length.</summary>
    private List<Row[]> Rows(long number, long seed)
    {
        var rows = new List<Row>();
        for (var i = 0; rows.Count < Pool * _batch; i++)
            rows.AddRange(SceneLesson.Draw(new("language", seed, $"lessons {number}", i)).Select(Encode));
        var batches = rows.Take(Pool * _batch).OrderBy(row => row.Ids.Length).Chunk(_batch).ToArray();
        return [.. new Dice("language", seed, $"order {number}", 0).Deal(batches, batches.Length)];
    }

    /// <summary>Prompt, visual places (negative) and answer as the server and the official stages write them.</summary>
    private Row Encode(SceneLesson lesson)
    {
        var isCaption = lesson.Form == LessonForm.Caption;
        var layout = _model.Prompts.Build([new(ChatRole.User, lesson.Request, [0])], [new(lesson.Seconds, 2 * lesson.Seconds, IsVideo: true)], new()
        {
            Conversation = isCaption ? ConversationKind.Plain : ConversationKind.VicunaV1,
            Style = lesson.Form == LessonForm.Movie ? PromptStyle.Movie : PromptStyle.Clip,
        });
        int[] prompt = [.. layout.Spans.SelectMany(span => span is PromptSpan.Text text ? text.Ids : Enumerable.Repeat(-1, span.Positions))];
        var end = isCaption ? "\n" : "</s>";
        return new(lesson, [.. prompt, .. _model.Tokenizer.Encode(lesson.Answer + end).Skip(1)], prompt.Length);
    }

    private static bool IsDecoder(string name) =>
        !name.StartsWith("model.vlm_att", StringComparison.Ordinal) && !name.StartsWith("model.mm_projector", StringComparison.Ordinal);

    public void Dispose()
    {
        _ahead.Dispose();
        _contextReader.Dispose();
        _contentReader.Dispose();
        _noteReader.Dispose();
    }

    private sealed record Row(SceneLesson Lesson, int[] Ids, int FirstAnswer);
}
