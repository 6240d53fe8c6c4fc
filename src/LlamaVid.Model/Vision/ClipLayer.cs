namespace LlamaVid.Model.Vision;

/// <summary>Patches with the class token before them and their positions added.</summary>
/// <remarks><code>
/// class_embedding [C]    patch_embedding.weight [C, 3, patch, patch]    position_embedding.weight [1 + P, C]
/// </code></remarks>
internal sealed class ClipEmbeddings : Module<Tensor, Tensor>
{
    public readonly Parameter class_embedding;
    public readonly PatchProjection patch_embedding;
    public readonly Embedding position_embedding;

    public ClipEmbeddings(ClipShape shape, Placement placement) : base(nameof(ClipEmbeddings))
    {
        class_embedding = placement.Parameter(shape.Width);
        patch_embedding = new(shape.Width, shape.PatchSize, placement, hasBias: false);
        position_embedding = new(1 + shape.PatchCount, shape.Width, placement);
        RegisterComponents();
    }

    /// <param name="pixels">[T, 3, S, S]</param>
    /// <returns>[T, 1 + P, C]</returns>
    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var x = cat([class_embedding.expand(pixels.shape[0], 1, -1), patch_embedding.call(pixels)], dim: 1);
        return x.add_(position_embedding.weight, Scalars.One).MoveToOuterDisposeScope();
    }
}

/// <summary>Holds the layers under the checkpoint's name <c>encoder.layers</c>; the tower runs them.</summary>
internal sealed class ClipEncoder : Module
{
    public readonly TorchSharp.Modules.ModuleList<ClipLayer> layers;

    public ClipEncoder(ClipShape shape, int count, Placement placement) : base(nameof(ClipEncoder))
    {
        layers = new([.. Enumerable.Range(0, count).Select(_ => new ClipLayer(shape, placement))]);
        RegisterComponents();
    }
}

/// <summary>One pre-norm layer of CLIP: attention, then an MLP, each added to its input.</summary>
/// <remarks><code>
/// layer_norm1.{weight,bias} [C]    self_attn.…    layer_norm2.{weight,bias} [C]    mlp.{fc1,fc2}.…
/// </code></remarks>
internal sealed class ClipLayer : Module<Tensor, Tensor>
{
    public readonly LayerNorm layer_norm1;
    public readonly ClipAttention self_attn;
    public readonly LayerNorm layer_norm2;
    public readonly VisionMlp mlp;

    public ClipLayer(ClipShape shape, Placement placement) : base(nameof(ClipLayer))
    {
        layer_norm1 = new(shape.Width, shape.Epsilon, placement);
        self_attn = new(shape.Width, shape.Heads, placement);
        layer_norm2 = new(shape.Width, shape.Epsilon, placement);
        mlp = new(shape.Width, shape.MlpWidth, shape.Activation, placement);
        RegisterComponents();
    }

    /// <returns>[T, P, C]</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        x = x.add(self_attn.call(layer_norm1.call(x)), Scalars.One);
        return x.add(mlp.call(layer_norm2.call(x)), Scalars.One).MoveToOuterDisposeScope();
    }
}

/// <summary>Self-attention over the patches of one frame.</summary>
/// <remarks><code>
/// {q,k,v,out}_proj.weight [C, C]    {q,k,v,out}_proj.bias [C]
/// </code></remarks>
internal sealed class ClipAttention : Module<Tensor, Tensor>
{
    public readonly Linear q_proj;
    public readonly Linear k_proj;
    public readonly Linear v_proj;
    public readonly Linear out_proj;

    private readonly long _heads;

    public ClipAttention(long width, long heads, Placement placement) : base(nameof(ClipAttention))
    {
        q_proj = new(width, width, placement);
        k_proj = new(width, width, placement);
        v_proj = new(width, width, placement);
        out_proj = new(width, width, placement);
        RegisterComponents();
        _heads = heads;
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (frames, patches, width) = (x.shape[0], x.shape[1], x.shape[2]);
        Tensor ByHead(Linear projection) => projection.call(x).view(frames, patches, _heads, width / _heads).transpose(1, 2);   // [T, H, P, D]

        var seen = functional.scaled_dot_product_attention(ByHead(q_proj), ByHead(k_proj), ByHead(v_proj));
        return out_proj.call(seen.transpose(1, 2).reshape(frames, patches, width)).MoveToOuterDisposeScope();
    }
}
