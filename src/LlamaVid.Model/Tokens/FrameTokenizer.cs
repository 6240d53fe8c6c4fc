using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Tokens;

/// <summary>Turns each frame into a context token (what the question asks of it) and content tokens (what is there).</summary>
/// <remarks>
/// The paper's E_t = Mean(Softmax(Q_t X_tᵀ) X_t), then a projector; content tokens are pooled features through another projector.
/// The question is an argument of the call and never state: requests cannot disturb each other.
/// Checkpoint prefix "model."; C = vision width, E = text decoder width, W = decoder width.
/// <code>
/// vlm_att_query [1, Q, E]                  Q-Former only
/// vlm_att_encoder.bert.*
/// vlm_att_bert_proj.{weight [K, C], bias}  when the text decoder reads another width than the tower gives
/// vlm_att_ln.{weight, bias} [K]            pretrained Q-Formers
/// vlm_att_projector.{weight [C, E], bias}  vlm_att_key_projector.{weight [C, C], bias}  vlm_att_val_projector.{weight [W, C], bias}
/// mm_projector.*
/// </code></remarks>
internal sealed class FrameTokenizer : Module
{
    private const double LayerNormEps = 1e-5;

    private readonly Parameter? vlm_att_query;
    private readonly TextDecoder vlm_att_encoder;
    private readonly Linear? vlm_att_bert_proj;
    private readonly LayerNorm? vlm_att_ln;
    private readonly Linear vlm_att_projector;
    private readonly Linear vlm_att_key_projector;
    private readonly Linear vlm_att_val_projector;
    private readonly MlpProjector mm_projector;

    private readonly VisionConfig _config;
    private readonly Scalar _scale;
    private readonly TextDropout _dropout;

    public FrameTokenizer(VisionConfig config, TextDecoderShape shape, int decoderWidth, Placement placement) : base(nameof(FrameTokenizer))
    {
        var c = config.HiddenSize;
        if (shape.IsQFormer) vlm_att_query = placement.Parameter(1, shape.QueryCount, shape.HiddenSize);
        vlm_att_encoder = new(shape, placement);
        if (shape.ProjectsKeys(config)) vlm_att_bert_proj = new(c, shape.EncoderWidth, placement);
        if (shape.IsQFormer && config.IsPretrained) vlm_att_ln = new(shape.EncoderWidth, LayerNormEps, placement);
        vlm_att_projector = new(shape.HiddenSize, c, placement);
        vlm_att_key_projector = new(c, c, placement);
        vlm_att_val_projector = new(c, decoderWidth, placement);
        mm_projector = new(config.ProjectorDepth, config.IsProjectorNumbered, c, decoderWidth, placement);
        RegisterComponents();

        (_config, _dropout) = (config, shape.Dropout);
        _scale = (1 / Math.Sqrt(c)).ToScalar();
    }

    /// <summary>Share of the text decoder's values that is dropped, for training; 0 at first.</summary>
    public double TextDropout { set => _dropout.Rate = value; }

    /// <summary>Tokens that a frame of <paramref name="rows"/> features becomes.</summary>
    /// <exception cref="CheckpointException">Nothing is left of the features, or they do not form the grid that compress_type asks for.</exception>
    public static int TokensPerFrame(VisionConfig config, int rows)
    {
        var kept = rows - ClassTokens(config, rows);
        if (kept < 1)
            throw new CheckpointException("config.json", $"the vision tower gives {rows} features for a frame, and the class-token rule leaves {kept}.");
        if (config.Pooling is FramePooling.Mean) return 2;
        if (config.Pooling is not FramePooling.Grid(var cells)) return 1 + kept;
        var side = (int)Math.Sqrt(kept);
        if (side * side != kept || side < cells)
            throw new CheckpointException("config.json",
                $"\"compress_type\" is grid:{cells}; it needs a square of at least {cells} × {cells} features, and this vision tower leaves {kept}.");
        var pooled = side / (side / cells);
        return 1 + pooled * pooled;
    }

