using System.Net.Http.Json;
using System.Text.Json;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Hosting;
using LlamaVid.Tests;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LlamaVid.Server.Tests.Http;

/// <summary>The whole server on a port of its own, with a real checkpoint, loaded.</summary>
public sealed class RunningServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly DirectoryInfo _files;

    private RunningServer(WebApplication app, DirectoryInfo files, Uri address) =>
        (_app, _files, Address, Http) = (app, files, address, new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, ResponseDrainTimeout = TimeSpan.Zero }) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(2) });

    public Uri Address { get; }
    public HttpClient Http { get; }
    internal IHostApplicationLifetime Lifetime => _app.Lifetime;
    internal T Part<T>() where T : notnull => _app.Services.GetRequiredService<T>();
    internal EngineHost Engine => _app.Services.GetRequiredService<EngineHost>();

    public static async Task<RunningServer> StartAsync(params string[] args)
    {
        var files = Directory.CreateTempSubdirectory("lvfiles");
        var app = LlamaVidApp.Build([
            "--Files:Path", files.FullName,
            "--Model:Path", Repository.TinyModel, "--Model:Dtype", "float32", "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default", "Fatal",
            "--Serilog:MinimumLevel:Override:Microsoft.Hosting.Lifetime", "Fatal", .. args]);
        await app.StartAsync();
        var server = new RunningServer(app, files, new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()));
        await server.Engine.Loaded;
        return server.Engine.Failure is { } failure ? throw failure : server;
    }

    public Task<Reply> ChatAsync(string json) => PostAsync("/v1/chat/completions", new StringContent(json, null, "application/json"));

    public async Task<Reply> PostAsync(string path, HttpContent content)
    {
        using var response = await Http.PostAsync(path, content, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    public async Task<Reply> GetAsync(string path)
    {
        using var response = await Http.GetAsync(path, TestContext.Current.CancellationToken);
        return await Reply.OfAsync(response);
    }

    /// <returns>an answer that goes on until it is disposed</returns>
    public async Task<HttpResponseMessage> StreamAsync(string? key = null)
    {
        const string Endless = """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1500,"temperature":1,"seed":5,"stop":"@never@","stream":true}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(Endless, null, "application/json") };
        if (key is not null) request.Headers.Authorization = new("Bearer", key);
        var response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        return response;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _files.Delete(recursive: true);
    }
}

/// <summary>One server with the embedded model for every test that changes nothing about it.</summary>
[CollectionDefinition(nameof(DefaultServer))]
public sealed class DefaultServerTests : ICollectionFixture<DefaultServer>;

public sealed class DefaultServer : IAsyncLifetime
{
    public RunningServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await RunningServer.StartAsync("--Media:AllowHttp", "true");

    public ValueTask DisposeAsync() => Server?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>An answer as it came over the wire.</summary>
public sealed record Reply(int Status, string ContentType, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Json => JsonElement.Parse(Text);

    public string Answer => Json.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;

    public JsonElement Error => Json.GetProperty("error");

    public string? Code => Error.GetProperty("code").GetString();

    public static async Task<Reply> OfAsync(HttpResponseMessage response) => new(
        (int)response.StatusCode, response.Content.Headers.ContentType?.ToString() ?? "", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
        response.Headers.ToDictionary(header => header.Key, header => string.Join(',', header.Value), StringComparer.OrdinalIgnoreCase));
}
