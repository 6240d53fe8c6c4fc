using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>The disk space that work in the background may take, over all owners: requests, the files they name, and answers.</summary>
internal sealed class JobRoom(IOptions<JobOptions> options)
{
    private readonly Lock _gate = new();
    private long _held;

    public long Limit { get; } = (long)options.Value.MaxMegabytes << 20;

    public long Held { get { lock (_gate) return _held; } }

    /// <exception cref="JobSpaceException"></exception>
    public void Reserve(long bytes)
    {
        lock (_gate)
        {
            var free = Limit - _held;
            if (bytes > free) throw JobSpaceException.OfRequest(bytes, free, options.Value.MaxMegabytes);
            _held += bytes;
        }
    }

    /// <summary>For what comes of work that was accepted, whose size nobody knows before.</summary>
    /// <exception cref="JobSpaceException"></exception>
    public void RequireAny()
    {
        if (Held >= Limit) throw JobSpaceException.OfAnswer(options.Value.MaxMegabytes);
    }

    /// <summary>What is there already, or what has become more or less; never refused.</summary>
    public void Change(long bytes)
    {
        lock (_gate) _held += bytes;
    }
}
