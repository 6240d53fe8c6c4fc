using LlamaVid.Model;
using LlamaVid.Training.Data;
using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Stages;

/// <summary>The loss of all three stages: cross-entropy of the next token where a sample's labels say so, the mean over a micro-batch.</summary>
internal sealed class StageObjective : IObjective
{
    private readonly LlamaVidModel _model;
    private readonly IReadOnlyList<Prepared> _samples;
    private readonly EpochOrder _order;

    public StageObjective(LlamaVidModel model, Stage stage, IReadOnlyList<Prepared> samples, int batch, int accumulate)
    {
        (_model, _samples) = (model, samples);
        var groups = new ModalityOrder([.. samples.Select(sample => sample.ModalityLength)], batch, accumulate);
        _order = new(samples.Count, batch, accumulate, stage.GroupsByModality ? groups.Shuffle : null);
        Parameters = [.. model.Parameters.Where(item => stage.Trains(item.Name)).Select(item => TrainedParameter.Named(item.Name, item.Value))];
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    public Measured Loss(long step, int part, long seed) => Loss([.. _order.At(step, part, seed).Select(i => _samples[i])]);

    public Measured Loss(IReadOnlyList<Prepared> samples)
    {
        using var scope = NewDisposeScope();
        var batch = Batch.Of(samples, _model.TokensPerFrame);
        var device = _model.Placement.Device;
        var hidden = _model.Forward(Embeddings(batch)).flatten(0, 1).index_select(0, tensor(batch.LearntAt, device: device));
        var logits = _model.Logits(hidden);                                                                     // only where something is learnt
        var targets = tensor(batch.Targets, device: device);
        var loss = nn.functional.cross_entropy(logits, targets);
        return new(loss.MoveToOuterDisposeScope(), samples.Count, Share(logits, targets));
    }

    /// <returns>[B, S, W]</returns>
    internal Tensor Embeddings(Batch batch)
    {
        using var scope = NewDisposeScope();
        var rows = _model.Embed(batch.TextIds);
        if (batch.Uses.Count > 0) rows = cat([rows, VisualRows(batch)], 0);
        return rows.index_select(0, tensor(batch.Rows, device: rows.device)).view(batch.Sequences, batch.Length, -1).MoveToOuterDisposeScope();
    }

    /// <summary>All frames of the batch in one pass, each with its question.</summary>
    /// <returns>[T · n, W]</returns>
    private Tensor VisualRows(Batch batch)
    {
        var (dtype, device) = (_model.Placement.Dtype, _model.Placement.Device);
        var features = cat([.. batch.Uses.Select(use => use.Media.Read(dtype, device, use.IsMovie && _model.HasClassToken))], 0);

        var longest = batch.Uses.Max(use => use.Question.Length);
        var (words, isText) = (new long[batch.Uses.Count * longest], new bool[batch.Uses.Count * longest]);
        for (var i = 0; i < batch.Uses.Count; i++)
        {
            batch.Uses[i].Question.CopyTo(words, i * longest);
            Array.Fill(isText, true, i * longest, batch.Uses[i].Question.Length);
        }
        var uses = tensor([.. batch.Uses.SelectMany((use, i) => Enumerable.Repeat((long)i, use.Media.Frames))], device: device);     // per frame
        var questions = tensor(words, device: device).view(-1, longest).index_select(0, uses);
        var mask = tensor(isText, device: device).view(-1, longest).index_select(0, uses);
        return _model.FrameTokens(features, questions, mask).flatten(0, 1);
    }

    private static double Share(Tensor logits, Tensor targets)
    {
        using var noGrad = no_grad();
        return logits.argmax(-1).eq(targets).to(ScalarType.Float32).mean().ToDouble();
    }
}
