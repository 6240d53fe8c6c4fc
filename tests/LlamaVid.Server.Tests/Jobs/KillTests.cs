using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>The server's process, killed without warning while it takes uploads, runs jobs and streams: nothing acknowledged is lost, nothing ends twice, nothing stays behind.</summary>
public sealed partial class KillTests : IDisposable
{
    private const int JobsPerKill = 10, KillsPerBatch = 5, LinesPerBatch = 3;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly JobsFolder _folder = new();
    private readonly DirectoryInfo _temporary = Directory.CreateTempSubdirectory("lvk");
    private readonly SemaphoreSlim _acknowledged = new(0), _seenToEnd = new(0);
    private readonly ConcurrentDictionary<string, string> _accepted = [];   // job → the seed it was sent with
    private readonly ConcurrentQueue<string> _order = [];                   // the same jobs as they were accepted, which is how they run
    private readonly ConcurrentDictionary<string, string> _ends = [];       // job → the first result that was seen
    private readonly ConcurrentQueue<string> _batches = [];

    [Fact]
    public Task Killed_eight_times_at_random_moments() => KilledAsync(times: 8, seed: 1);

    [Fact(Explicit = true)]
    public Task Killed_a_hundred_times_at_random_moments() => KilledAsync(times: 100, seed: 2);

    [Fact]
    public async Task A_job_under_which_the_server_ends_again_and_again_is_given_up()
    {
        await using var video = await HeldVideo.StartAsync();
        string id = "";
        for (var start = 0; start < 2; start++)
        {
            using var doomed = await StartAsync("--Jobs:MaxAttempts", "2");
            if (start == 0)
                id = (await AcceptedAsync(doomed.Http, JsonContent.Create(JsonElement.Parse(JobsFolder.Body(url: video.Url))), "chat/completions"))!;
            while ((await doomed.Http.GetFromJsonAsync<JsonElement>($"/v1/jobs/{id}", TestContext.Current.CancellationToken)).GetProperty("attempts").GetInt32() <= start)
                await Task.Yield();
        }
        using var last = await StartAsync("--Jobs:MaxAttempts", "2");
        var job = await EndedAsync(last.Http, id);
        Assert.Equal(("failed", "job_abandoned"), (JobsFolder.Status(job), job.GetProperty("error").GetProperty("code").GetString()));
        Assert.Empty(_folder.Requests);
    }

    public void Dispose()
    {
        _acknowledged.Dispose();
        _seenToEnd.Dispose();
        _folder.Dispose();
        _temporary.Delete(recursive: true);
    }

    private async Task KilledAsync(int times, int seed)
    {
        var random = new Random(seed);
        for (var kill = 0; kill < times; kill++)
        {
            using var server = await StartAsync();
            using var end = new CancellationTokenSource();
            while (_acknowledged.Wait(0) || _seenToEnd.Wait(0)) { }         // those of the process before
            Task[] clients =
            [
                UploadAsync(server.Http, kill, end.Token), NameAsync(server.Http, kill, end.Token), AskAsync(server.Http, kill, end.Token), BatchAsync(server.Http, kill, end.Token),
                StreamAsync(server.Http, end.Token), WatchAsync(server.Http, end.Token),
            ];
            if (random.Next(4) is var what and > 0)                         // else perhaps while it still starts
                await (what == 1 && kill > 0 ? _seenToEnd : _acknowledged).WaitAsync(Patience, TestContext.Current.CancellationToken);
            await Task.Delay(random.Next(random.Next(4) == 0 ? 3000 : 600), TestContext.Current.CancellationToken);
            server.Kill();
            await end.CancelAsync();
            await Task.WhenAll(clients);
        }

        using var last = await StartAsync();
        Assert.NotEmpty(_accepted);
        var answers = new Dictionary<string, string>();
        foreach (var (id, kind) in _accepted)
        {
            var job = await EndedAsync(last.Http, id);
            Assert.Equal("completed", JobsFolder.Status(job));
            if (_ends.TryGetValue(id, out var seen)) Assert.Equal(seen, job.GetProperty("result").GetRawText());
            if (!answers.TryGetValue(kind, out var answer)) answers[kind] = answer = JobsFolder.Answer(job);
            Assert.Equal(answer, JobsFolder.Answer(job));                   // the same request with the same seed, whenever it ran and however often it was begun
        }
        foreach (var id in _batches)
        {
            var batch = await BatchEndedAsync(last.Http, id);
            Assert.Equal(("completed", LinesPerBatch), (JobsFolder.Status(batch), batch.GetProperty("request_counts").GetProperty("completed").GetInt32()));
        }
        Assert.NotEmpty(_ends);
        await Deadline.Until(() => _folder.Requests.Length == 0);           // some were taken whose clients never heard of it
        await Deadline.Until(() => Directory.GetFiles(Path.Combine(_folder.Path, "named")).Length == 0);
        Assert.Empty(_temporary.EnumerateFileSystemInfos());
        var kept = (await last.Http.GetFromJsonAsync<JsonElement>("/v1/jobs?limit=100", TestContext.Current.CancellationToken)).GetProperty("data").GetArrayLength();
        TestContext.Current.TestOutputHelper?.WriteLine($"{_accepted.Count} jobs and {_batches.Count} batches acknowledged, {_ends.Count} jobs seen to end before a kill, {kept} on the first page");
    }

