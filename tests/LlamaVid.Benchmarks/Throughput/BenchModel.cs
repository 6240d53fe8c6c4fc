using System.Text.Json.Nodes;
using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using LlamaVid.Model.Layers;
using LlamaVid.Model.Text;
using LlamaVid.Model.Tokens;
using LlamaVid.Model.Vision;
using LlamaVid.Model.Weights;
using LlamaVid.Training.Checkpoints;
using LlamaVid.Training.Pretraining;
using LlamaVid.Training.Pretraining.Tokenizers;
using TorchSharp;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Writes a checkpoint of given sizes with random weights in bfloat16, in the official layout. Knows no measurement.</summary>
/// <remarks>
/// The output layer's rows of special tokens and of bytes are 0: they are never the likeliest, so that every token drawn is a word and no answer ends early.
/// The word list of the text decoder is the default model's.
/// </remarks>
internal static class BenchModel
{
    private const string Finished = "complete";
    private const long LargestShard = 2_000_000_000;

    public static string Folder(BenchShape shape) => Path.Combine(ProjectFiles.Cache, shape.Name);

    public static bool Exists(BenchShape shape) => File.Exists(Path.Combine(Folder(shape), Finished));

    /// <param name="seed">decides every weight</param>
    public static void Write(BenchShape shape, long seed)
    {
        var folder = Directory.CreateDirectory(Folder(shape)).FullName;
        var words = CheckpointDirectory.Locate(ProjectFiles.DefaultModel).TextVocabulary!;
        SentencePieceFile.Write(Path.Combine(folder, "tokenizer.model"), BenchWords.Pieces(shape.Vocabulary - BenchWords.SpecialPieces));
        CheckpointWriter.WriteJson(Path.Combine(folder, "tokenizer_config.json"), new JsonObject { ["legacy"] = false, ["add_bos_token"] = true });
        CheckpointWriter.WriteJson(Path.Combine(folder, "config.json"), shape.Config());
        CheckpointWriter.WriteJson(Path.Combine(folder, "processor", "preprocessor_config.json"), BenchShape.Processor());
        Directory.CreateDirectory(Path.Combine(folder, "bert-base-uncased"));
        File.Copy(words, Path.Combine(folder, "bert-base-uncased", "vocab.txt"), overwrite: true);

        var (config, placement) = (LlamaVidConfig.Read(folder), new Placement(torch.ScalarType.BFloat16, torch.CPU));
        using (var decoder = new LlamaForCausalLm(config.Decoder, new((placement, config.Decoder.Layers))))
        using (var frames = new FrameTokenizer(config.Vision!, shape.Text(BertTokenizer.Load(words).VocabularySize), shape.Hidden, placement))
        {
            Initialisation.Fill(decoder.named_parameters(), seed);
            Initialisation.Fill(frames.named_parameters(), seed + 1);
            Silence(decoder.get_parameter("lm_head.weight")!);
            CheckpointWriter.WriteModel(
                folder, decoder.named_parameters().Select(Named("")).Concat(frames.named_parameters().Select(Named("model."))), torch.ScalarType.BFloat16, LargestShard);
        }
        using (var tower = new EvaVisionTower(shape.Tower with { Depth = shape.Tower.Depth + 1 }, BenchShape.ImageSize, placement))
        {
            Initialisation.Fill(tower.named_parameters(), seed + 2);
            CheckpointWriter.WriteTorch(Path.Combine(folder, "eva_vit_g.pth"), tower.named_parameters().Select(Named("")), torch.ScalarType.BFloat16);
        }
        File.WriteAllText(Path.Combine(folder, Finished), $"{seed}\n");

        static Func<(string name, TorchSharp.Modules.Parameter parameter), (string, torch.Tensor)> Named(string prefix) =>
            item => (prefix + item.name, item.parameter);
    }

    private static void Silence(torch.Tensor output)
    {
        using var noGrad = torch.no_grad();
        using var rows = output.narrow(0, 0, BenchWords.SpecialPieces);
        rows.zero_();
    }
}
