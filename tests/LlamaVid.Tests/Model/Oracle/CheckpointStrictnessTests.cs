using System.Text.Json.Nodes;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Tests.Model.Weights;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Oracle;

/// <summary>Good checkpoints with one fault each: the model is not loaded and the message names the tensor, the key or the file.</summary>
[Collection(AloneCollection.Name)]
public sealed class CheckpointStrictnessTests
{
    private const string Words = "model.vlm_att_encoder.bert.embeddings.word_embeddings.weight";

    /// <summary>A pretrained Q-Former with EVA, a plain BERT with CLIP, a plain Q-Former with EVA.</summary>
    public static TheoryData<int> Seeds => [0, 1, 2];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_checkpoint_without_one_of_its_tensors_is_refused_by_name(int seed) =>
        EveryTensor(seed, (tensors, name) =>
        {
            tensors.Remove(name);
            return !IsOptional(name);
        });

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_checkpoint_with_a_misshapen_tensor_is_refused_by_name(int seed) =>
        EveryTensor(seed, (tensors, name) =>
        {
            tensors[name] = tensors[name] with { Shape = [.. tensors[name].Shape, 1] };
            return !name.StartsWith("model.vision_tower.", StringComparison.Ordinal);
        });

    [Theory]
    [InlineData(0, "model.layers.0.self_attn.q_proj.bias")]
    [InlineData(0, "model.norm.bias")]
    [InlineData(0, "score.weight")]
    [InlineData(0, "model.vlm_att_encoder.bert.embeddings.token_type_embeddings.weight")]
    [InlineData(2, "model.vlm_att_ln.weight")]
    [InlineData(2, "model.vlm_att_bert_proj.weight")]
    [InlineData(1, "model.vlm_att_query")]
    [InlineData(1, "model.mm_projector.0.weight")]
    public void A_checkpoint_with_a_surplus_tensor_is_refused_by_name(int seed, string name)
    {
        var checkpoint = RandomCheckpoint.Draw(seed);
        checkpoint.Model.Add(name, new(ScalarType.Float32, [2], [1, 2]));
        Assert.Contains(name, Refuses(checkpoint).Message);
    }

    [Theory]
    [InlineData(2, "a surplus layer", "encoder.layer.2.")]
    [InlineData(4, "too few layers", "the name raw_bert_layer:4 needs it and the checkpoint has 3 layers")]
    public void A_plain_bert_has_as_many_layers_as_its_name_says(int named, string _, string problem)
    {
        var recipe = CheckpointRecipe.Draw(4) with { BertLayers = 3, BertType = "raw_bert_layer:3" };
        Assert.Contains(problem, Refuses(RandomCheckpoint.Of(recipe), config => config["bert_type"] = $"raw_bert_layer:{named}").Message);
    }

    [Theory]
    [InlineData("hidden_size", 2147483646)]
    [InlineData("intermediate_size", 2147483647)]
    [InlineData("num_hidden_layers", 2147483647)]
    [InlineData("vocab_size", 2147483647)]
    [InlineData("num_query", 2147483647)]
    [InlineData("mm_hidden_size", 2147483647)]
    [InlineData("num_query", 7)]
    [InlineData("mm_hidden_size", 1408)]
    [InlineData("num_hidden_layers", 1)]
    [InlineData("num_attention_heads", 5)]
    [InlineData("num_key_value_heads", 5)]
    [InlineData("compress_type", "grid:9")]
    [InlineData("mm_projector_type", "identity")]
    [InlineData("mm_projector_type", "linear")]
    [InlineData("mm_projector_type", "mlp99x_gelu")]
    [InlineData("bert_type", "qformer")]
    [InlineData("bert_type", "raw_bert")]
    [InlineData("mm_use_im_start_end", true)]
    public void A_configuration_that_contradicts_the_files_is_refused(string key, object value)
    {
        var recipe = CheckpointRecipe.Draw(0) with
        {
            Vocabulary = CheckpointRecipe.TokenizerPieces,
            Layers = 2,
            Queries = 5,
            Hidden = 24,
            Heads = 4,
            KvHeads = 2,
        };
        var message = Refuses(RandomCheckpoint.Of(recipe), config => config[key] = JsonValue.Create(value)).Message;
        Assert.False(message.Contains("Exception", StringComparison.Ordinal) || message.Contains("   at ", StringComparison.Ordinal), message);
    }