    private Task UploadAsync(HttpClient http, int kill, CancellationToken end) => RepeatAsync(async () =>
    {
        await RoomAsync(kill, end);
        var question = $"What happens{new string('?', kill % 3)}";
        if (await AcceptedAsync(http, Clips.Form(Clips.Bytes, ("background", "true"), ("question", question), ("max_tokens", "24"), ("seed", "7")), "ask", end) is { } id)
            Acknowledge(id, question);
    }, end);

    /// <summary>A file that is uploaded, named by a job, and deleted as soon as the job is taken.</summary>
    private Task NameAsync(HttpClient http, int kill, CancellationToken end) => RepeatAsync(async () =>
    {
        await RoomAsync(kill, end);
        var file = await UploadedAsync(http, Clips.Bytes, "vision", end);
        var body = JsonContent.Create(new { file_id = file, question = "What happens?", background = true, max_tokens = 24, seed = 7 });
        if (await AcceptedAsync(http, body, "ask", end) is { } id)
            Acknowledge(id, "named");
        await DeleteAsync(http, file, end);
    }, end);

    /// <summary>A batch over files that are deleted as soon as it is taken, now and then.</summary>
    private Task BatchAsync(HttpClient http, int kill, CancellationToken end) => RepeatAsync(async () =>
    {
        while (_batches.Count > kill / KillsPerBatch) await Task.Delay(20, end);
        var video = await UploadedAsync(http, Clips.Bytes, "vision", end);
        var chat = $$$"""{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"{{{video}}}"}},{"type":"text","text":"What?"}]}],"max_tokens":4}""";
        var input = await UploadedAsync(http, Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, LinesPerBatch).Select(i => BatchTests.Line($"{i}", chat)))), "batch", end);
        using var created = await http.PostAsync("/v1/batches", new StringContent(BatchTests.Order(input), null, "application/json"), end);
        if (!created.IsSuccessStatusCode) return;                           // it still loads
        _batches.Enqueue((await created.Content.ReadFromJsonAsync<JsonElement>(end)).GetProperty("id").GetString()!);
        await DeleteAsync(http, input, end);
        await DeleteAsync(http, video, end);
    }, end);

    private static async Task<string> UploadedAsync(HttpClient http, byte[] bytes, string purpose, CancellationToken end)
    {
        using var form = new MultipartFormDataContent { { new StringContent(purpose), "purpose" }, { new ByteArrayContent(bytes), "file", "a" } };
        using var uploaded = await http.PostAsync("/v1/files", form, end);
        return (await uploaded.Content.ReadFromJsonAsync<JsonElement>(end)).GetProperty("id").GetString()!;
    }

    private static async Task DeleteAsync(HttpClient http, string file, CancellationToken end)
    {
        using var deleted = await http.DeleteAsync($"/v1/files/{file}", end);
        Assert.Equal(200, (int)deleted.StatusCode);
    }

    private Task AskAsync(HttpClient http, int kill, CancellationToken end) => RepeatAsync(async () =>
    {
        await RoomAsync(kill, end);
        var seed = $"{kill % 2}";
        var body = JsonContent.Create(JsonElement.Parse(JobsFolder.Body($"\"max_tokens\":24,\"temperature\":1,\"seed\":{seed}")));
        if (await AcceptedAsync(http, body, "chat/completions", end) is { } id)
            Acknowledge(id, seed);
    }, end);

    /// <summary>Waits while enough jobs have been taken: what is left in the end has to be worked off.</summary>
    private async Task RoomAsync(int kill, CancellationToken end)
    {
        while (_accepted.Count >= JobsPerKill * (kill + 1)) await Task.Delay(20, end);
    }

    private void Acknowledge(string id, string kind)
    {
        _accepted[id] = kind;
        _order.Enqueue(id);
        _acknowledged.Release();
    }

    private static Task StreamAsync(HttpClient http, CancellationToken end) => RepeatAsync(async () =>
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = JsonContent.Create(JsonElement.Parse(Clips.Chat("\"stream\":true,\"max_tokens\":24"))) };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end);
        await response.Content.CopyToAsync(Stream.Null, end);
    }, end);

    /// <summary>Looks whether the oldest job that was not seen to end has ended, and remembers how.</summary>
    private Task WatchAsync(HttpClient http, CancellationToken end) => RepeatAsync(async () =>
    {
        if (_order.FirstOrDefault(id => !_ends.ContainsKey(id)) is not { } oldest)
        {
            await Task.Delay(20, end);
            return;
        }
        var job = await http.GetFromJsonAsync<JsonElement>($"/v1/jobs/{oldest}?wait=1", end);
        if (!job.TryGetProperty("result", out var result)) return;
        _ends[oldest] = result.GetRawText();
        _seenToEnd.Release();
    }, end);

    private static async Task RepeatAsync(Func<Task> work, CancellationToken end)
    {
        try
        {
            while (!end.IsCancellationRequested) await work();
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            // The server is gone.
        }
    }

    private static async Task<string?> AcceptedAsync(HttpClient http, HttpContent content, string route, CancellationToken? end = null)
    {
        using var response = await http.PostAsync($"/v1/{route}", content, end ?? TestContext.Current.CancellationToken);
        if ((int)response.StatusCode == 503) return null;                   // it still loads
        Assert.Equal(202, (int)response.StatusCode);
        return (await response.Content.ReadFromJsonAsync<JsonElement>(end ?? TestContext.Current.CancellationToken)).GetProperty("id").GetString();
    }

    private static async Task<JsonElement> EndedAsync(HttpClient http, string id)
    {
        while (true)
        {
            var job = await http.GetFromJsonAsync<JsonElement>($"/v1/jobs/{id}?wait=30", TestContext.Current.CancellationToken);
            if (job.TryGetProperty("ended_at", out _)) return job;
        }
    }

    private static async Task<JsonElement> BatchEndedAsync(HttpClient http, string id)
    {
        JsonElement batch = default;
        using var late = new CancellationTokenSource(5 * Patience);
        while (!(batch = await http.GetFromJsonAsync<JsonElement>($"/v1/batches/{id}", late.Token)).TryGetProperty("completed_at", out _)) await Task.Delay(20, late.Token);
        return batch;
    }

    private async Task<Doomed> StartAsync(params string[] args) => await Doomed.StartAsync([
        "--Model:Path", Repository.TinyModel, "--Model:Dtype", "float32", "--urls", "http://127.0.0.1:0", "--Jobs:Path", _folder.Path, "--Jobs:MaxAttempts", "1000",
        "--Media:TempDirectory", _temporary.FullName, "--Files:Path", Path.Combine(_folder.Path, "uploaded"), "--Jobs:MaxPerOwner", "100000", "--Jobs:MaxRunning", "2", .. HeldVideo.Allowed, .. args]);

    /// <summary>The server as a process of its own, which is not asked before it ends.</summary>
    private sealed partial class Doomed : IDisposable
    {
        private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "LlamaVid.Server.dll");

        private readonly Process _process;

        private Doomed(Process process, Uri url) => (_process, Http) = (process, new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(2) });

        public HttpClient Http { get; }

        public static async Task<Doomed> StartAsync(string[] args)
        {
            var process = Process.Start(new ProcessStartInfo("dotnet", [Program, .. args]) { RedirectStandardOutput = true })!;
            var told = new List<string>();
            while (await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
            {
                told.Add(line);
                if (Listening().Match(line) is not { Success: true } match) continue;
                _ = process.StandardOutput.ReadToEndAsync();               // whoever does not listen blocks it
                return new(process, new(match.Groups[1].Value));
            }
            throw new InvalidOperationException($"The server does not start: {string.Join('\n', told)}");
        }

        public void Kill()
        {
            _process.Kill();
            _process.WaitForExit();
        }

        public void Dispose()
        {
            Http.Dispose();
            if (!_process.HasExited) Kill();
            _process.Dispose();
        }

        [GeneratedRegex(@"Now listening on: (http://\S+)")]
        private static partial Regex Listening();
    }
}
