using System.Security.Cryptography;
using System.Text;

namespace LlamaVid.Engine;

/// <summary>Names the vision tower's output for one video: what the bytes are, which frames are taken, how they are cut, and which tower reads them in which dtype.</summary>
internal readonly record struct FeatureKey
{
    private FeatureKey(string hash) => Hash = hash;

    /// <summary>SHA-256, lower-case hexadecimal.</summary>
    public string Hash { get; }

    /// <param name="tower">identity of the tower's weights and of the preprocessing</param>
    public static FeatureKey Of(string contentHash, FramePlan plan, ImageFit fit, string tower)
    {
        var text = $"{contentHash}|{plan.Stride}|{plan.Start:R}|{plan.End:R}|{plan.Candidates}|{plan.Keep}|{plan.KeyFrames is not null}|{fit}|{tower}{(plan.PictureRate is { } rate ? $"|{rate:R}" : "")}";
        return new(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
    }
}
