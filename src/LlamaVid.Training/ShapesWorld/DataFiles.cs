using System.Text.Encodings.Web;
using System.Text.Json;
using LlamaVid.Model.Text;

namespace LlamaVid.Training.ShapesWorld;

/// <summary>The text files of a data folder: questions, truth, training data in the official form. The same films give the same bytes.</summary>
internal sealed class DataFiles : IDisposable
{
    /// <summary>Of these <c>long.json</c> has every question about a clip: they are forgotten first.</summary>
    private static readonly string[] EasilyForgotten = ["count", "comparison", "order"];

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,          // keeps <image> readable
    };

    private readonly StreamWriter _questions, _truth;
    private readonly JsonArrayFile _align, _instruct;
    private readonly JsonArrayFile? _long;
    private int _clips;

    public DataFiles(string folder, bool films)
    {
        _questions = Text(folder, "questions.jsonl");
        _truth = Text(folder, "truth.jsonl");
        _align = new(Text(folder, "align.json"));
        _instruct = new(Text(folder, "instruct.json"));
        if (films) _long = new(Text(folder, "long.json"));
    }

    public int QuestionCount { get; private set; }

    public void Add(Film film, IEnumerable<Question> questions)
    {
        var id = Path.GetFileNameWithoutExtension(film.Video);
        var isClip = film.Scenes.Count == 1;
        _truth.WriteLine(JsonSerializer.Serialize(Truth.Of(film), Json));
        var number = 0;
        foreach (var question in questions)
        {
            _questions.WriteLine(JsonSerializer.Serialize(new { film.Video, question.Type, Question = question.Text, question.Answer }, Json));
            if (isClip) _instruct.Add(Sample($"{id}-{number}", film.Video, $"<image>\n{question.Text}", question.Answer));
            if (!isClip || IsAskedAmongFilms(question, number)) _long?.Add(Sample($"{id}-{number}", film.Video, AsMovie(question.Text), question.Answer));
            number++;
            QuestionCount++;
        }
        if (!isClip) return;
        _clips++;
        number = 0;
        foreach (var (request, caption) in Captions.Of(film.Scenes[0]))
            _align.Add(Sample($"{id}-{number++}", film.Video, $"{request}\n<image>", caption));
        number = 0;
        foreach (var (request, statement) in Comparisons.Of(film.Scenes[0]))
            _instruct.Add(Sample($"{id}-statement-{number++}", film.Video, $"<image>\n{request}", statement));
    }

    public void Dispose()
    {
        _questions.Dispose();
        _truth.Dispose();
        _align.Dispose();
        _instruct.Dispose();
        _long?.Dispose();
    }

    private bool IsAskedAmongFilms(Question question, int number) => EasilyForgotten.Contains(question.Type) || (number + _clips) % 2 == 0;

    /// <summary>As a model of scaled positions is asked.</summary>
    private static string AsMovie(string question) => $"{PromptBuilder.MovieStart}<image>{PromptBuilder.MovieEnd}\n{question}";

    private static string Sample(string id, string video, string human, string gpt) => JsonSerializer.Serialize(
        new { id, video, conversations = new[] { new { from = "human", value = human }, new { from = "gpt", value = gpt } } }, Json);

    private static StreamWriter Text(string folder, string name) => new(Path.Combine(folder, name)) { NewLine = "\n" };

    /// <summary>A JSON array written element by element, one per line.</summary>
    private sealed class JsonArrayFile(StreamWriter file) : IDisposable
    {
        private bool _any;

        public void Add(string element)
        {
            file.Write(_any ? ",\n" : "[\n");
            file.Write(element);
            _any = true;
        }

        public void Dispose()
        {
            file.Write(_any ? "\n]\n" : "[]\n");
            file.Dispose();
        }
    }
}
