using LlamaVid.Model;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// Teaches <c>mm_projector</c> to hand over what the language model has learned to read as a content token: the objects of a frame, each counted once however large it
/// is. Everything else stays as it is.
/// </summary>
internal sealed class ContentObjective : IObjective, IDisposable
{
    private static readonly Scalar MinusOne = (-1f).ToScalar();

    private readonly LlamaVidModel _model;
    private readonly Reading _content;
    private readonly Ahead<PaintedFrames.Batch> _ahead;

    /// <param name="content">[W, K], what the language model reads</param>
    public ContentObjective(LlamaVidModel model, Reading content, int patchesPerSide, int scenesPerBatch, long seed)
    {
        (_model, _content) = (model, content);
        var frames = new PaintedFrames(model.Preprocessor!, patchesPerSide, "content");
        _ahead = new(number => frames.Draw(seed, number, scenesPerBatch));
        Parameters = [.. model.Parameters.Where(item => item.Name.StartsWith("model.mm_projector.", StringComparison.Ordinal))
            .Select(item => TrainedParameter.Named(item.Name, item.Value))];
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    public Measured Loss(long step, int part, long seed)
    {
        var batch = _ahead.Take(step);
        Tensor features, wanted;
        using (no_grad())
        {
            features = _model.EncodeFrames(batch.Crops, batch.Frames);
            wanted = nn.functional.linear(tensor(batch.Kinds).view(batch.Frames, Concepts.Count), _content.Weight, _content.Bias);
        }
        var off = _model.FrameTokenizer!.Content(features).add(wanted, MinusOne);
        return new(off.mul(off).mean(), batch.Frames);
    }

    public void Dispose() => _ahead.Dispose();
}
