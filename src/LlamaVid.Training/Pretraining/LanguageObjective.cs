using LlamaVid.Model;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// Teaches the language model to reason about scenes before it has eyes: where visual tokens will be it reads bags of concepts, through tables of its own
/// that are thrown away afterwards. Halfway through its layers it is asked for <see cref="Notes"/> on what it has seen so far. Knows no pixels.
/// </summary>
internal sealed class LanguageObjective : IObjective, IDisposable
{
    private static readonly Scalar NoteWeight = 0.05f.ToScalar();
    private static readonly Scalar Zero = 0f.ToScalar();

    private readonly LlamaVidModel _model;
    private readonly Ahead<List<LanguageRows.Batch>> _ahead;
    private readonly Linear _contextReader, _contentReader, _noteReader;
    private readonly Tensor _weights;

    public LanguageObjective(LlamaVidModel model, int batch, long seed)
    {
        _model = model;
        _ahead = new(new LanguageRows(model, batch, seed).Draw);
        _weights = tensor(Notes.Weights()).DetachFromDisposeScope();
        (_contextReader, _contentReader, _noteReader) = Readers(model, seed);
        Parameters =
        [
            .. model.Parameters.Where(item => IsDecoder(item.Name)).Select(item => TrainedParameter.Named(item.Name, item.Value)),
            .. Named("context", _contextReader), .. Named("content", _contentReader), .. Named("notes", _noteReader),
        ];

        static IEnumerable<TrainedParameter> Named(string name, Linear reader) =>
            reader.named_parameters().Select(item => TrainedParameter.Named($"{name}.{item.name}", item.parameter));
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>Concepts to what the language model reads as a context token, as learned so far.</summary>
    public Reading Context => Reading.Of(_contextReader);

    /// <summary>Concepts to what it reads as a content token.</summary>
    public Reading Content => Reading.Of(_contentReader);

    public Measured Loss(long step, int part, long seed)
    {
        var (number, at) = LanguageRows.Of(step);
        var (rows, watched) = _ahead.Take(number)[at];
        var (answers, wanted, owner) = (new List<long>(), new List<long>(), new List<int>());
        var length = rows.Max(row => row.Ids.Length);
        for (var i = 0; i < rows.Length; i++)
            for (var answer = rows[i].FirstAnswer; answer < rows[i].Ids.Length; answer++)
            {
                answers.Add(i * length + answer - 1);
                wanted.Add(rows[i].Ids[answer]);
                owner.Add(i);
            }
        var (all, offNotes) = Read(rows);
        var logits = _model.Logits(all.index_select(0, tensor(answers.ToArray())));
        var targets = tensor(wanted.ToArray());
        // A sample counts as the root of its answer's length: captions of a hundred words would drown answers of one.
        var shares = tensor(owner.Select(i => (float)(1 / Math.Sqrt(rows[i].Ids.Length - rows[i].FirstAnswer))).ToArray());
        var losses = nn.functional.cross_entropy(logits, targets, reduction: nn.Reduction.None).mul(shares);
        var loss = losses.sum().div(shares.sum()).add(offNotes, NoteWeight);
        if (watched.Length > 0) loss = loss.add(Read(watched).OffNotes, NoteWeight);
        var right = Right(rows.Length, logits, targets, owner);
        return new(loss, rows.Length + watched.Length, right.Count(each => each) / (double)rows.Length, [.. rows.Zip(right, (row, isRight) => (row.Lesson.Type, isRight))]);
    }

    /// <returns>hidden states [B · S, W], and how far the notes are off</returns>
    private (Tensor Hidden, Tensor OffNotes) Read(LanguageRows.Row[] rows)
    {
        var (batch, length, frames) = (rows.Length, rows.Max(row => row.Ids.Length), rows.Sum(row => row.Lesson.Seconds));
        var ids = new int[batch * length];
        var places = new List<long>();
        for (var i = 0; i < batch; i++)
            for (var at = 0; at < rows[i].Ids.Length; at++)
            {
                ids[i * length + at] = Math.Max(0, rows[i].Ids[at]);
                if (rows[i].Ids[at] < 0) places.Add(i * length + at);
            }
        var context = _contextReader.call(tensor(rows.SelectMany(row => row.Lesson.Context).ToArray()).view(frames, Concepts.Count));
        var content = _contentReader.call(tensor(rows.SelectMany(row => row.Lesson.Content).ToArray()).view(frames, Concepts.Count));
        var seen = stack([context, content], 1).view(2 * frames, -1);                                           // context first, frame after frame

        var embeddings = _model.Embed(ids).index_copy(0, tensor(places.ToArray()), seen).view(batch, length, -1);
        var (half, hidden) = _model.Forward(embeddings, (_model.Config.Decoder.Layers + 1) / 2);
        var noted = half.flatten(0, 1).index_select(0, tensor(places.Where((_, i) => i % 2 == 1).ToArray()));   // at content tokens: a frame is whole then
        return (hidden.flatten(0, 1), OffNotes(rows, noted, frames));
    }

    /// <summary>How far the model is from what it should have in mind: a sum over notes, the mean over frames.</summary>
    private Tensor OffNotes(LanguageRows.Row[] rows, Tensor noted, int frames)
    {
        var wanted = tensor(rows.SelectMany(row => row.Lesson.Notes).ToArray()).view(frames, Notes.Count);
        var isKnown = wanted.ge(Zero).to(ScalarType.Float32);
        var off = nn.functional.binary_cross_entropy_with_logits(_noteReader.call(noted), wanted.clamp_min(Zero), weight: isKnown.mul(_weights), reduction: nn.Reduction.Sum);
        return off.div(tensor((float)frames));
    }

    /// <returns>for each row whether its answer is right from the first word to the last</returns>
    private static bool[] Right(int rows, Tensor logits, Tensor targets, List<int> owner)
    {
        using var noGrad = no_grad();
        var isRight = logits.argmax(-1).eq(targets).data<bool>().ToArray();
        var right = Enumerable.Repeat(true, rows).ToArray();
        for (var i = 0; i < isRight.Length; i++) right[owner[i]] &= isRight[i];
        return right;
    }

    private static (Linear Context, Linear Content, Linear Note) Readers(LlamaVidModel model, long seed)
    {
        manual_seed(seed).Dispose();
        var width = model.Config.Decoder.HiddenSize;
        var readers = (Context: nn.Linear(Concepts.Count, width), Content: nn.Linear(Concepts.Count, width), Note: nn.Linear(width, Notes.Count));
        nn.init.normal_(readers.Context.weight!, 0, 0.1);
        nn.init.normal_(readers.Content.weight!, 0, 0.1);
        return readers;
    }

    private static bool IsDecoder(string name) =>
        !name.StartsWith("model.vlm_att", StringComparison.Ordinal) && !name.StartsWith("model.mm_projector", StringComparison.Ordinal);

    public void Dispose()
    {
        _ahead.Dispose();
        _weights.Dispose();
        _contextReader.Dispose();
        _contentReader.Dispose();
        _noteReader.Dispose();
    }
}
