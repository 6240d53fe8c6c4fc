using System.Text.Json.Nodes;
using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Text;
using LlamaVid.Model.Tokens;
using LlamaVid.Model.Vision;
using LlamaVid.Training.Checkpoints;
using LlamaVid.Training.Pretraining.Tokenizers;

namespace LlamaVid.Training.Pretraining;

/// <summary>Writes a complete checkpoint that has learned nothing: trained tokenizers, random weights, the official layout.</summary>
internal static class BlankCheckpoint
{
    private const int TextPositions = 256;                                 // as many as a question may have

    private static readonly string[] Words = ["bos_token", "eos_token", "unk_token"];
    private static readonly string[] Pieces = ["<s>", "</s>", "<unk>"];

    /// <param name="folder">is made or filled</param>
    /// <param name="seed">decides every weight</param>
    public static void Write(string folder, ModelSizes sizes, long seed)
    {
        Directory.CreateDirectory(folder);
        var vocabulary = WriteTokenizer(folder);
        var words = WriteWordPieces(Path.Combine(folder, "bert-base-uncased"), sizes);
        CheckpointWriter.WriteJson(Path.Combine(folder, "config.json"), sizes.Config(vocabulary));
        CheckpointWriter.WriteJson(Path.Combine(folder, "generation_config.json"),
            new JsonObject { ["_from_model_config"] = true, ["bos_token_id"] = 1, ["eos_token_id"] = 2, ["pad_token_id"] = 0, ["transformers_version"] = "4.31.0" });
        WriteWeights(folder, sizes, words, seed);
    }

    private static int WriteTokenizer(string folder)
    {
        SentencePieceFile.Write(Path.Combine(folder, "tokenizer.model"), PieceTrainer.Train(ProjectText.Lines(), ProjectText.Phrases));
        var config = new JsonObject
        {
            ["tokenizer_class"] = "LlamaTokenizer", ["add_bos_token"] = true, ["add_eos_token"] = false, ["legacy"] = false,
            ["padding_side"] = "right", ["model_max_length"] = 2048, ["clean_up_tokenization_spaces"] = false,
        };
        var map = new JsonObject { ["pad_token"] = "<unk>" };
        for (var i = 0; i < Words.Length; i++)
        {
            map[Words[i]] = Token(Pieces[i]);
            config[Words[i]] = Token(Pieces[i]);
        }
        CheckpointWriter.WriteJson(Path.Combine(folder, "tokenizer_config.json"), config);
        CheckpointWriter.WriteJson(Path.Combine(folder, "special_tokens_map.json"), map);
        return LlamaTokenizer.Load(folder).VocabularySize;

        static JsonObject Token(string content) =>
            new() { ["content"] = content, ["lstrip"] = false, ["normalized"] = false, ["rstrip"] = false, ["single_word"] = false };
    }

    /// <returns>rows of the word table: the list and [DEC]</returns>
    private static int WriteWordPieces(string folder, ModelSizes sizes)
    {
        Directory.CreateDirectory(folder);
        var words = WordPieces.Of(ProjectText.Lines());
        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), words);
        CheckpointWriter.WriteJson(Path.Combine(folder, "tokenizer_config.json"), new JsonObject { ["do_lower_case"] = true });
        CheckpointWriter.WriteJson(Path.Combine(folder, "config.json"), new JsonObject
        {
            ["model_type"] = "bert", ["hidden_size"] = sizes.TextWidth, ["intermediate_size"] = sizes.TextMlpWidth, ["num_hidden_layers"] = sizes.TextLayers,
            ["num_attention_heads"] = sizes.TextWidth / 64, ["vocab_size"] = words.Count, ["max_position_embeddings"] = TextPositions, ["hidden_act"] = "gelu",
            ["attention_probs_dropout_prob"] = 0.1, ["hidden_dropout_prob"] = 0.1, ["layer_norm_eps"] = 1e-12, ["pad_token_id"] = 0, ["type_vocab_size"] = 2,
        });
        return words.Count + 1;
    }

    private static void WriteWeights(string folder, ModelSizes sizes, int words, long seed)
    {
        var config = LlamaVidConfig.Read(folder);
        var placement = new Placement(ScalarType.Float32, CPU);
        using var decoder = new LlamaForCausalLm(config.Decoder, new((placement, config.Decoder.Layers)));
        var text = new TextDecoderShape(sizes.TextWidth, sizes.TextMlpWidth, sizes.TextLayers, words, TextPositions, sizes.VisionWidth, sizes.Queries);
        using var frames = new FrameTokenizer(config.Vision!, text, sizes.Width, placement);
        using var tower = new ClipVisionTower(sizes.Tower, sizes.VisionLayers, false, placement);

        Initialisation.Fill(decoder.named_parameters(), seed);
        Initialisation.Fill(frames.named_parameters(), seed + 1);
        Initialisation.Fill(tower.named_parameters(), seed + 2);
        Initialisation.FillPlaces(tower.embeddings.position_embedding.weight, sizes.ImageSize / sizes.PatchSize);

        var model = decoder.state_dict().Select(item => (item.Key, item.Value)).Concat(frames.state_dict().Select(item => ("model." + item.Key, item.Value)));
        CheckpointWriter.WriteModel(folder, model, ScalarType.Float32);

        var towerFolder = Path.Combine(folder, ModelSizes.TowerFolder);
        CheckpointWriter.WriteJson(Path.Combine(towerFolder, "config.json"), sizes.TowerConfig());
        CheckpointWriter.WriteJson(Path.Combine(towerFolder, "preprocessor_config.json"), sizes.Processor());
        CheckpointWriter.WriteTorch(Path.Combine(towerFolder, "pytorch_model.bin"), tower.state_dict().Select(item => (item.Key, item.Value)), ScalarType.Float32);
    }
}
