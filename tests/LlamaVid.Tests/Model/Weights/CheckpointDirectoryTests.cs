using LlamaVid.Model;
using LlamaVid.Model.Weights;

namespace LlamaVid.Tests.Model.Weights;

public sealed class CheckpointDirectoryTests
{
    private const string Eva = """
        {"model_type":"llava","hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":9,"max_position_embeddings":16,"rms_norm_eps":1e-5,
        "mm_vision_tower":"./model_zoo/LAVIS/eva.pth","image_processor":"./llamavid/processor/p","mm_hidden_size":8}
        """;

    private const string Clip = """
        {"model_type":"llava","hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":9,"max_position_embeddings":16,"rms_norm_eps":1e-5,
        "mm_vision_tower":"openai/clip","image_processor":"./llamavid/processor/p","mm_hidden_size":8,"mm_vision_select_layer":-2}
        """;

    [Fact]
    public void Every_golden_model_is_located() =>
        Assert.All(Directory.GetDirectories(Shared.Path("goldens/work_dirs/llama-vid")), folder =>
        {
            var found = CheckpointDirectory.Locate(folder);
            Assert.True(File.Exists(found.Tokenizer) && File.Exists(found.TextVocabulary) && File.Exists(found.ImageProcessor), folder);
            Assert.True(found.Config.Vision!.Kind == VisionTowerKind.Eva ? File.Exists(found.VisionTower) : Directory.Exists(found.VisionTower), folder);
            Assert.StartsWith(Shared.Path("goldens"), found.VisionTower, StringComparison.Ordinal);
        });

    [Fact]
    public void Paths_are_found_in_the_model_folder_and_in_each_parent()
    {
        using var root = new TemporaryFolder();
        var model = Model(root, "a/b/model", Eva);
        var far = root.Write("model_zoo/LAVIS/eva.pth", "x");
        var processor = root.Write("a/llamavid/processor/p/preprocessor_config.json", "{}");
        var vocabulary = root.Write("a/b/model/bert-base-uncased/vocab.txt", "x");

        var found = CheckpointDirectory.Locate(model + "/");
        Assert.Equal((far, processor, vocabulary, Path.Combine(model, "tokenizer.model")), (found.VisionTower, found.ImageProcessor, found.TextVocabulary, found.Tokenizer));

        var near = root.Write("a/b/model/model_zoo/LAVIS/eva.pth", "x");
        Assert.Equal(near, CheckpointDirectory.Locate(model).VisionTower);
    }

    [Fact]
    public void Clip_tower_brings_its_own_image_processor()
    {
        using var root = new TemporaryFolder();
        var model = Model(root, "model", Clip);
        root.Write("model/bert-base-uncased/vocab.txt", "x");
        root.Write("model/llamavid/processor/p/preprocessor_config.json", "{}");
        root.Write("model/openai/clip/config.json", "{}");
        Assert.Contains("the image processor", Assert.Throws<CheckpointException>(() => CheckpointDirectory.Locate(model)).Message);

        var processor = root.Write("model/openai/clip/preprocessor_config.json", "{}");
        Assert.Equal(processor, CheckpointDirectory.Locate(model).ImageProcessor);
    }

    [Fact]
    public void Overrides_replace_the_paths_of_the_configuration()
    {
        using var root = new TemporaryFolder();
        var model = Model(root, "model", Eva);
        var tower = root.Write("other/tower.pth", "x");
        var words = root.Write("other/words.txt", "x");
        root.Write("other/processor/preprocessor_config.json", "{}");
        var found = CheckpointDirectory.Locate(model, tower, words, Path.Combine(root.Path, "other/processor"));
        Assert.Equal((tower, words, Path.Combine(root.Path, "other/processor/preprocessor_config.json")), (found.VisionTower, found.TextVocabulary, found.ImageProcessor));
    }

    [Fact]
    public void Everything_that_is_missing_is_listed_with_what_was_tried_and_the_option()
    {
        using var root = new TemporaryFolder();
        root.Write("a/model/config.json", Eva);
        var message = Assert.Throws<CheckpointException>(() => CheckpointDirectory.Locate(Path.Combine(root.Path, "a/model"), textTokenizer: "/nowhere")).Message;
        Assert.Contains("the tokenizer \"", message);
        Assert.Contains(Path.Combine(root.Path, "a/model_zoo/LAVIS/eva.pth"), message);
        Assert.Contains(Path.GetFullPath("model_zoo/LAVIS/eva.pth"), message);
        Assert.Contains("Model:VisionTower names another place", message);
        Assert.Contains("\"/nowhere\" was not found; tried /nowhere; Model:TextTokenizer", message);
        Assert.Contains("Model:ImageProcessor", message);
    }

    [Fact]
    public void Text_model_needs_no_vision_files()
    {
        using var root = new TemporaryFolder();
        var model = Model(root, "model", """{"model_type":"llama","hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":9,"max_position_embeddings":16,"rms_norm_eps":1e-5}""");
        Assert.Null(CheckpointDirectory.Locate(model).VisionTower);
    }

    [Fact]
    public void Missing_folder_is_refused() => Assert.Contains("no such folder", Assert.Throws<CheckpointException>(() => CheckpointDirectory.Locate("/nowhere/at/all")).Message);

    private static string Model(TemporaryFolder root, string name, string config)
    {
        root.Write($"{name}/tokenizer.model", "x");
        return Path.GetDirectoryName(root.Write($"{name}/config.json", config))!;
    }
}
