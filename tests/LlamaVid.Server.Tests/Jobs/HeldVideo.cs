using LlamaVid.Server.Tests.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>A web server on loopback whose video does not come until it is released: who asks about it is busy for as long as a test wants.</summary>
internal sealed class HeldVideo : IAsyncDisposable
{
    /// <summary>What a server needs to fetch from here.</summary>
    public static readonly string[] Allowed = ["--Media:AllowHttp", "true", "--Media:AllowPrivateAddresses", "true"];

    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication _app = null!;
    private int _times;

    public string Url => _app.Urls.First() + "/held.mp4";

    /// <summary>Completes when somebody waits for the video.</summary>
    public Task Asked => _asked.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);

    /// <summary>How often somebody has asked for it.</summary>
    public int Times => Volatile.Read(ref _times);

    public static async Task<HeldVideo> StartAsync()
    {
        var held = new HeldVideo();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        held._app = builder.Build();
        held._app.MapGet("/held.mp4", async (HttpContext context) =>
        {
            Interlocked.Increment(ref held._times);
            held._asked.TrySetResult();
            await held._released.Task.WaitAsync(context.RequestAborted);
            return Results.Bytes(Clips.Bytes, "video/mp4");
        });
        await held._app.StartAsync();
        return held;
    }

    public void Release() => _released.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Release();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
