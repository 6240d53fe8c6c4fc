using System.Collections.Concurrent;

namespace LlamaVid.Engine;

/// <summary>The features of videos that one worker has at hand: those being computed and, as far as memory allows, those that may be asked about again.</summary>
/// <remarks>Engine thread only, except <see cref="Holds"/>.</remarks>
internal sealed class FeatureCache(long budget) : IDisposable
{
    private readonly Dictionary<FeatureKey, VideoFeatures> _videos = [];
    private readonly List<VideoFeatures> _byAge = [];                       // used longest ago first
    private readonly ConcurrentDictionary<FeatureKey, bool> _held = [];

    /// <summary>Bytes of all features that are kept, including those still being computed.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether features of this size are kept at all.</summary>
    public bool Keeps(long bytes) => bytes <= budget;

    /// <summary>May be asked from any thread.</summary>
    public bool Holds(FeatureKey key) => _held.ContainsKey(key);

    /// <summary>Features that are there or on their way, with one reader more; null when there are none.</summary>
    public VideoFeatures? Find(FeatureKey key)
    {
        if (!_videos.TryGetValue(key, out var video)) return null;
        video.Readers++;
        _byAge.Remove(video);
        _byAge.Add(video);
        return video;
    }

    /// <summary>Takes features in, with one reader; others go to make room.</summary>
    public void Add(VideoFeatures video)
    {
        video.Readers = 1;
        if (!Keeps(video.Bytes)) return;                                    // its reader's alone
        _videos.Add(video.Key, video);
        _held[video.Key] = true;
        _byAge.Add(video);
        Bytes += video.Bytes;
        foreach (var oldest in _byAge.Where(other => other.Readers == 0).TakeWhile(_ => Bytes > budget).ToArray()) Drop(oldest);
    }

    /// <summary>A reader goes. What nobody reads any more stays if it is complete and fits.</summary>
    public void Release(VideoFeatures video)
    {
        if (--video.Readers > 0) return;
        if (!_videos.ContainsKey(video.Key)) video.Dispose();
        else if (!video.IsComplete || Bytes > budget) Drop(video);
    }

    public void Dispose()
    {
        foreach (var video in _byAge) video.Dispose();
        _byAge.Clear();
        _videos.Clear();
        _held.Clear();
        Bytes = 0;
    }

    private void Drop(VideoFeatures video)
    {
        _videos.Remove(video.Key);
        _held.TryRemove(video.Key, out _);
        _byAge.Remove(video);
        Bytes -= video.Bytes;
        video.Dispose();
    }
}
