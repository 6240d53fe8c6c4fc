using LlamaVid.Model.Vision;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Pretraining;

/// <summary>Teaches a vision tower to say in every patch, linearly, what is there and where its centre is. Knows no question.</summary>
internal sealed class TowerObjective : IObjective, IDisposable
{
    private static readonly Scalar ObjectWeight = 4f.ToScalar();                  // a patch with an object counts five times: there are few of them
    private static readonly Scalar One = 1f.ToScalar();
    private static readonly Scalar MinusOne = (-1f).ToScalar();

    private readonly ClipVisionTower _tower;
    private readonly ImagePreprocessor _preprocessor;
    private readonly PaintedFrames _frames;
    private readonly Ahead<PaintedFrames.Batch> _ahead;
    private readonly Linear _reader;
    private readonly Linear _outlineReader;

    public TowerObjective(ClipVisionTower tower, ImagePreprocessor preprocessor, int scenesPerBatch, long seed)
    {
        (_tower, _preprocessor) = (tower, preprocessor);
        _frames = new(preprocessor, (int)Math.Sqrt(tower.PatchCount), "tower");
        _ahead = new(number => _frames.Draw(seed, number, scenesPerBatch));
        manual_seed(seed).Dispose();                                         // of the readers
        _reader = nn.Linear(tower.Width, Concepts.Count);
        _outlineReader = nn.Linear(tower.Width, PatchOwners.Points);
        Parameters = [.. tower.named_parameters().Select(item => TrainedParameter.Named(item.name, item.parameter)),
            TrainedParameter.Named("reader.weight", _reader.weight!), TrainedParameter.Named("reader.bias", _reader.bias!),
            TrainedParameter.Named("outline_reader.weight", _outlineReader.weight!), TrainedParameter.Named("outline_reader.bias", _outlineReader.bias!)];
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>Features to concepts, as learned so far.</summary>
    public Reading Reading => Reading.Of(_reader);

    public Measured Loss(long step, int part, long seed)
    {
        var batch = _ahead.Take(step);
        var pixels = _preprocessor.Normalise(batch.Crops, batch.Frames, CPU, ScalarType.Float32);
        var wanted = tensor(batch.Concepts).view(batch.Frames, _tower.PatchCount, Concepts.Count);
        var isObject = tensor(batch.IsObject).view(batch.Frames, _tower.PatchCount, 1);

        var (features, early) = Features(pixels);
        var read = _reader.call(features);
        var off = read.add(wanted, MinusOne);
        var loss = off.mul(off).sum(-1, keepdim: true).mul(isObject.mul(ObjectWeight).add(One)).mean();

        var outline = tensor(batch.Outline).view(batch.Frames, _tower.PatchCount, PatchOwners.Points);
        var offOutline = _outlineReader.call(early).add(outline, MinusOne);
        loss = loss.add(offOutline.mul(offOutline).sum(-1).mean(), One);
        return new(loss, batch.Frames, Accuracy(read, wanted, isObject));
    }

    /// <summary>The tower's output, and what its first layer gives: outlines have to be there before layers above can tell shapes.</summary>
    private (Tensor Features, Tensor Early) Features(Tensor pixels)
    {
        var x = _tower.pre_layrnorm.call(_tower.embeddings.call(pixels));
        var early = x;
        var layer = 0;
        foreach (var each in _tower.encoder.layers)
        {
            x = each.call(x);
            if (layer++ == 0) early = x;
        }
        return (x.narrow(1, 1, _tower.PatchCount), early.narrow(1, 1, _tower.PatchCount));
    }

    /// <summary>Share of object patches whose colour and shape are both read.</summary>
    private static double Accuracy(Tensor read, Tensor wanted, Tensor isObject)
    {
        using var noGrad = no_grad();
        Tensor Same(int start, int count) => read.narrow(-1, start, count).argmax(-1).eq(wanted.narrow(-1, start, count).argmax(-1));
        var right = Same(0, 8).logical_and(Same(8, 4)).to(ScalarType.Float32).mul(isObject.squeeze(-1)).sum();
        return right.div(isObject.sum()).ToDouble();
    }

    public void Dispose()
    {
        _ahead.Dispose();
        _reader.Dispose();
        _outlineReader.Dispose();
    }
}
