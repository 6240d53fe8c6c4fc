using LlamaVid.Model;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Pretraining;

/// <summary>Teaches the text decoder, with the projections of its attention, to look at what a question is about. The vision tower stays as it is.</summary>
internal sealed class GroundingObjective : IObjective, IDisposable
{
    private static readonly Scalar Least = 1e-6f.ToScalar();
    private static readonly Scalar MinusOne = (-1f).ToScalar();
    private static readonly string[] Trained = ["vlm_att_query", "vlm_att_encoder.", "vlm_att_ln.", "vlm_att_projector.", "vlm_att_key_projector."];

    private readonly LlamaVidModel _model;
    private readonly Ahead<GroundingLessons.Batch> _ahead;
    private readonly int _patches;

    public GroundingObjective(LlamaVidModel model, int patchesPerSide, int scenesPerBatch, long seed)
    {
        (_model, _patches) = (model, patchesPerSide * patchesPerSide);
        var lessons = new GroundingLessons(model.Preprocessor!, patchesPerSide);
        _ahead = new(number => lessons.Draw(seed, number, scenesPerBatch));
        Parameters = [.. model.Parameters.Where(item => Trained.Any(part => item.Name.StartsWith("model." + part, StringComparison.Ordinal)))
            .Select(item => TrainedParameter.Named(item.Name, item.Value))];
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    public Measured Loss(long step, int part, long seed)
    {
        var batch = _ahead.Take(step);
        var rows = batch.Requests.Count;
        Tensor features;
        using (no_grad()) features = _model.EncodeFrames(batch.Crops, batch.Frames).index_select(0, tensor(batch.FrameOf.ToArray()));
        var (ids, isText) = Words(batch.Requests);
        var wanted = tensor(batch.Targets.ToArray()).view(rows, 1, _patches);

        var frames = _model.FrameTokenizer!;
        var attention = frames.Attention(frames.Ask(features, ids, isText), frames.Patches(features));
        var loss = attention.add(Least).log().mul(wanted).sum(-1).mean().mul(MinusOne);
        using var noGrad = no_grad();
        return new(loss, rows, minimum(attention, wanted).sum().ToDouble() / rows);                // the share of attention that is where it should be
    }

    private (Tensor Ids, Tensor IsText) Words(List<string> requests)
    {
        var encoded = requests.Select(request => _model.EncodeQuestion(request)).ToArray();
        var ids = nn.utils.rnn.pad_sequence(encoded, batch_first: true);
        var lengths = tensor(encoded.Select(each => each.shape[0]).ToArray());
        return (ids, arange(ids.shape[1]).unsqueeze(0).lt(lengths.unsqueeze(1)));
    }

    public void Dispose() => _ahead.Dispose();
}
