using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Oracle;

/// <summary>The tensors that a recipe asks for, with random values of a size that keeps every softmax and activation in its interesting range.</summary>
internal sealed class RandomCheckpoint
{
    private readonly Random _random;
    private readonly ScalarType _dtype;
    private Dictionary<string, RandomTensor> _target;

    private RandomCheckpoint(CheckpointRecipe recipe)
    {
        (Recipe, _random) = (recipe, new(recipe.Seed * 7919 + 1));
        _dtype = new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16 }[recipe.Seed % 3];
        _target = Model;
        AddDecoder();
        AddFrameTokenizer();
        _target = Tower;
        if (recipe.Eva is { } eva) AddEva(eva);
        else AddClip(recipe.Clip!);
    }

    public CheckpointRecipe Recipe { get; }

    /// <summary>The checkpoint's own tensors.</summary>
    public Dictionary<string, RandomTensor> Model { get; } = [];

    /// <summary>The vision tower's file.</summary>
    public Dictionary<string, RandomTensor> Tower { get; } = [];

    public static RandomCheckpoint Draw(int seed) => new(CheckpointRecipe.Draw(seed));

    public static RandomCheckpoint Of(CheckpointRecipe recipe) => new(recipe);

    private void AddDecoder()
    {
        var (width, kv) = (Recipe.Hidden, Recipe.KvHeads * Recipe.HeadSize);
        Table("model.embed_tokens.weight", Recipe.Vocabulary, width);
        Table("lm_head.weight", Recipe.Vocabulary, width);
        Gain("model.norm.weight", width);
        for (var i = 0; i < Recipe.Layers; i++)
        {
            var layer = $"model.layers.{i}.";
            Gain($"{layer}input_layernorm.weight", width);
            Gain($"{layer}post_attention_layernorm.weight", width);
            Weight($"{layer}self_attn.q_proj.weight", width, width);
            Weight($"{layer}self_attn.k_proj.weight", kv, width);
            Weight($"{layer}self_attn.v_proj.weight", kv, width);
            Weight($"{layer}self_attn.o_proj.weight", width, width);
            Weight($"{layer}mlp.gate_proj.weight", Recipe.Intermediate, width);
            Weight($"{layer}mlp.up_proj.weight", Recipe.Intermediate, width);
            Weight($"{layer}mlp.down_proj.weight", width, Recipe.Intermediate);
            if (Recipe.Seed % 4 != 3) AddFrequencies($"{layer}self_attn.rotary_emb.inv_freq");
        }
    }

    /// <summary>Frequencies that are visibly not the exact ones, the same in every layer.</summary>
    private void AddFrequencies(string name)
    {
        var dtype = Recipe.Seed % 2 == 0 ? ScalarType.Float32 : ScalarType.BFloat16;
        float Frequency(int i) => RandomTensor.Round(1.07 * Math.Pow(Recipe.RopeTheta, -2.0 * i / Recipe.HeadSize), dtype);
        _target[name] = new(dtype, [Recipe.HeadSize / 2], [.. Enumerable.Range(0, Recipe.HeadSize / 2).Select(Frequency)]);
    }

    private void AddFrameTokenizer()
    {
        var (c, e) = (Recipe.VisionWidth, Recipe.BertHidden);
        if (!Recipe.IsRawBert) Table("model.vlm_att_query", 1, Recipe.Queries, e);
        if (Recipe.ProjectsKeys) Linear("model.vlm_att_bert_proj", Recipe.EncoderWidth, c);
        if (Recipe.IsPretrained) Norm("model.vlm_att_ln", Recipe.EncoderWidth);
        Linear("model.vlm_att_projector", c, e);
        Linear("model.vlm_att_key_projector", c, c);
        Linear("model.vlm_att_val_projector", Recipe.Hidden, c);
        if (Recipe.Projector == "linear") Linear("model.mm_projector", Recipe.Hidden, c);
        else
            for (var i = 0; i < Recipe.ProjectorDepth; i++)
                Linear($"model.mm_projector.{2 * i}", Recipe.Hidden, i == 0 ? c : Recipe.Hidden);

        const string bert = "model.vlm_att_encoder.bert.";
        Table($"{bert}embeddings.word_embeddings.weight", CheckpointRecipe.WordPieces, e);
        Table($"{bert}embeddings.position_embeddings.weight", Recipe.BertPositions, e);
        if (Recipe.IsRawBert) Table($"{bert}embeddings.token_type_embeddings.weight", 2, e);
        else if (Recipe.Seed % 5 != 0)
            _target[$"{bert}embeddings.position_ids"] =
                new(ScalarType.Int64, [1, Recipe.BertPositions], [.. Enumerable.Range(0, Recipe.BertPositions).Select(i => (float)i)]);
        Norm($"{bert}embeddings.LayerNorm", e);
        for (var i = 0; i < Recipe.BertLayers; i++) AddBertLayer($"{bert}encoder.layer.{i}.", e, looks: Recipe.IsRawBert || i % 2 == 0);

        if (Recipe.Seed % 2 == 1) Table("model.vision_tower.vision_tower.cls_token", 1, 1, 3);      // the official loader does not read it
    }

    private void AddBertLayer(string layer, int e, bool looks)
    {
        Attention("attention", e);
        if (looks) Attention("crossattention", Recipe.EncoderWidth);
        foreach (var kind in Recipe.IsRawBert ? [""] : new[] { "", "_query" })
        {
            Linear($"{layer}intermediate{kind}.dense", Recipe.BertIntermediate, e);
            Linear($"{layer}output{kind}.dense", e, Recipe.BertIntermediate);
            Norm($"{layer}output{kind}.LayerNorm", e);
        }

        void Attention(string name, int keyWidth)
        {
            Linear($"{layer}{name}.self.query", e, e);
            Linear($"{layer}{name}.self.key", e, keyWidth);
            Linear($"{layer}{name}.self.value", e, keyWidth);
            Linear($"{layer}{name}.output.dense", e, e);
            Norm($"{layer}{name}.output.LayerNorm", e);
        }
    }

    private void AddEva(EvaRecipe eva)
    {
        var c = eva.Width;
        Table("cls_token", 1, 1, c);
        Table("pos_embed", 1, 1 + eva.Grid * eva.Grid, c);
        Weight("patch_embed.proj.weight", c, 3, 14, 14);
        Bias("patch_embed.proj.bias", c);
        for (var i = 0; i <= eva.Depth; i++)
        {
            Norm($"blocks.{i}.norm1", c);
            Norm($"blocks.{i}.norm2", c);
            Bias($"blocks.{i}.attn.q_bias", c);
            Bias($"blocks.{i}.attn.v_bias", c);
            Weight($"blocks.{i}.attn.qkv.weight", 3 * c, c);
            Linear($"blocks.{i}.attn.proj", c, c);
            Linear($"blocks.{i}.mlp.fc1", eva.MlpWidth, c);
            Linear($"blocks.{i}.mlp.fc2", c, eva.MlpWidth);
        }
        Norm("norm", c);
        Linear("head", 5, c);
    }

    private void AddClip(ClipRecipe clip)
    {
        var (c, grid) = (clip.Width, clip.ImageSize / clip.PatchSize);
        Bias("embeddings.class_embedding", c);
        Weight("embeddings.patch_embedding.weight", c, 3, clip.PatchSize, clip.PatchSize);
        Table("embeddings.position_embedding.weight", 1 + grid * grid, c);
        Norm("pre_layrnorm", c);
        Norm("post_layernorm", c);
        for (var i = 0; i < clip.Layers; i++)
        {
            var layer = $"encoder.layers.{i}.";
            Norm($"{layer}layer_norm1", c);
            Norm($"{layer}layer_norm2", c);
            foreach (var name in new[] { "q_proj", "k_proj", "v_proj", "out_proj" }) Linear($"{layer}self_attn.{name}", c, c);
            Linear($"{layer}mlp.fc1", clip.MlpWidth, c);
            Linear($"{layer}mlp.fc2", c, clip.MlpWidth);
        }
    }

    private void Linear(string name, int outputs, int inputs)
    {
        Weight($"{name}.weight", outputs, inputs);
        Bias($"{name}.bias", outputs);
    }

    private void Norm(string name, int width)
    {
        Gain($"{name}.weight", width);
        Bias($"{name}.bias", width);
    }

    private void Weight(string name, params long[] shape) => Add(name, 0, 1.3 / Math.Sqrt(shape.Skip(1).Aggregate(1L, (size, side) => size * side)), shape);

    private void Table(string name, params long[] shape) => Add(name, 0, 1, shape);

    private void Gain(string name, int width) => Add(name, 1, 0.3, width);

    private void Bias(string name, int width) => Add(name, 0, 0.3, width);

    private void Add(string name, double mean, double deviation, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (size, side) => size * side)];
        for (var i = 0; i < values.Length; i++)
        {
            var normal = Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
            values[i] = RandomTensor.Round(mean + deviation * normal, _dtype);
        }
        _target[name] = new(_dtype, shape, values);
    }
}
