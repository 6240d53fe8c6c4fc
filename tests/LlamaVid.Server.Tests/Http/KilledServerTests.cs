using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>A server that is killed in the middle of uploads, again and again: nothing is lost that was acknowledged, and nothing is left over.</summary>
public sealed partial class KilledServerTests : IDisposable
{
    private const int Rounds = 4, Announced = 3_000_000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lv");

    [Fact]
    public async Task Nothing_is_lost_and_nothing_is_left_over()
    {
        var random = new Random(7);
        var large = UploadsTests.Content(random, Announced);
        var files = new Dictionary<string, byte[]>();
        var parts = new SortedDictionary<int, (int End, string Id)>();           // by where they begin
        string? upload = null;

        for (var round = 0; round < Rounds; round++)
        {
            using var server = await ServerProcess.StartAsync(_folder.FullName);
            upload ??= (await server.PostAsync("/v1/uploads", new StringContent($$"""{"filename":"a","bytes":{{Announced}},"purpose":"vision"}""", null, "application/json")))!.Value.GetProperty("id").GetString()!;
            var left = random.Next(4, 12);                                       // acknowledged before the end comes
            await Task.WhenAll(UploadFilesAsync(server, new Random(random.Next())), UploadFilesAsync(server, new Random(random.Next())), UploadPartsAsync(server, new Random(random.Next())));

            async Task UploadFilesAsync(ServerProcess server, Random own)
            {
                var bytes = UploadsTests.Content(own, own.Next(3000, 1_000_000));
                while (await server.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent("vision"), "purpose" }, { new ByteArrayContent(bytes), "file", "a" } }) is { } file)
                {
                    lock (files) files[file.GetProperty("id").GetString()!] = SHA256.HashData(bytes);
                    if (Interlocked.Decrement(ref left) == 0) server.Kill();
                    bytes = UploadsTests.Content(own, own.Next(3000, 1_000_000));
                }
            }

            async Task UploadPartsAsync(ServerProcess server, Random own)
            {
                var begin = parts.Count == 0 ? 0 : parts.Values.Last().End;
                while (begin < Announced)
                {
                    var end = Math.Min(Announced, begin + own.Next(1, 200_000));
                    if (await server.PostAsync($"/v1/uploads/{upload}/parts", new MultipartFormDataContent { { new ByteArrayContent(large[begin..end]), "data", "a" } }) is not { } part) return;
                    parts[begin] = (end, part.GetProperty("id").GetString()!);
                    begin = end;
                    if (Interlocked.Decrement(ref left) == 0) server.Kill();
                }
                if (Interlocked.Decrement(ref left) <= 0) server.Kill();
            }
        }

        using var last = await ServerProcess.StartAsync(_folder.FullName);
        Assert.True(files.Count >= Rounds);
        foreach (var (id, hash) in files)
            Assert.Equal(hash, SHA256.HashData(await last.Http.GetByteArrayAsync($"/v1/files/{id}/content", TestContext.Current.CancellationToken)));
        var listed = (await last.GetAsync($"/v1/uploads/{upload}")).GetProperty("parts").EnumerateArray().Select(part => part.GetProperty("id").GetString()!).ToArray();
        Assert.Subset(listed.ToHashSet(), parts.Values.Select(part => part.Id).ToHashSet());
        Assert.Equal(listed.Order(), Names("parts"));
        Assert.Empty(Names("incoming"));
        Assert.Equal((await HashesAsync(last)).Order(), Names("bytes"));

        for (var begin = parts.Count == 0 ? 0 : parts.Values.Last().End; begin < Announced; begin = parts.Values.Last().End)
        {
            var end = Math.Min(Announced, begin + 500_000);
            parts[begin] = (end, (await last.PostAsync($"/v1/uploads/{upload}/parts", new MultipartFormDataContent { { new ByteArrayContent(large[begin..end]), "data", "a" } }))!.Value.GetProperty("id").GetString()!);
        }
        var body = JsonSerializer.Serialize(new { part_ids = parts.Values.Select(part => part.Id), md5 = Convert.ToHexString(MD5.HashData(large)) });
        var done = (await last.PostAsync($"/v1/uploads/{upload}/complete", new StringContent(body, null, "application/json")))!.Value;
        Assert.Equal(large, await last.Http.GetByteArrayAsync($"/v1/files/{done.GetProperty("file").GetProperty("id").GetString()}/content", TestContext.Current.CancellationToken));
        Assert.Empty(Names("parts"));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string[] Names(string folder) => [.. Directory.GetFiles(Path.Combine(_folder.FullName, folder)).Select(path => Path.GetFileName(path)!).Order()];

    /// <summary>Of everything the server knows, what it did not come to acknowledge included.</summary>
    private static async Task<HashSet<string>> HashesAsync(ServerProcess server)
    {
        var hashes = new HashSet<string>();
        foreach (var file in (await server.GetAsync("/v1/files")).GetProperty("data").EnumerateArray())
            hashes.Add(Convert.ToHexStringLower(SHA256.HashData(await server.Http.GetByteArrayAsync($"/v1/files/{file.GetProperty("id").GetString()}/content", TestContext.Current.CancellationToken))));
        return hashes;
    }

    /// <summary>The program itself in a process of its own, which can be killed.</summary>
    private sealed partial class ServerProcess : IDisposable
    {
        private readonly Process _process;

        private ServerProcess(Process process, Uri address) => (_process, Http) = (process, new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromMinutes(1) });

        public HttpClient Http { get; }

        public static async Task<ServerProcess> StartAsync(string folder)
        {
            var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
            foreach (var arg in (string[])[Path.Combine(AppContext.BaseDirectory, "LlamaVid.Server.dll"), "--Model:Path", Repository.TinyModel, "--urls", "http://127.0.0.1:0", "--Files:Path", folder])
                start.ArgumentList.Add(arg);
            var process = Process.Start(start)!;
            while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                if (Listening().Match(line) is not { Success: true } match) continue;
                _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                return new(process, new(match.Groups[1].Value));
            }
            throw new InvalidOperationException($"The server ended with {process.ExitCode}.");
        }

        public void Kill() => _process.Kill();

        /// <returns>Null when the server died meanwhile.</returns>
        public async Task<JsonElement?> PostAsync(string path, HttpContent content)
        {
            try
            {
                using var response = await Http.PostAsync(path, content, TestContext.Current.CancellationToken);
                var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
                Assert.True(response.IsSuccessStatusCode, text);
                return JsonElement.Parse(text);
            }
            catch (HttpRequestException)
            {
                return null;
            }
        }

        public async Task<JsonElement> GetAsync(string path) => JsonElement.Parse(await Http.GetStringAsync(path, TestContext.Current.CancellationToken));

        public void Dispose()
        {
            if (!_process.HasExited) _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            Http.Dispose();
        }

        [GeneratedRegex(@"Now listening on: (http://\S+)")]
        private static partial Regex Listening();
    }
}
