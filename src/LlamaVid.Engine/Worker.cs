using LlamaVid.Model.Decoder;
using Microsoft.Extensions.Logging;
using TorchSharp;

namespace LlamaVid.Engine;

/// <summary>One thread that serves the line on one device. When its loop fails, what ran there ends by that fault, and a new loop with empty caches goes on.</summary>
internal sealed partial class Worker(WorkerSettings settings) : IDisposable
{
    private const int FailuresInARow = 3;

    private readonly AutoResetEvent _news = new(initialState: false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private volatile StepLoop? _loop;
    private volatile bool _endsRunning, _serves;
    private volatile int _failures;

    /// <summary>Completes when the thread has ended: the line was closed and everything answered, or the loop failed again and again.</summary>
    public Task Ended => _ended.Task;

    public bool IsAlive => !_ended.Task.IsCompleted;

    /// <summary>It takes requests: false while it begins anew, and from the moment it gives up.</summary>
    public bool IsServing => _serves;

    /// <summary>How often its loop has failed.</summary>
    public int Failures => _failures;

    public WorkerLoad Load => _loop?.Load ?? default;

    /// <summary>Whether features of a video are at hand here. Any thread.</summary>
    public bool Holds(FeatureKey key) => _loop?.Features.Holds(key) ?? false;

    public void Start(int number)
    {
        settings.Queue.Changed += Wake;
        _serves = true;
        new Thread(Live) { Name = $"llamavid-worker-{number}", IsBackground = true }.Start();
    }

    /// <summary>Ends what runs with <see cref="EngineStoppedException"/>, now and from now on.</summary>
    public void EndRunning()
    {
        _endsRunning = true;
        Wake();
    }

    /// <summary>Its thread has ended.</summary>
    public void Dispose() => _news.Dispose();

    private void Wake() => _news.Set();

    private void Live()
    {
        using var inference = torch.inference_mode();
        for (var failures = 0; failures < FailuresInARow; failures++)
        {
            using var loop = _loop = new StepLoop(this, settings, Wake);
            _serves = true;
            try
            {
                while (loop.Step(_endsRunning) is var progress && progress != StepResult.Closed)
                    if (progress == StepResult.Worked) failures = 0;
                    else _news.WaitOne();
                break;
            }
            catch (Exception fault)
            {
                (_serves, _failures) = (false, _failures + 1);
                LoopFailed(settings.Log, fault, settings.Device, loop.Load.Running);
                loop.EndAll(new WorkerFailedException(settings.Device, fault));
            }
        }
        settings.Queue.Changed -= Wake;
        (_loop, _serves) = (null, false);
        _ended.SetResult();
    }

    [LoggerMessage(2001, LogLevel.Error, "The worker on {Device} has failed with {Running} requests; they are ended and it begins anew")]
    private static partial void LoopFailed(ILogger log, Exception fault, string device, int running);
}

/// <summary>What a worker works with.</summary>
/// <param name="KvPositions">positions whose keys and values it may hold</param>
/// <param name="Tokens">for answers with a format; shared by all workers</param>
/// <param name="Store">features on disk, shared by all workers; null for none</param>
internal sealed record WorkerSettings(
    LlamaVidModel Model, ModelCard Card, EngineOptions Options, int KvPositions, RequestQueue Queue, Lazy<TokenTree> Tokens, FeatureStore? Store, ILogger Log)
{
    public string Device => Model.DeviceNames;
}

/// <summary>How much a worker has to do, and what it holds.</summary>
public readonly record struct WorkerLoad(int Running, int KvHeld, int KvTotal, long FeatureBytes);

/// <summary>How the workers are.</summary>
/// <param name="Total">one for each device</param>
/// <param name="Serving">those that take requests now; the others have given up, or begin anew</param>
/// <param name="Failures">how often their loops have failed, together</param>
public readonly record struct WorkerHealth(int Total, int Serving, int Failures);

internal enum StepResult { Worked, Idle, Closed }
