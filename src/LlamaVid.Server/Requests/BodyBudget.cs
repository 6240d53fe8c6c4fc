using LlamaVid.Server.Errors;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Requests;

/// <summary>Memory for the bodies of all requests together, from their first byte until they are answered. What does not fit is refused at once. What requests leave behind is collected now and then.</summary>
/// <remarks>
/// The collector looks for large objects that nobody holds when about as much again has been allocated as were alive the last time, tables in pools included: minutes, and 100 MB and more between two looks of a server under mixed load.
/// </remarks>
internal sealed class BodyBudget(IOptions<ServerOptions> options)
{
    /// <summary>Bytes of bodies between two collections.</summary>
    private const long Often = 64 << 20;

    private long _held, _left;

    /// <summary>What requests hold now.</summary>
    public long Held => Interlocked.Read(ref _held);

    /// <summary>A share that is given back when the request has been answered.</summary>
    public Share Open(HttpContext context)
    {
        var share = new Share(this);
        context.Response.RegisterForDispose(share);
        return share;
    }

    internal sealed class Share(BodyBudget budget) : IDisposable
    {
        private long _bytes;

        /// <exception cref="BodiesOverloadedException">other requests hold too much</exception>
        public void GrowTo(long bytes)
        {
            var (more, limit) = (bytes - _bytes, budget.Limit);
            if (Interlocked.Add(ref budget._held, more) > limit)
            {
                Interlocked.Add(ref budget._held, -more);
                throw new BodiesOverloadedException(limit);
            }
            _bytes = bytes;
        }

        public void Dispose() => budget.TakeBack(Interlocked.Exchange(ref _bytes, 0));
    }

    private long Limit => options.Value.MaxBufferedBytes;

    private void TakeBack(long bytes)
    {
        Interlocked.Add(ref _held, -bytes);
        if (Interlocked.Add(ref _left, bytes) < Often) return;
        Interlocked.Exchange(ref _left, 0);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Default, blocking: false);
    }
}
