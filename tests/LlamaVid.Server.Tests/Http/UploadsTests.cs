using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Large files in parts.</summary>
public sealed class UploadsTests(UploadsTests.Served fixture) : IClassFixture<UploadsTests.Served>
{
    private readonly RunningServer _server = fixture.Server;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Parts_cut_anywhere_and_sent_in_any_order_are_one_file(int seed)
    {
        var random = new Random(seed);
        var bytes = Content(random, 200_000);
        var id = await CreateAsync(bytes.Length);
        int[] cuts = [0, .. Enumerable.Range(0, 7).Select(_ => random.Next(1, bytes.Length)).Distinct().Order(), bytes.Length];
        var ids = new string[cuts.Length - 1];
        var order = Enumerable.Range(0, ids.Length).ToArray();
        random.Shuffle(order);
        await Task.WhenAll(order.Select(async i => ids[i] = Id(await AddAsync(id, bytes[cuts[i]..cuts[i + 1]]))));
        await AddAsync(id, bytes[..10]);                                       // one that was sent again because its answer was lost

        var progress = (await _server.GetAsync($"/v1/uploads/{id}")).Json;
        Assert.Equal(("pending", ids.Length + 1), (progress.GetProperty("status").GetString(), progress.GetProperty("parts").GetArrayLength()));
        var done = await CompleteAsync(id, ids, Convert.ToHexString(MD5.HashData(bytes)));
        var again = await CompleteAsync(id, ids);

        Assert.Equal((200, "completed", done.Text), (done.Status, done.Json.GetProperty("status").GetString(), again.Text));
        var file = done.Json.GetProperty("file").GetProperty("id").GetString();
        Assert.Equal(bytes, await _server.Http.GetByteArrayAsync($"/v1/files/{file}/content", TestContext.Current.CancellationToken));
        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(fixture.Folder.FullName, "parts")), path => ids.Contains(Path.GetFileName(path)));
    }

    [Fact]
    public async Task An_upload_has_openais_shape()
    {
        var upload = (await PostAsync("/v1/uploads", """{"filename":"a.mp4","bytes":5,"purpose":"vision","mime_type":"video/mp4","expires_after":{"anchor":"created_at","seconds":3600}}""")).Json;
        Assert.Equal(["id", "bytes", "created_at", "expires_at", "filename", "purpose", "status", "object"], upload.EnumerateObject().Select(field => field.Name));
        var part = (await AddAsync(upload.GetProperty("id").GetString()!, [1])).Json;
        Assert.Equal(["id", "created_at", "upload_id", "bytes", "object"], part.EnumerateObject().Select(field => field.Name));
    }

    [Fact]
    public async Task What_does_not_fit_together_is_refused_and_can_be_mended()
    {
        var bytes = Content(new Random(5), 1000);
        var id = await CreateAsync(bytes.Length);
        var (first, second) = (Id(await AddAsync(id, bytes[..400])), Id(await AddAsync(id, bytes[400..])));

        foreach (var (ids, md5, param) in new (string[], string?, string)[]
        {
            ([first], null, "part_ids"), ([first, first], null, "part_ids"), ([first, "part_0"], null, "part_ids"), ([first, second], new string('0', 32), "md5"),
        })
        {
            var reply = await CompleteAsync(id, ids, md5);
            Assert.Equal((400, param), (reply.Status, reply.Error.GetProperty("param").GetString()));
        }
        Assert.Equal(415, (await CompleteAsync(id, [second, first])).Status);  // its first bytes are those of no video
        Assert.Equal(200, (await CompleteAsync(id, [first, second])).Status);
    }

    [Fact]
    public async Task A_cancelled_upload_leaves_nothing_and_takes_nothing()
    {
        var id = await CreateAsync(1000);
        var part = Id(await AddAsync(id, new byte[500]));
        Assert.Equal("cancelled", (await PostAsync($"/v1/uploads/{id}/cancel", "")).Json.GetProperty("status").GetString());
        Assert.Equal(200, (await PostAsync($"/v1/uploads/{id}/cancel", "")).Status);
        Assert.False(File.Exists(Path.Combine(fixture.Folder.FullName, "parts", part)));
        Assert.All(new[] { await AddAsync(id, [1]), await CompleteAsync(id, [part]) }, reply => Assert.Equal((400, "upload_not_pending"), (reply.Status, reply.Code)));
    }

    [Theory]
    [InlineData("{}", 400, "filename")]
    [InlineData("""{"filename":"a","bytes":0,"purpose":"vision"}""", 400, "bytes")]
    [InlineData("""{"filename":"a","bytes":-1,"purpose":"vision"}""", 400, "bytes")]
    [InlineData("""{"filename":"a","bytes":1e300,"purpose":"vision"}""", 400, "bytes")]
    [InlineData("""{"filename":"a","bytes":600001,"purpose":"vision"}""", 413, "bytes")]
    [InlineData("""{"filename":"a","bytes":1,"purpose":"batch_output"}""", 400, "purpose")]
    [InlineData("""{"filename":7,"bytes":1,"purpose":"vision"}""", 400, "filename")]
    [InlineData("""{"filename":"a","bytes":1,"purpose":"vision","colour":"red"}""", 400, "colour")]
    public async Task Announcements_that_are_wrong(string json, int status, string? param)
    {
        var reply = await PostAsync("/v1/uploads", json);
        Assert.Equal((status, param), (reply.Status, reply.Error.GetProperty("param").GetString()));
    }

    [Theory]
    [InlineData("upload_0")]
    [InlineData("../../etc/passwd")]
    public async Task An_upload_that_is_unknown_is_not_found(string id)
    {
        id = Uri.EscapeDataString(id);
        Assert.All(new[] { await AddAsync(id, [1]), await CompleteAsync(id, ["part_0"]), await PostAsync($"/v1/uploads/{id}/cancel", ""), await _server.GetAsync($"/v1/uploads/{id}") },
            reply => Assert.Equal(404, reply.Status));
    }

    [Fact]
    public async Task Bodies_of_parts_that_are_wrong()
    {
        var id = await CreateAsync(1000);
        Assert.Equal("'data' is empty.", (await AddAsync(id, [])).Error.GetProperty("message").GetString());
        Assert.Equal("unknown_parameter", (await PostAsync($"/v1/uploads/{id}/parts", new MultipartFormDataContent { { new StringContent("x"), "data" } })).Code);
        Assert.Equal("unknown_parameter", (await PostAsync($"/v1/uploads/{id}/parts", new MultipartFormDataContent { { new ByteArrayContent([1]), "file", "a" } })).Code);
        Assert.Equal(415, (await PostAsync($"/v1/uploads/{id}/parts", "{}")).Status);
        Assert.Equal(0, (await _server.GetAsync($"/v1/uploads/{id}")).Json.GetProperty("parts").GetArrayLength());
        await PostAsync($"/v1/uploads/{id}/cancel", "");
    }

    [Fact]
    public async Task Uploads_that_are_begun_and_not_ended_are_limited()
    {
        await using var server = await RunningServer.StartAsync("--Files:MaxPendingUploads", "2");
        const string Announced = """{"filename":"a","bytes":5,"purpose":"vision"}""";
        var statuses = new List<int>();
        for (var i = 0; i < 3; i++) statuses.Add((await server.PostAsync("/v1/uploads", new StringContent(Announced, null, "application/json"))).Status);
        Assert.Equal([200, 200, 413], statuses);
    }

    internal static byte[] Content(Random random, int size)
    {
        var bytes = new byte[size];
        random.NextBytes(bytes);
        Clips.Bytes.AsSpan(0, Math.Min(size, Clips.Bytes.Length)).CopyTo(bytes);
        random.NextBytes(bytes.AsSpan(Math.Min(size - 8, Clips.Bytes.Length)));
        return bytes;
    }

    private async Task<string> CreateAsync(int bytes) => Id(await PostAsync("/v1/uploads", $$"""{"filename":"../a.mp4","bytes":{{bytes}},"purpose":"vision"}"""));

    private Task<Reply> AddAsync(string id, byte[] bytes) => PostAsync($"/v1/uploads/{id}/parts", new MultipartFormDataContent { { new ByteArrayContent(bytes), "data", "part" } });

    private Task<Reply> CompleteAsync(string id, string[] parts, string? md5 = null) =>
        PostAsync($"/v1/uploads/{id}/complete", JsonSerializer.Serialize(md5 is null ? new { part_ids = parts } : (object)new { part_ids = parts, md5 }));

    private Task<Reply> PostAsync(string path, string json) => PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    private Task<Reply> PostAsync(string path, HttpContent content) => _server.PostAsync(path, content);

    private static string Id(Reply reply) => reply.Json.GetProperty("id").GetString()!;

    /// <summary>A server with small limits.</summary>
    public sealed class Served : IAsyncLifetime
    {
        public DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("lv");
        public RunningServer Server { get; private set; } = null!;

        public async ValueTask InitializeAsync() => Server = await RunningServer.StartAsync("--Files:Path", Folder.FullName, "--Media:MaxBytes", "600000");

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Folder.Delete(recursive: true);
        }
    }
}
