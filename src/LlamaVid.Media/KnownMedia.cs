using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;

namespace LlamaVid.Media;

/// <summary>What has been found in media, by the hash of all their bytes, as far as memory allows: known media are not looked into again. Knows neither files nor limits, and keeps no faults.</summary>
/// <remarks>
/// Of those who ask at once about the same bytes one looks, and the others wait for what it finds. If it comes to nothing, for whatever reason, the next one looks with its own
/// copy: nobody is refused by a fault of another's, and the same damaged bytes, sent many times, are looked into one after the other.
/// </remarks>
internal sealed class KnownMedia(long budget) : IDisposable
{
    /// <summary>What finds no room is not kept, but room is made for the next: this share of the budget, of what was used longest ago.</summary>
    private const double MadeFree = 0.25;

    private readonly MemoryCache _kept = new(new MemoryCacheOptions { SizeLimit = budget, CompactionPercentage = MadeFree, TrackStatistics = true });
    private readonly ConcurrentDictionary<MediaKey, Task<MediaFinding?>> _looking = [];
    private long _queries, _hits;

    public MediaKnowledge Knowledge => new(Interlocked.Read(ref _queries), Interlocked.Read(ref _hits), _kept.GetCurrentStatistics()!.CurrentEstimatedSize ?? 0);

    /// <param name="look">finds it in the bytes of which the key has the hash</param>
    public async Task<T> FindAsync<T>(MediaKey key, Func<Task<T>> look, CancellationToken cancellationToken) where T : MediaFinding
    {
        Interlocked.Increment(ref _queries);
        var mine = new TaskCompletionSource<MediaFinding?>(TaskCreationOptions.RunContinuationsAsynchronously);
        while (true)
        {
            if (_kept.Get(key) is T known) return Known(known);
            var looking = _looking.GetOrAdd(key, mine.Task);
            if (looking == mine.Task) return await LookAsync(key, look, mine).ConfigureAwait(false);
            if (await looking.WaitAsync(cancellationToken).ConfigureAwait(false) is T found) return Known(found);
        }
    }

    public void Dispose() => _kept.Dispose();

    private async Task<T> LookAsync<T>(MediaKey key, Func<Task<T>> look, TaskCompletionSource<MediaFinding?> result) where T : MediaFinding
    {
        T? found = null;
        try
        {
            if (_kept.Get(key) is T known) return found = Known(known);     // by somebody who has just ended
            found = await look().ConfigureAwait(false);
            if (found.Bytes <= budget) _kept.Set(key, found, new MemoryCacheEntryOptions { Size = found.Bytes });
            return found;
        }
        finally
        {
            _looking.TryRemove(key, out _);
            result.SetResult(found);
        }
    }

    private T Known<T>(T finding)
    {
        Interlocked.Increment(ref _hits);
        return finding;
    }
}

/// <summary>What was looked for in which bytes.</summary>
/// <param name="ContentHash">of all of them</param>
internal sealed record MediaKey(string ContentHash, MediaAspect Aspect);

/// <summary>A list of pictures is hashed otherwise than a file, so the two never share a key.</summary>
internal enum MediaAspect { File, Pictures, Subtitles }

/// <summary>How often media were looked for among what is known, how often they were there, and the memory that is taken for it.</summary>
public readonly record struct MediaKnowledge(long Queries, long Hits, long Bytes);