    [Theory]
    [InlineData("config.json", "config.json")]
    [InlineData("tokenizer.model", "tokenizer.model")]
    [InlineData("model_zoo/LAVIS/eva_vit_g.pth", "Model:VisionTower")]
    [InlineData("bert-base-uncased/vocab.txt", "Model:TextTokenizer")]
    [InlineData("processor/preprocessor_config.json", "Model:ImageProcessor")]
    [InlineData("pytorch_model-00001-of-00002.bin", "pytorch_model-00001-of-00002.bin")]
    [InlineData("pytorch_model.bin.index.json", "holds no weights")]
    public void A_checkpoint_without_one_of_its_files_is_refused_with_the_cure(string file, string cure) =>
        Assert.Contains(cure, Refuses(RandomCheckpoint.Draw(0), spoil: folder => File.Delete(Path.Combine(folder.Path, file))).Message);

    [Fact]
    public void A_word_list_of_another_model_is_refused() =>
        Assert.Contains(Words, Refuses(RandomCheckpoint.Draw(0), spoil: folder =>
            File.AppendAllText(Path.Combine(folder.Path, "bert-base-uncased/vocab.txt"), "surplus\n")).Message);

    [Fact]
    public void A_tokenizer_with_more_tokens_than_embeddings_is_refused()
    {
        var recipe = CheckpointRecipe.Draw(0) with { Vocabulary = CheckpointRecipe.TokenizerPieces };
        var message = Refuses(RandomCheckpoint.Of(recipe), config => config.Remove("mm_use_im_patch_token")).Message;
        Assert.Contains("801 tokens and model.embed_tokens.weight has 800 rows", message);
        Assert.Contains("mm_use_im_patch_token", message);
    }

    [Fact]
    public void A_grid_that_the_towers_features_do_not_form_is_refused()
    {
        var recipe = CheckpointRecipe.Draw(0);
        recipe = recipe with { Eva = recipe.Eva! with { ImageSize = 42 }, Compress = "grid:2" };        // with the class token 10: an even count loses none
        Assert.Contains("grid:2; it needs a square of at least 2 × 2 features, and this vision tower leaves 10", Refuses(RandomCheckpoint.Of(recipe)).Message);
    }

    /// <summary>Loads the checkpoint once for each tensor, which <paramref name="spoil"/> spoils; it says whether that is a fault.</summary>
    private static void EveryTensor(int seed, Func<Dictionary<string, RandomTensor>, string, bool> spoil)
    {
        var recipe = CheckpointRecipe.Draw(seed) with { Layers = 2, BertLayers = 3, BertHidden = 64 };
        if (recipe.Eva is not null) recipe = recipe with { Eva = new(Width: 88, Depth: 1, MlpWidth: 20, recipe.ImageSize, Grid: 3) };
        var checkpoint = RandomCheckpoint.Of(recipe);
        using var folder = new TemporaryFolder();
        checkpoint.Write(folder);
        foreach (var (isTower, tensors) in new[] { (false, checkpoint.Model), (true, checkpoint.Tower) })
        {
            foreach (var name in tensors.Keys.Where(name => !isTower || IsRead(recipe, name)).ToList())
            {
                var good = tensors[name];
                if (spoil(tensors, name))
                {
                    if (isTower) checkpoint.WriteTower(folder);
                    else checkpoint.WriteModel(folder);
                    Assert.Contains(name, Refuses(folder).Message);
                }
                tensors[name] = good;
            }
            checkpoint.WriteModel(folder);
        }
    }

    private static bool IsOptional(string name) =>
        name.EndsWith("inv_freq", StringComparison.Ordinal) || name.EndsWith("position_ids", StringComparison.Ordinal)
        || name.StartsWith("model.vision_tower.", StringComparison.Ordinal);

    /// <summary>The last block of EVA and the layers of CLIP above the selected state are not read.</summary>
    private static bool IsRead(CheckpointRecipe recipe, string name) => name.Split('.') switch
    {
        ["norm", ..] or ["head", ..] or ["post_layernorm", ..] => false,
        ["blocks", var block, ..] => int.Parse(block) < recipe.Eva!.Depth,
        ["encoder", "layers", var layer, ..] => int.Parse(layer) < (recipe.SelectLayer < 0 ? recipe.Clip!.Layers + 1 + recipe.SelectLayer : recipe.SelectLayer),
        _ => true,
    };

    private static CheckpointException Refuses(RandomCheckpoint checkpoint, Action<JsonObject>? change = null, Action<TemporaryFolder>? spoil = null)
    {
        using var folder = new TemporaryFolder();
        checkpoint.Write(folder, change);
        spoil?.Invoke(folder);
        return Refuses(folder);
    }

    private static CheckpointException Refuses(TemporaryFolder folder) =>
        Assert.Throws<CheckpointException>(() => LlamaVidModel.Load(new() { Path = folder.Path, Dtype = ModelDtype.Float32, Device = "cpu" }).Dispose());
}
