using System.Net.Http.Headers;
using LlamaVid.Server.Security;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>Keys for tests, and the options that make a server know them.</summary>
internal sealed class Keys
{
    private readonly List<string> _options = [];
    private int _count;

    public string[] Options => [.. _options];

    public string Add(string name, params (string Option, string Value)[] more)
    {
        var key = ApiKey.New();
        foreach (var (option, value) in ((string, string)[])[("Name", name), ("Sha256", HashOf(key)), .. more])
            _options.AddRange([$"--Security:Keys:{_count}:{option}", value]);
        _count++;
        return key;
    }

    public static string HashOf(string key) => Convert.ToHexStringLower(ApiKey.HashOf(key));

    public static async Task<Reply> AskAsync(RunningServer server, string method, string path, string? key, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(new(method), path) { Content = content };
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    public static Task<Reply> ChatAsync(RunningServer server, string? key) =>
        AskAsync(server, "POST", "/v1/chat/completions", key, new StringContent("""{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1}""", null, "application/json"));
}
