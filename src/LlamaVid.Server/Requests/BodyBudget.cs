using LlamaVid.Server.Errors;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Requests;

/// <summary>Memory for the bodies of all requests together, from their first byte until they are answered. What does not fit is refused at once. Counts only.</summary>
internal sealed class BodyBudget(IOptions<ServerOptions> options)
{
    private long _held;

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

        public void Dispose() => Interlocked.Add(ref budget._held, -Interlocked.Exchange(ref _bytes, 0));
    }

    private long Limit => options.Value.MaxBufferedBytes;
}
