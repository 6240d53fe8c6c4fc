using System.Collections.Concurrent;
using LlamaVid.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Real files, ordinary, broken and hostile, in every shape in which a message holds a video: each is answered or refused as documented, and the shape makes no difference.</summary>
public sealed class RealFilesTests
{
    private const string Sampling = "\"max_frames\":2,\"end\":8";       // an hour need not be decoded to its end twelve times

    private static readonly string[] Documented =
    [
        "415 unsupported_media", "422 video_unreadable", "422 video_fetch_failed", "422 video_too_long", "422 video_too_large",
    ];

    /// <summary>Three shapes for each file, other ones for the next: all of them come up many times.</summary>
    [Fact]
    public Task Every_file_in_some_shapes_and_every_shape_with_some_files() => AskAboutAllAsync(shapesOfEach: 3);

    [Fact(Explicit = true)]
    public Task Every_file_in_every_shape() => AskAboutAllAsync(int.MaxValue);

    private static async Task AskAboutAllAsync(int shapesOfEach)
    {
        var folder = Shared.Path("assets/videos");
        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).Length > 0).Order(StringComparer.Ordinal)];
        await using var web = await ServeAsync(files);
        await using var server = await RunningServer.StartAsync("--Media:AllowHttp", "true", "--Media:AllowPrivateAddresses", "true");
        var outcomes = new ConcurrentDictionary<string, IReadOnlyDictionary<string, string>>();

        await Parallel.ForEachAsync(files.Index(), new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = TestContext.Current.CancellationToken }, async (file, _) =>
        {
            var shapes = await ShapesAsync(server, file.Item, $"{web.Urls.First()}/{file.Index}");
            var found = new Dictionary<string, string>();
            foreach (var shape in Enumerable.Range(0, Math.Min(shapesOfEach, shapes.Length)).Select(i => shapes[(file.Index + i * 4) % shapes.Length]))
                found[shape.Name] = Outcome(await shape.Ask());
            outcomes[Path.GetRelativePath(folder, file.Item)] = found;
        });

        Assert.All(outcomes, file => Assert.All(file.Value, shape => Assert.True(
            shape.Value.StartsWith("200 ", StringComparison.Ordinal) || Documented.Contains(shape.Value), $"{file.Key} as {shape.Key}: {shape.Value}")));
        Assert.All(outcomes, file => Assert.True(file.Value.Values.Distinct().Count() == 1, $"{file.Key}: {string.Join("; ", file.Value.Select(shape => $"{shape.Key}: {shape.Value}"))}"));
        Assert.InRange(outcomes.Count(file => file.Value.Values.First().StartsWith("200 ", StringComparison.Ordinal)), files.Length / 2, files.Length);
    }

    private static async Task<(string Name, Func<Task<Reply>> Ask)[]> ShapesAsync(RunningServer server, string path, string url)
    {
        var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var base64 = Convert.ToBase64String(bytes);
        var data = $"data:video/mp4;base64,{base64}";
        return
        [
            ("video_url, address", () => server.ChatAsync(Chat($$$"""{"type":"video_url","video_url":{"url":"{{{url}}}"}}"""))),
            ("video_url, data", () => server.ChatAsync(Chat($$$"""{"type":"video_url","video_url":{"url":"{{{data}}}"}}"""))),
            ("file, id", () => UploadedAsync(id => server.ChatAsync(Chat($$$"""{"type":"file","file":{"file_id":"{{{id}}}"}}""")))),
            ("ask, form", () => server.PostAsync("/v1/ask", Form(new ByteArrayContent(bytes), "video"))),
            ("input_video, address", () => server.ChatAsync(Chat($$$"""{"type":"input_video","input_video":{"url":"{{{url}}}"}}"""))),
            ("video_url, bare", () => server.ChatAsync(Chat($$$"""{"type":"video_url","video_url":"{{{data}}}"}"""))),
            ("input_video, id", () => UploadedAsync(id => server.ChatAsync(Chat($$$"""{"type":"input_video","input_video":{"file_id":"{{{id}}}"}}""")))),
            ("input_video, data", () => server.ChatAsync(Chat($$$"""{"type":"input_video","input_video":{"data":"{{{base64}}}"}}"""))),
            ("video, address", () => server.ChatAsync(Chat($$$"""{"type":"video","video":"{{{url}}}"}"""))),
            ("file, data", () => server.ChatAsync(Chat($$$"""{"type":"file","file":{"file_data":"{{{data}}}"}}"""))),
            ("ask, id", () => UploadedAsync(id => server.PostAsync("/v1/ask", Form(new StringContent(id), "file_id")))),
            ("image_url, data", () => server.ChatAsync(Chat($$$"""{"type":"image_url","image_url":{"url":"{{{data}}}"}}"""))),
            ("ask, address", () => server.PostAsync("/v1/ask", new StringContent($$$"""{"question":"What?","max_tokens":1,{{{Sampling}}},"video_url":"{{{url}}}"}""", null, "application/json"))),
        ];

        async Task<Reply> UploadedAsync(Func<string, Task<Reply>> ask)
        {
            var upload = await server.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent("vision"), "purpose" }, { new ByteArrayContent(bytes), "file", "clip.mp4" } });
            return upload.Status == 200 ? await ask(upload.Json.GetProperty("id").GetString()!) : upload;
        }
    }

    private static string Chat(string part) => $$$"""{"messages":[{"role":"user","content":[{{{part}}},{"type":"text","text":"What?"}]}],"max_tokens":1,{{{Sampling}}}}""";

    private static MultipartFormDataContent Form(HttpContent media, string name)
    {
        var form = new MultipartFormDataContent { { new StringContent("What?"), "question" }, { new StringContent("1"), "max_tokens" }, { new StringContent("2"), "max_frames" }, { new StringContent("8"), "end" } };
        if (media is ByteArrayContent and not StringContent) form.Add(media, name, "clip.mp4");
        else form.Add(media, name);
        return form;
    }

    private static string Outcome(Reply reply) => reply.Status == 200
        ? $"200 {reply.Json.GetProperty("video").GetProperty("timestamps")}"
        : $"{reply.Status} {reply.Code}";

    private static async Task<WebApplication> ServeAsync(string[] files)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapGet("/{index:int}", (int index) => Results.File(files[index]));
        await app.StartAsync();
        return app;
    }
}
