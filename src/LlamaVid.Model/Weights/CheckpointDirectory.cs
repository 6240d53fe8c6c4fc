namespace LlamaVid.Model.Weights;

/// <summary>Where the files of a model are, found as the official folder layout has them. It looks for files and reads none but <c>config.json</c>.</summary>
/// <remarks>
/// A path from <c>config.json</c> is tried as it stands (relative to the working directory), then relative to the model folder and to each
/// of its parents. An override is tried as it stands only.
/// </remarks>
public sealed record CheckpointDirectory
{
    private const string BertName = "bert-base-uncased";

    /// <summary>The model folder: weights and <c>config.json</c>.</summary>
    public required string Model { get; init; }

    public required LlamaVidConfig Config { get; init; }

    /// <summary>The SentencePiece model, <c>tokenizer.model</c>; <c>tokenizer_config.json</c> lies beside it.</summary>
    public required string Tokenizer { get; init; }

    /// <summary>Weights of the vision tower: a file (EVA) or a folder with <c>config.json</c> and weights (CLIP). Null without vision.</summary>
    public string? VisionTower { get; init; }

    /// <summary>The word list of the text decoder, <c>vocab.txt</c>. Null without vision.</summary>
    public string? TextVocabulary { get; init; }

    /// <summary>The file <c>preprocessor_config.json</c>: of the tower itself for CLIP, of <c>image_processor</c> for EVA. Null without vision.</summary>
    public string? ImageProcessor { get; init; }

    /// <param name="model">The model folder.</param>
    /// <param name="visionTower"><c>Model:VisionTower</c>: used instead of <c>mm_vision_tower</c>.</param>
    /// <param name="textTokenizer"><c>Model:TextTokenizer</c>: <c>vocab.txt</c> or its folder; used instead of <c>bert-base-uncased</c>.</param>
    /// <param name="imageProcessor"><c>Model:ImageProcessor</c>: <c>preprocessor_config.json</c> or its folder; used instead of <c>image_processor</c>.</param>
    /// <exception cref="CheckpointException">Lists everything that was not found, where it was looked for, and the option that overrides.</exception>
    public static CheckpointDirectory Locate(string model, string? visionTower = null, string? textTokenizer = null, string? imageProcessor = null)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(model));
        if (!Directory.Exists(folder)) throw new CheckpointException(folder, "there is no such folder.");
        var config = LlamaVidConfig.Read(folder);
        var search = new Search(folder);
        var tokenizer = search.Find("the tokenizer", "tokenizer.model", Path.Combine(folder, "tokenizer.model"), null, FileItself);
        string? tower = null, vocabulary = null, processor = null;
        if (config.Vision is { } vision)
        {
            var isClip = vision.Kind == VisionTowerKind.Clip;
            tower = search.Find("the vision tower", vision.TowerPath, visionTower, "Model:VisionTower", isClip ? FolderWith("config.json") : FileItself);
            vocabulary = search.Find("the word list of the text decoder", BertName, textTokenizer, "Model:TextTokenizer", FileOrIn("vocab.txt"));
            processor = search.Find("the image processor", isClip ? vision.TowerPath : vision.ImageProcessorPath, imageProcessor ?? (isClip ? tower : null),
                "Model:ImageProcessor", FileOrIn("preprocessor_config.json"));
        }
        search.RequireAllFound();
        return new() { Model = folder, Config = config, Tokenizer = tokenizer!, VisionTower = tower, TextVocabulary = vocabulary, ImageProcessor = processor };
    }

    private static string? FileItself(string path) => File.Exists(path) ? path : null;

    private static Func<string, string?> FolderWith(string name) => path => File.Exists(Path.Combine(path, name)) ? path : null;

    private static Func<string, string?> FileOrIn(string name) => path => FileItself(path) ?? FileItself(Path.Combine(path, name));

    /// <summary>Looks for one thing after another and remembers what was not found.</summary>
    private sealed class Search(string folder)
    {
        private readonly List<string> _faults = [];

        public string? Find(string what, string path, string? instead, string? option, Func<string, string?> accept)
        {
            var tried = (instead is null ? Candidates(path) : [Path.GetFullPath(instead)]).Distinct().ToList();
            var found = tried.Select(accept).FirstOrDefault(hit => hit is not null);
            if (found is not null) return found;
            var cure = option is null ? "" : $"; {option} names another place";
            _faults.Add($"{what} \"{instead ?? path}\" was not found; tried {string.Join(", ", tried)}{cure}");
            return null;
        }

        public void RequireAllFound()
        {
            if (_faults.Count > 0) throw new CheckpointException(folder, $"{string.Join(". Also, ", _faults)}.");
        }

        private IEnumerable<string> Candidates(string path)
        {
            yield return Path.GetFullPath(path);
            for (var parent = folder; parent is not null; parent = Path.GetDirectoryName(parent))
                yield return Path.GetFullPath(path, parent);
        }
    }
}
