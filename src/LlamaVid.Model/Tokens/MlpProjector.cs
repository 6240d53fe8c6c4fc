namespace LlamaVid.Model.Tokens;

/// <summary>Maps visual features to the decoder's width: n linear layers with GELU between them (n = 1: one linear layer, n = 0: nothing).</summary>
/// <remarks>C = vision width, W = decoder width. Names as torch numbers them in a Sequential, where GELU takes the odd numbers.
/// <code>
/// linear:     weight [W, C]    bias [W]
/// mlpNx_gelu: 0.weight [W, C], 0.bias [W], 2.weight [W, W], 2.bias [W], ...
/// </code></remarks>
internal sealed class MlpProjector : Module<Tensor, Tensor>
{
    private readonly Parameter? weight;
    private readonly Parameter? bias;

    private readonly List<Linear> _layers = [];

    public MlpProjector(int depth, bool isNumbered, int visionWidth, int decoderWidth, Placement placement) : base(nameof(MlpProjector))
    {
        for (var i = 0; i < depth; i++) _layers.Add(new(i == 0 ? visionWidth : decoderWidth, decoderWidth, placement));
        if (isNumbered)
            for (var i = 0; i < depth; i++)
                register_module($"{2 * i}", _layers[i]);
        else if (depth == 1) (weight, bias) = (_layers[0].weight, _layers[0].bias);
        RegisterComponents();
    }

    public override Tensor forward(Tensor features)
    {
        using var scope = NewDisposeScope();
        var x = features;
        for (var i = 0; i < _layers.Count; i++) x = _layers[i].call(i == 0 ? x : functional.gelu(x));
        return x.MoveToOuterDisposeScope();
    }
}
