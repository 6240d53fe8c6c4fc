namespace LlamaVid.Training.Loop;

/// <summary>The learning rate of every step: a linear rise from 0, then half a cosine down to 0 (transformers' get_cosine_schedule_with_warmup).</summary>
internal sealed class CosineSchedule(double peak, long steps, double warmUp)
{
    private readonly long _rise = (long)Math.Ceiling(steps * warmUp);

    /// <param name="step">from 0; with a warm-up the first step's rate is 0, as in the official runs</param>
    public double At(long step)
    {
        if (step < _rise) return peak * ((double)step / Math.Max(1, _rise));
        var progress = (double)(step - _rise) / Math.Max(1, steps - _rise);
        return peak * Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * progress)));
    }
}
