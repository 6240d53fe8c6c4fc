namespace LlamaVid.Engine;

/// <summary>A media item that has been fetched and probed, and the frames that will be taken from it.</summary>
internal sealed class SequenceMedia(MediaInput input, OpenedMedia opened, FramePlan plan, ImageFit fit, FeatureKey key) : IAsyncDisposable
{
    private bool _isHandedOver;

    public MediaInput Input => input;
    public MediaInfo Info => opened.Info;
    public FramePlan Plan => plan;

    /// <summary>What is said in it, given or read from its file; null for none.</summary>
    public IReadOnlyList<SubtitleLine>? Subtitles { get; } = input.Subtitles ?? opened.Subtitles;

    public SubtitleOrigin? SubtitleOrigin { get; } = input.Subtitles is not null ? new(Track: null) : opened.SubtitleTrack is { } track ? new(track) : null;

    public ImageFit Fit => fit;
    public FeatureKey Key => key;

    /// <summary>From now on somebody else closes it: its frames may be read longer than the request lives.</summary>
    public OpenedMedia HandOver()
    {
        _isHandedOver = true;
        return opened;
    }

    /// <summary>Closes the file and deletes what is temporary.</summary>
    public ValueTask DisposeAsync() => _isHandedOver ? ValueTask.CompletedTask : opened.DisposeAsync();
}
