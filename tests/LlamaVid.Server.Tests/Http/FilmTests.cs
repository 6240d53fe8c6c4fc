using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Films with subtitles on a long-video checkpoint, in one context: what they need is known before, and it does not matter where the subtitles come from.</summary>
public sealed class FilmTests : IDisposable
{
    private const string Question = "Who speaks?";
    private const int MaxTokens = 8, SecondsPerLine = 3;
    private const int KvBytesPerPosition = 2 * 3 * 64 * sizeof(float);      // keys and values, layers, width: as the checkpoint's config.json has it

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lvfilm");

    [Fact]
    public Task Five_minutes() => AskAsync(frames: 300);

    [Fact(Explicit = true)]
    public Task One_hour() => AskAsync(frames: 3600);

    public void Dispose() => _folder.Delete(recursive: true);

    private async Task AskAsync(int frames)
    {
        var (film, lines) = (await MakeAsync(frames), frames / SecondsPerLine);
        await using var server = await StartAsync();
        server.Http.Timeout = TimeSpan.FromMinutes(30);                         // an hour, on a busy machine
        var upload = await server.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent("vision"), "purpose" }, { new ByteArrayContent(film), "file", "film.mkv" } });
        var id = upload.Json.GetProperty("id").GetString()!;
        string[] requests = [Chat(id, Srt(lines)), Chat(id, Vtt(lines)), Chat(id, subtitles: null)];

        var estimates = await Task.WhenAll(requests.Select(request => server.PostAsync("/v1/estimate", new StringContent(request, null, "application/json"))));
        var answers = new List<Reply>();
        foreach (var request in requests) answers.Add(await server.ChatAsync(request));

        var (usage, video) = (answers[0].Json.GetProperty("usage"), answers[0].Json.GetProperty("video"));
        var positions = usage.GetProperty("prompt_tokens").GetInt32();
        Assert.All(estimates, estimate => Assert.Equal((true, frames, 2 * frames, positions, (positions + MaxTokens) * (long)KvBytesPerPosition), (
            estimate.Json.GetProperty("fits").GetBoolean(), estimate.Json.GetProperty("frames").GetInt32(), estimate.Json.GetProperty("video_tokens").GetInt32(),
            estimate.Json.GetProperty("prompt_tokens").GetInt32(), estimate.Json.GetProperty("kv_bytes").GetInt64())));
        Assert.Equal((frames, lines, 2 * frames), (
            video.GetProperty("frames").GetInt32(), video.GetProperty("captioned_frames").GetInt32(), usage.GetProperty("prompt_tokens_details").GetProperty("video_tokens").GetInt32()));
        Assert.Equal(Enumerable.Range(0, frames).Select(second => (double)second), video.GetProperty("timestamps").EnumerateArray().Select(time => time.GetDouble()));
        Assert.Equal(["given", "given", "track"], answers.Select(answer => answer.Json.GetProperty("video").GetProperty("subtitles").GetProperty("source").GetString()));
        Assert.Equal(["miss", "hit", "hit"], answers.Select(answer => answer.Json.GetProperty("video").GetProperty("feature_cache").GetString()));
        Assert.All(answers, answer => Assert.Equal((usage.GetProperty("prompt_tokens").GetInt32(), Ids(answers[0]), answers[0].Answer), (
            answer.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), Ids(answer), answer.Answer)));
        Assert.Equal(lines, answers[0].Json.GetProperty("prompt_token_ids").EnumerateArray().Count(token => token.GetInt32() == -200));     // frames, a line, frames, a line
        TestContext.Current.TestOutputHelper?.WriteLine($"{frames} frames, {positions} positions, {estimates[0].Json.GetProperty("kv_bytes")} bytes; {answers[0].Json.GetProperty("timings")}");
    }

    private static string Ids(Reply reply) => reply.Json.GetProperty("prompt_token_ids").GetRawText();

    /// <summary>The long-video checkpoint of the goldens, whose context is short so that its goldens are small, with the context of the official one.</summary>
    private async Task<RunningServer> StartAsync()
    {
        var (goldens, model) = (Shared.Path("goldens"), _folder.CreateSubdirectory("long-video"));
        foreach (var file in Directory.GetFiles(Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-full-224-long-video")).Where(file => Path.GetFileName(file) != "config.json"))
            File.CreateSymbolicLink(Path.Combine(model.FullName, Path.GetFileName(file)), file);
        var config = JsonNode.Parse(await File.ReadAllTextAsync(Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-full-224-long-video/config.json"), TestContext.Current.CancellationToken))!;
        config["max_token"] = 65_536;
        await File.WriteAllTextAsync(Path.Combine(model.FullName, "config.json"), config.ToJsonString(), TestContext.Current.CancellationToken);
        return await RunningServer.StartAsync(
            "--Model:Path", model.FullName, "--Model:VisionTower", Path.Combine(goldens, "model_zoo/LAVIS/eva_vit_g.pth"),
            "--Model:TextTokenizer", Path.Combine(goldens, "bert-base-uncased"), "--Model:ImageProcessor", Path.Combine(goldens, "llamavid/processor/clip-patch14-224"));
    }

    /// <summary>A film of one frame per second, with the lines as a track.</summary>
    private async Task<byte[]> MakeAsync(int frames)
    {
        var (srt, film) = (Path.Combine(_folder.FullName, "film.srt"), Path.Combine(_folder.FullName, "film.mkv"));
        await File.WriteAllTextAsync(srt, Srt(frames / SecondsPerLine), new UTF8Encoding(false), TestContext.Current.CancellationToken);
        var (code, _, errors) = await Clips.RunAsync("ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", $"testsrc=size=176x144:rate=1:duration={frames}", "-i", srt,
            "-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast", "-c:s", "copy", film);
        Assert.True(code == 0, errors);
        return await File.ReadAllBytesAsync(film, TestContext.Current.CancellationToken);
    }

    private static string Srt(int lines) => string.Concat(Enumerable.Range(0, lines).Select(i => $"{i + 1}\n{Time(i, 200)} --> {Time(i, 2600)}\n{Line(i)}\n\n"));

    private static string Vtt(int lines) =>
        "WEBVTT\n\n" + string.Concat(Enumerable.Range(0, lines).Select(i => $"{Time(i, 200)} --> {Time(i, 2600)} align:start\n{Line(i)}\n\n".Replace(',', '.')));

    private static string Line(int i) => $"Line {i} is <i>said</i> here";

    private static string Time(int line, int milliseconds) => TimeSpan.FromMilliseconds(line * SecondsPerLine * 1000 + milliseconds).ToString(@"hh\:mm\:ss\,fff", CultureInfo.InvariantCulture);

    /// <param name="subtitles">null: those of the film itself</param>
    private static string Chat(string file, string? subtitles)
    {
        var parts = new JsonArray(
            new JsonObject { ["type"] = "file", ["file"] = new JsonObject { ["file_id"] = file } }, new JsonObject { ["type"] = "text", ["text"] = Question });
        if (subtitles is not null)
            parts.Add(new JsonObject { ["type"] = "subtitles", ["subtitles"] = new JsonObject { ["data"] = subtitles } });
        return new JsonObject
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = parts }),
            ["max_tokens"] = MaxTokens, ["temperature"] = 0, ["return_token_ids"] = true, ["use_subtitles"] = subtitles is null,
        }.ToJsonString();
    }
}