    /// <summary>The official rule: an odd count of features loses its first, whatever that is, unless the class token counts as a patch.</summary>
    private static int ClassTokens(VisionConfig config, long rows) => rows % 2 == 1 && !config.KeepsClassToken ? 1 : 0;

    /// <param name="features">[T, N, C] tower output; an odd N means that a class token comes first (the official rule)</param>
    /// <param name="ids">[R, L] int64 word pieces: one question for all frames (R = 1), or one for each (R = T)</param>
    /// <param name="isText">[R, L] bool, false for padding</param>
    /// <param name="pooling">null: the configuration's</param>
    /// <returns>[T, 1 + n, W], the context token first</returns>
    public Tensor forward(Tensor features, Tensor ids, Tensor isText, FramePooling? pooling = null)
    {
        using var scope = NewDisposeScope();
        var patches = Patches(features);
        var context = vlm_att_val_projector.call(Attend(Ask(features, ids, isText), patches));                  // [T, 1, W]
        return torch.cat([context, Content(features, pooling)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>What is there, whatever the question.</summary>
    /// <returns>[T, n, W]</returns>
    internal Tensor Content(Tensor features, FramePooling? pooling = null)
    {
        using var scope = NewDisposeScope();
        return mm_projector.call(Pool(Patches(features), pooling)).MoveToOuterDisposeScope();
    }

    /// <summary>Features without the class token.</summary>
    /// <returns>[T, P, C]</returns>
    internal Tensor Patches(Tensor features)
    {
        var (rows, cut) = (features.shape[1], ClassTokens(_config, features.shape[1]));
        return features.narrow(1, cut, rows - cut);
    }

    /// <summary>What the question looks for in each frame. A Q-Former reads the features with their class token, a plain BERT decoder without it.</summary>
    /// <returns>[T, Q, E], or [T, L, E] for a plain BERT decoder</returns>
    internal Tensor Ask(Tensor features, Tensor ids, Tensor isText)
    {
        using var scope = NewDisposeScope();
        var read = vlm_att_query is null ? Patches(features) : features;
        if (vlm_att_bert_proj is not null) read = vlm_att_bert_proj.call(read);
        if (vlm_att_ln is not null) read = vlm_att_ln.call(read);
        return vlm_att_encoder.forward(ids, isText, vlm_att_query, read).MoveToOuterDisposeScope();
    }

    /// <summary>Mean over the queries of softmax(Q Kᵀ / √C) X. The mean is taken before the product with X, which is linear.</summary>
    /// <returns>[T, 1, C]</returns>
    internal Tensor Attend(Tensor asked, Tensor patches)
    {
        using var scope = NewDisposeScope();
        return Attention(asked, patches).to(patches.dtype).matmul(patches).MoveToOuterDisposeScope();
    }

    /// <summary>Mean over the queries of softmax(Q Kᵀ / √C): how much of the context token comes from each patch.</summary>
    /// <returns>[T, 1, P] float32</returns>
    internal Tensor Attention(Tensor asked, Tensor patches)
    {
        using var scope = NewDisposeScope();
        var queries = vlm_att_projector.call(asked);                                                            // [T, Q, C]
        var keys = vlm_att_key_projector.call(patches);                                                         // [T, P, C]
        var attention = queries.matmul(keys.transpose(1, 2)).to(ScalarType.Float32).mul_(_scale).softmax(-1);   // [T, Q, P]
        return attention.mean([1L], keepdim: true).MoveToOuterDisposeScope();
    }

    /// <returns>[T, n, C]</returns>
    internal Tensor Pool(Tensor patches, FramePooling? pooling = null)
    {
        pooling ??= _config.Pooling;
        if (pooling is FramePooling.Mean) return patches.mean([1L], keepdim: true);
        if (pooling is not FramePooling.Grid(var cells)) return patches.alias();

        using var scope = NewDisposeScope();
        var side = (long)Math.Sqrt(patches.shape[1]);
        var stride = side / cells;
        var grid = patches.reshape(patches.shape[0], side, side, -1).permute(0, 3, 1, 2);
        return functional.avg_pool2d(grid, [stride, stride], [stride, stride]).flatten(2).transpose(1, 2).MoveToOuterDisposeScope();
    }
}
