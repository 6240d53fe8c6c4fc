using LlamaVid.Training.Loop;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace LlamaVid.Tests.Training.Loop;

/// <summary>A small regression with dropout: enough to see order, randomness and state of a run. It can be asked to stop or to fail at a step.</summary>
internal sealed class SmallObjective : IObjective, IDisposable
{
    private const int Samples = 40, Batch = 4;
    private static readonly Scalar Half = 0.5.ToScalar();

    private readonly EpochOrder _order;
    private readonly Tensor _inputs, _targets;

    public SmallObjective(int accumulate = 1)
    {
        _order = new(Samples, Batch, accumulate);
        using var generator = manual_seed(7);
        _inputs = randn(Samples, 6);
        _targets = randn(Samples, 3);
        Parameters = [new("wide", new Parameter(randn(6, 8))), new("narrow", new Parameter(randn(8, 3)), Decays: false), new("unused", new Parameter(ones(2)))];
    }

    public IReadOnlyList<TrainedParameter> Parameters { get; }

    /// <summary>Called before the loss of a step is computed.</summary>
    public Action<long> Before { get; init; } = _ => { };

    public Scalar? Factor { get; init; }

    public List<int[]> Seen { get; } = [];

    public Measured Loss(long step, int part, long seed)
    {
        Before(step);
        var rows = _order.At(step, part, seed);
        Seen.Add(rows);
        var index = tensor(rows.Select(row => (long)row).ToArray());
        var hidden = nn.functional.dropout(_inputs.index_select(0, index).matmul(Parameters[0].Value).tanh(), 0.3, training: true);
        var loss = nn.functional.mse_loss(hidden.matmul(Parameters[1].Value), _targets.index_select(0, index));
        return new(Factor is null ? loss : loss.mul(Factor), rows.Length, 0.5, [.. rows.Select(row => (row % 2 == 0 ? "even" : "odd", row % 2 == 0))]);
    }

    public byte[] Bits() => [.. Parameters.SelectMany(parameter => parameter.Value.bytes.ToArray())];

    public void Dispose()
    {
        foreach (var parameter in Parameters) parameter.Value.Dispose();
        _inputs.Dispose();
        _targets.Dispose();
    }
}
