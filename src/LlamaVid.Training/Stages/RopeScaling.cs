using LlamaVid.Model;

namespace LlamaVid.Training.Stages;

/// <summary>How far positions are pressed together so that a sequence of some length fits what the model has learnt (official train.py).</summary>
internal static class RopeScaling
{
    /// <returns>the factor in <c>rope_scaling</c>; the configuration's own where that reaches</returns>
    public static double For(DecoderConfig decoder, int maxLength)
    {
        var reach = decoder.MaxPositions * decoder.RopeScalingFactor;
        return maxLength > reach ? Math.Ceiling(maxLength / reach) : decoder.RopeScalingFactor;
    }
}
