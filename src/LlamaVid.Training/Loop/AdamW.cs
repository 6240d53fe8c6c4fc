namespace LlamaVid.Training.Loop;

/// <summary>
/// AdamW with torch's defaults (betas 0.9 and 0.999, eps 1e-8) and decoupled weight decay. Its state is two tensors per parameter and the count
/// of steps.
/// </summary>
/// <remarks>
/// Operation by operation as torch.optim.AdamW. A parameter without a gradient is treated as if it were zero, as ZeRO does. The library's own optimizer
/// makes eight scalars per parameter and step that are never freed (docs/decisions/0002): 1.7 GB in 50,000 steps over 150 parameters. This one
/// makes three per step.
/// </remarks>
internal sealed class AdamW : IDisposable
{
    private const double Beta1 = 0.9, Beta2 = 0.999;
    private static readonly Scalar One = 1.0.ToScalar();
    private static readonly Scalar Eps = 1e-8.ToScalar();
    private static readonly Scalar KeepMean = Beta1.ToScalar();
    private static readonly Scalar TakeMean = (1 - Beta1).ToScalar();
    private static readonly Scalar KeepSquare = Beta2.ToScalar();
    private static readonly Scalar TakeSquare = (1 - Beta2).ToScalar();

    private readonly double _weightDecay;
    private readonly List<Slot> _slots;

    public AdamW(IEnumerable<TrainedParameter> parameters, double weightDecay)
    {
        _weightDecay = weightDecay;
        _slots = [.. parameters.Select(parameter => new Slot(parameter, Zeros(parameter.Value), Zeros(parameter.Value)))];

        static Tensor Zeros(Tensor like) => zeros(like.shape, like.dtype, like.device).DetachFromDisposeScope();
    }

    /// <summary>The state by name: <c>mean/…</c> and <c>square/…</c> for every parameter. The tensors are the optimizer's own and may be written.</summary>
    public IEnumerable<(string Name, Tensor Value)> State =>
        _slots.SelectMany(slot => new[] { ("mean/" + slot.Parameter.Name, slot.Mean), ("square/" + slot.Parameter.Name, slot.Square) });

    /// <param name="rate">learning rate of this step</param>
    /// <param name="step">how many steps were done before</param>
    public void Step(double rate, long step)
    {
        using var noGrad = no_grad();
        using var decay = (1 - rate * _weightDecay).ToScalar();
        using var root = Math.Sqrt(1 - Math.Pow(Beta2, step + 1)).ToScalar();
        using var length = (-rate / (1 - Math.Pow(Beta1, step + 1))).ToScalar();
        foreach (var (parameter, mean, square) in _slots)
        {
            using var scope = NewDisposeScope();
            var value = parameter.Value;
            if (_weightDecay != 0 && parameter.Decays) value.mul_(decay);
            mean.mul_(KeepMean);
            square.mul_(KeepSquare);
            if (value.grad is { } gradient)
            {
                mean.add_(gradient, TakeMean);
                square.addcmul_(gradient, gradient, TakeSquare);
            }
            value.addcdiv_(mean, square.sqrt().div_(root).add_(Eps, One), length);
        }
    }

    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot.Mean.Dispose();
            slot.Square.Dispose();
        }
    }

    private sealed record Slot(TrainedParameter Parameter, Tensor Mean, Tensor Square);
}
