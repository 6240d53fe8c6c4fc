using System.Numerics;

namespace LlamaVid.Engine;

/// <summary>
/// Says how much other work a step may do, so that answers that are being written go on evenly. It learns the prices from steps that were made, and knows no device and no model.
/// </summary>
/// <remarks>
/// A step that only writes answers is a plain one. The first, and one after at most <see cref="Between"/> others, is plain, so that its time stays known while the answers change.
/// What a step took beyond that is the price of its other work, which is of one kind. A price that rises counts at once, one that falls by half of the difference: work gets dearer
/// along a prompt, and a step too long is felt. Counts are powers of two, so that few sizes of products occur.
/// </remarks>
internal sealed class StepPace(EngineOptions options)
{
    private const int Between = 16, Remembered = 3, LeastPositions = 4;

    private readonly Queue<double> _plain = new(Remembered);                // seconds
    private readonly Dictionary<WorkKind, double> _prices = [];             // seconds a frame or position

    private int _sincePlain = Between;

    /// <summary>Frames or positions that a step may take while answers are written. 0: a plain step is due.</summary>
    /// <param name="beginners">sequences near their first token that are served before any other: each may lengthen the step as much as one long prompt may</param>
    public int Allowance(WorkKind kind, int beginners)
    {
        if (_sincePlain >= Between) return 0;
        var (least, most) = kind == WorkKind.Prefill ? (LeastPositions, options.MaxPrefillTokensPerStep) : (1, options.MaxFramesPerStep);
        if (!_prices.TryGetValue(kind, out var price)) return least;
        var allowed = Math.Max(1, beginners) * (options.MaxStepStretch - 1) * Plain / price;
        return allowed >= most ? most : Math.Max(least, 1 << BitOperations.Log2((uint)allowed));
    }

    /// <summary>No answer was written, so nothing is known of the next that will be.</summary>
    public void Idle() => _sincePlain = Between;

    /// <param name="seconds">of a step that wrote answers and did nothing else</param>
    public void TookPlain(double seconds)
    {
        if (_plain.Count == Remembered) _plain.Dequeue();
        _plain.Enqueue(seconds);
        _sincePlain = 0;
    }

    /// <param name="seconds">of a step that wrote answers and did this work</param>
    public void Took(WorkKind kind, int count, double seconds)
    {
        _sincePlain++;
        var price = Math.Max(seconds - Plain, Plain / 100) / count;          // not below what a clock can tell
        _prices[kind] = _prices.TryGetValue(kind, out var known) && known > price ? (known + price) / 2 : price;
    }

    private double Plain => _plain.Order().ElementAt(_plain.Count / 2);
}
