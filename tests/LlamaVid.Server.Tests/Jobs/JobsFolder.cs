using System.Text.Json;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>A folder for jobs, and what a client does with them.</summary>
internal sealed class JobsFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lvj");

    public string Path => _folder.FullName;

    public string[] Requests => Directory.GetDirectories(System.IO.Path.Combine(Path, "requests"));

    public Task<RunningServer> StartAsync(params string[] args) => RunningServer.StartAsync(["--Jobs:Path", Path, .. args]);

    /// <summary>A question in the background that is answered at once.</summary>
    public static string Body(string more = "\"max_tokens\":12,\"temperature\":0", string? url = null) => Clips.Chat($"\"background\":true,{more}", url);

    public static async Task<string> AcceptedAsync(RunningServer server, string body)
    {
        var reply = await server.ChatAsync(body);
        Assert.Equal((202, "queued"), (reply.Status, reply.Json.GetProperty("status").GetString()));
        var id = reply.Json.GetProperty("id").GetString()!;
        Assert.Equal($"/v1/jobs/{id}", reply.Headers["Location"]);
        return id;
    }

    /// <summary>The job when it has ended.</summary>
    public static async Task<JsonElement> EndedAsync(RunningServer server, string id)
    {
        while (true)
        {
            var job = (await server.GetAsync($"/v1/jobs/{id}?wait=30")).Json;
            if (job.TryGetProperty("ended_at", out _))
                return job;
        }
    }

    public static string Status(JsonElement job) => job.GetProperty("status").GetString()!;

    public static string Answer(JsonElement job) =>
        job.GetProperty("result").GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;

    public void Dispose() => _folder.Delete(recursive: true);
}
