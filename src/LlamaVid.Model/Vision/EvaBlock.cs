using System.Diagnostics;

namespace LlamaVid.Model.Vision;

/// <summary>One pre-norm block of EVA-ViT: attention, then an MLP, each added to its input.</summary>
/// <remarks><code>
/// norm1.{weight,bias} [C]    attn.…    norm2.{weight,bias} [C]    mlp.{fc1,fc2}.…
/// </code></remarks>
internal sealed class EvaBlock : Module<Tensor, Tensor>
{
    private const double Epsilon = 1e-6;

    public readonly LayerNorm norm1;
    public readonly EvaAttention attn;
    public readonly LayerNorm norm2;
    public readonly VisionMlp mlp;

    public EvaBlock(EvaShape shape, Placement placement) : base(nameof(EvaBlock))
    {
        norm1 = new(shape.Width, Epsilon, placement);
        attn = new(shape.Width, shape.Heads, placement);
        norm2 = new(shape.Width, Epsilon, placement);
        mlp = new(shape.Width, shape.MlpWidth, VisionActivation.Gelu, placement);
        RegisterComponents();
    }

    /// <returns>[T, P, C]</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x.add(attn.call(norm1.call(x)), Scalars.One);
        return x.add(mlp.call(norm2.call(x)), Scalars.One).MoveToOuterDisposeScope();
    }
}

/// <summary>Self-attention over the patches of one frame; queries and values have a bias, keys have none.</summary>
/// <remarks><code>
/// qkv.weight [3C, C]    q_bias [C]    v_bias [C]    proj.weight [C, C]    proj.bias [C]
/// </code></remarks>
internal sealed class EvaAttention : Module<Tensor, Tensor>
{
    public readonly Parameter q_bias;
    public readonly Parameter v_bias;
    public readonly Linear qkv;
    public readonly Linear proj;

    private readonly long _heads;

    public EvaAttention(long width, long heads, Placement placement) : base(nameof(EvaAttention))
    {
        Debug.Assert(width % heads == 0, "heads divide the width");
        q_bias = placement.Parameter(width);
        v_bias = placement.Parameter(width);
        qkv = new(width, 3 * width, placement, hasBias: false);
        proj = new(width, width, placement);
        RegisterComponents();
        _heads = heads;
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (frames, patches, width) = (x.shape[0], x.shape[1], x.shape[2]);

        var bias = cat([q_bias, zeros_like(v_bias), v_bias]);
        var projected = qkv.Multiply(x, bias)                              // [T, P, 3C]
            .view(frames, patches, 3, _heads, width / _heads)
            .permute(2, 0, 3, 1, 4);                                          // [3, T, H, P, D]
        var seen = functional.scaled_dot_product_attention(projected[0], projected[1], projected[2]);
        return proj.call(seen.transpose(1, 2).reshape(frames, patches, width)).MoveToOuterDisposeScope();
    }
}
