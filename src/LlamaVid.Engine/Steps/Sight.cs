using static TorchSharp.torch;

namespace LlamaVid.Engine;

/// <summary>What one sequence has made of one of its media items: visual tokens under its question. Engine thread only.</summary>
internal sealed class Sight(SequenceMedia media, FeatureKey key) : IDisposable
{
    public SequenceMedia Media => media;
    public FeatureKey Key => key;

    /// <summary>The vision tower did not have to run for it.</summary>
    public bool WasKnown { get; set; }

    /// <summary>Frames that have become tokens.</summary>
    public int Compressed { get; set; }

    /// <summary>[t · n, W] each, in order</summary>
    public List<Tensor> Tokens { get; } = [];

    public IReadOnlyList<double> Timestamps { get; set; } = [];
    public (int Width, int Height) FrameSize { get; set; }

    /// <summary>What stands behind each frame; null without subtitles.</summary>
    public IReadOnlyList<string>? Captions => Engine.Captions.Of(media, Timestamps);

    /// <summary>All tokens in one tensor [T · n, W], which belongs to the caller's dispose scope; the parts are gone.</summary>
    public Tensor Join()
    {
        var all = cat([.. Tokens], 0);
        Dispose();
        return all;
    }

    public MediaReport Report(int tokensPerFrame)
    {
        var info = media.Info;
        return new(
            media.Input.Kind, Compressed, Timestamps, info.Duration, info.AverageRate?.Value, FrameSize.Width, FrameSize.Height, tokensPerFrame, WasKnown)
        {
            Subtitles = media.SubtitleOrigin,
            CaptionedFrames = Captions?.Count(caption => caption.Length > 0),
        };
    }

    public void Dispose()
    {
        foreach (var part in Tokens) part.Dispose();
        Tokens.Clear();
    }
}
