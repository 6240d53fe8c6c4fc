using LlamaVid.Engine;
using LlamaVid.Model;
using LlamaVid.Server.Errors;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Hosting;

/// <summary>The engine's life: its model is loaded once the socket is open, it is stopped with the process, and a checkpoint that cannot be loaded ends the process.</summary>
internal sealed class EngineHost(
    Func<GenerationEngine> load, IOptions<ModelOptions> model, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<EngineHost> logger) : BackgroundService, IAsyncDisposable
{
    private volatile GenerationEngine? _engine;

    public string ModelName { get; } = model.Value.ServedName();

    /// <summary>Why the model could not be loaded.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>The engine, ready to be asked. Throws while it is being loaded.</summary>
    public GenerationEngine Engine => _engine ?? throw new EngineLoadingException(ModelName);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await SocketIsOpen(stoppingToken);
        var begun = time.GetTimestamp();
        Log.Loading(logger, ModelName, model.Value.Path);
        try
        {
            _engine = await Task.Factory.StartNew(load, stoppingToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            Log.Ready(logger, ModelName, Math.Round(time.GetElapsedTime(begun).TotalSeconds, 1));
        }
        catch (Exception fault) when (!stoppingToken.IsCancellationRequested)
        {
            Failure = fault;
            lifetime.StopApplication();
        }
    }

    public async ValueTask DisposeAsync()
    {
        base.Dispose();
        if (_engine is { } engine)
            await engine.DisposeAsync();
    }

    private async Task SocketIsOpen(CancellationToken stoppingToken)
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var started = lifetime.ApplicationStarted.Register(open.SetResult);
        await open.Task.WaitAsync(stoppingToken);
    }
}
