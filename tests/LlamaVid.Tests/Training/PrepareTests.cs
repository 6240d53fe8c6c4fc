using System.Text.Json;
using LlamaVid.Media;
using LlamaVid.Model.Text;
using LlamaVid.Training;
using LlamaVid.Training.ShapesWorld;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Tests.Training;

/// <summary>The prepare command as a user runs it: files, formats, and what is seen after H.264.</summary>
public sealed class PrepareTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lvs");

    [Fact]
    public async Task The_same_seed_gives_the_same_files_and_another_split_gives_others()
    {
        await PrepareAsync("a", "--clips", "2", "--seed", "3");
        await PrepareAsync("b", "--clips", "2", "--seed", "3");
        await PrepareAsync("c", "--clips", "2", "--seed", "3", "--split", "test");
        var names = Names("a");
        Assert.Equal(
            ["align.json", "clip-000000.mp4", "clip-000001.mp4", "instruct.json", "questions.jsonl", "truth.jsonl"],
            names);
        Assert.Equal(names, Names("b"));
        foreach (var name in names)
        {
            Assert.Equal(Bytes("a", name), Bytes("b", name));
            Assert.NotEqual(Bytes("a", name), Bytes("c", name));
        }
    }

    [Fact]
    public async Task A_long_film_goes_to_its_own_training_file_and_decodes_to_its_whole_seconds()
    {
        await PrepareAsync("films", "--clips", "0", "--long", "1", "--seed", "1");
        Assert.Equal(10, Json("films", "long.json").GetArrayLength());
        Assert.Equal(0, Json("films", "instruct.json").GetArrayLength());
        var truth = Lines("films", "truth.jsonl").Single();

        using var opener = new MediaOpener(new(), NullLogger.Instance);
        await using var media = await opener.OpenAsync(new MediaSource.LocalFile(PathOf("films", "film-000000.mp4")), Cancel);
        Assert.Equal(truth.GetProperty("seconds").GetInt32(), media.Plan(new()).ExpectedFrames);
        Assert.Equal(truth.GetProperty("seconds").GetInt32(), truth.GetProperty("samples").GetArrayLength());
    }

    [Fact]
    public async Task Films_are_trained_beside_half_of_the_clips_questions_and_all_that_are_forgotten_first()
    {
        await PrepareAsync("mixed", "--clips", "6", "--long", "1", "--seed", "3");
        var asked = Json("mixed", "long.json").EnumerateArray().Select(sample => (Video: Text(sample, "video"), Asked: Turn(sample, 0, "human"))).ToArray();
        var clips = Lines("mixed", "questions.jsonl").Where(line => Text(line, "video").StartsWith("clip", StringComparison.Ordinal)).ToArray();
        var kept = clips.ToLookup(IsAsked, line => Text(line, "type"));

        Assert.Equal(10, asked.Count(sample => sample.Video.StartsWith("film", StringComparison.Ordinal)));
        Assert.DoesNotContain(kept[false], type => type is "count" or "comparison" or "order");
        Assert.Equal(["count", "comparison", "order"], new[] { "count", "comparison", "order" }.Where(kept[true].Contains));
        Assert.InRange(kept[false].Count(), clips.Length / 4, clips.Length / 2);

        bool IsAsked(JsonElement line) => asked.Contains((Text(line, "video")!, PromptBuilder.MovieStart + "<image>" + PromptBuilder.MovieEnd + "\n" + Text(line, "question")));
    }

    [Fact]
    public async Task Questions_and_training_data_have_the_documented_form_and_say_the_same()
    {
        await PrepareAsync("forms", "--clips", "5", "--seed", "2");
        var questions = Lines("forms", "questions.jsonl");
        Assert.All(questions, line => Assert.Equal(["video", "type", "question", "answer"], line.EnumerateObject().Select(property => property.Name)));

        var samples = Json("forms", "instruct.json").EnumerateArray().ToArray();
        Assert.Distinct(samples.Select(sample => sample.GetProperty("id").GetString()));
        var statements = samples.Where(sample => Text(sample, "id")!.Contains("statement", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(statements);
        Assert.All(statements, sample => Assert.Matches("^<image>\n(Compare|Sort) the .+ and the .+\\.$", Turn(sample, 0, "human")));
        Assert.Equal(
            questions.Select(line => (Text(line, "video"), "<image>\n" + Text(line, "question"), Text(line, "answer"))),
            samples.Except(statements).Select(sample => (Text(sample, "video"), Turn(sample, 0, "human"), Turn(sample, 1, "gpt"))));

        Assert.All(Json("forms", "align.json").EnumerateArray(), sample =>
        {
            Assert.EndsWith("\n<image>", Turn(sample, 0, "human"));
            Assert.NotEmpty(Turn(sample, 1, "gpt"));
            Assert.True(File.Exists(PathOf("forms", Text(sample, "video"))));
        });
    }

    [Fact]
    public async Task Decoded_frames_show_the_documented_colours_where_the_truth_says()
    {
        await PrepareAsync("seen", "--clips", "6", "--seed", "4");
        using var opener = new MediaOpener(new(), NullLogger.Instance);
        var looked = 0;
        foreach (var truth in Lines("seen", "truth.jsonl"))
        {
            var samples = truth.GetProperty("samples").EnumerateArray().ToArray();
            await using var media = await opener.OpenAsync(new MediaSource.LocalFile(PathOf("seen", Text(truth, "video"))), Cancel);
            var number = 0;
            await foreach (var frame in media.ReadFramesAsync(media.Plan(new()), Cancel))
                using (frame)
                {
                    var sample = samples[number++];
                    Assert.Equal(sample.GetProperty("time").GetInt32(), frame.Timestamp, 6);
                    AssertNear(Palette.Backgrounds.Single(paint => paint.Name == Text(sample, "background")), frame, 1, 1);
                    foreach (var seen in sample.GetProperty("objects").EnumerateArray())
                    {
                        var (x, y) = (seen.GetProperty("x").GetDouble(), seen.GetProperty("y").GetDouble());
                        AssertNear(Palette.Objects.Single(paint => paint.Name == Text(seen, "color")), frame, (int)(x * frame.Width), (int)(y * frame.Height));
                        looked++;
                    }
                }
            Assert.Equal(samples.Length, number);
        }
        Assert.True(looked > 50);
    }

    [Theory]
    [InlineData("'--out'", "prepare", "--clips", "1", "--seed", "1")]
    [InlineData("'--seed'", "prepare", "--out", "X", "--clips", "1")]
    [InlineData("--clips is -1; it must be from 0 to 999999.", "prepare", "--out", "X", "--clips", "-1", "--seed", "1")]
    [InlineData("'many'", "prepare", "--out", "X", "--clips", "many", "--seed", "1")]
    [InlineData("'--colour'", "prepare", "--out", "X", "--clips", "1", "--seed", "1", "--colour", "red")]
    [InlineData("'paint'", "paint")]
    [InlineData("command", new string[0])]
    public async Task Bad_arguments_are_one_line_that_names_them(string expected, params string[] arguments)
    {
        var (code, output, error) = await RunAsync(arguments);
        Assert.Equal(1, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.False(Directory.Exists("X"));
    }

    [Fact]
    public async Task A_folder_that_holds_something_is_left_alone()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "mine.txt"), "kept", Cancel);
        var (code, _, error) = await RunAsync(["prepare", "--out", _folder.FullName, "--clips", "1", "--seed", "1"]);
        Assert.Equal(1, code);
        Assert.Equal($"{_folder.FullName} is not empty (1 inside). Empty it, or choose another --out.", error.TrimEnd());
        Assert.Single(_folder.EnumerateFileSystemInfos());
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_one_line()
    {
        var file = Path.Combine(_folder.FullName, "file");
        await File.WriteAllTextAsync(file, "", Cancel);
        var (code, _, error) = await RunAsync(["prepare", "--out", Path.Combine(file, "below"), "--clips", "1", "--seed", "1"]);
        Assert.Equal(1, code);
        Assert.Contains(file, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_video_that_ffmpeg_cannot_write_is_named()
    {
        var film = FilmDraw.Clip("tests", 1, 0) with { Encoding = new(20, "no-such-preset", 10, "yuv420p") };
        var fault = await Assert.ThrowsAsync<EncodingFailedException>(() => VideoWriter.WriteAsync([film], _folder.FullName, Cancel));
        Assert.Contains("clip-000000.mp4", fault.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task PrepareAsync(string name, params string[] arguments)
    {
        var (code, output, error) = await RunAsync(["prepare", "--out", Path.Combine(_folder.FullName, name), .. arguments]);
        Assert.True(code == 0, error);
        Assert.Contains(" videos/s)", output, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await TrainingCommand.RunAsync(arguments, output, error, Cancel);
        return (code, output.ToString(), error.ToString());
    }

    private static void AssertNear(Paint paint, VideoFrame frame, int x, int y)
    {
        var pixel = frame.Rgb24.Span.Slice((y * frame.Width + x) * 3, 3);
        var off = Math.Max(Math.Max(Math.Abs(pixel[0] - paint.Red), Math.Abs(pixel[1] - paint.Green)), Math.Abs(pixel[2] - paint.Blue));
        Assert.True(off <= 20, $"{paint} became {pixel[0]} {pixel[1]} {pixel[2]} at {x}, {y}, t = {frame.Timestamp}");
    }

    private string PathOf(string folder, string file) => Path.Combine(_folder.FullName, folder, file);

    private byte[] Bytes(string folder, string file) => File.ReadAllBytes(PathOf(folder, file));

    private string[] Names(string folder) => [.. Directory.GetFiles(PathOf(folder, "")).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private JsonElement Json(string folder, string file) => JsonDocument.Parse(Bytes(folder, file)).RootElement;

    private JsonElement[] Lines(string folder, string file) =>
        [.. File.ReadAllLines(PathOf(folder, file)).Select(line => JsonDocument.Parse(line).RootElement)];

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static string Turn(JsonElement sample, int number, string from)
    {
        Assert.Equal(2, sample.GetProperty("conversations").GetArrayLength());
        var turn = sample.GetProperty("conversations")[number];
        Assert.Equal(from, Text(turn, "from"));
        return Text(turn, "value");
    }
}
