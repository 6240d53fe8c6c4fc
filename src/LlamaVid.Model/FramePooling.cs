namespace LlamaVid.Model;

/// <summary>How the patches of a frame become its content tokens (<c>compress_type</c>).</summary>
public abstract record FramePooling
{
    private FramePooling() { }

    /// <summary>Every patch is a token.</summary>
    public sealed record None : FramePooling;

    /// <summary>One token: the mean of all patches.</summary>
    public sealed record Mean : FramePooling;

    /// <summary>Average pooling with kernel and stride <c>patches per side / Side</c>, at least 2.</summary>
    public sealed record Grid(int Side) : FramePooling;
}
