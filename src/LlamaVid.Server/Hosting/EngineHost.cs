using LlamaVid.Engine;
using LlamaVid.Model;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Features.Health;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Hosting;

/// <summary>The engine's life: its model is loaded once the socket is open; a checkpoint that cannot be loaded, or a loop that fails, ends the process.</summary>
internal sealed class EngineHost(
    GenerationEngine engine, IOptions<ModelOptions> model, IOptions<ServerOptions> server, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<EngineHost> logger) : IHostedService
{
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string ModelName { get; } = model.Value.ServedName();

    public GenerationEngine Engine { get; } = engine;

    /// <summary>What the same seed gives the same answer with, once the model is loaded.</summary>
    public string Fingerprint => $"fp_{VersionNumber.Served.Version}_{Engine.Card?.Dtype}";

    /// <summary>Completes when loading is over, well or badly.</summary>
    public Task Loaded => _loaded.Task;

    /// <summary>Why the model could not be loaded, or why it serves no more.</summary>
    public Exception? Failure { get; private set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(() => _ = RunAsync());
        lifetime.ApplicationStopping.Register(() => _ = DrainAsync());
        return Task.CompletedTask;
    }

    /// <summary>The engine ends when the container disposes it, after the last connection.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async Task RunAsync()
    {
        var begun = time.GetTimestamp();
        Log.Loading(logger, ModelName, model.Value.Path);
        try
        {
            await Engine.StartAsync();
            Log.Ready(logger, ModelName, Math.Round(time.GetElapsedTime(begun).TotalSeconds, 1));
            _loaded.SetResult();
            await Engine.Ended;
            throw new StartupException("The engine has failed and serves no more; the log says why.");
        }
        catch (Exception fault)
        {
            if (lifetime.ApplicationStopping.IsCancellationRequested) return;      // it ended because it was told to
            Failure = fault;
            _loaded.TrySetResult();
            lifetime.StopApplication();
        }
    }

    /// <summary>Clients learn of the shutdown by an error each, not by a broken connection: those that wait at once, the one being answered after the grace.</summary>
    private async Task DrainAsync()
    {
        Engine.Drain();
        await Task.Delay(server.Value.ShutdownGrace, time);
        Engine.EndRunning();
    }
}
