using LlamaVid.Training.Loop;

namespace LlamaVid.Training.Data;

/// <summary>
/// The official group_by_modality_length: a step holds samples with media or samples without, of similar length. A shuffle for <see
/// cref="EpochOrder"/>.
/// </summary>
/// <remarks>The rules are LLaVA's; its random numbers are torch's and are not reproduced. A set of one modality is grouped by length alone.</remarks>
/// <param name="lengths">per sample: words, negative without media</param>
/// <param name="batch">samples of a micro-batch</param>
/// <param name="accumulate">micro-batches of a step; the samples of a step are spread over them so that they are equally long</param>
internal sealed class ModalityOrder(IReadOnlyList<int> lengths, int batch, int accumulate)
{
    private const int Visual = 1, Textual = 2, Steps = 3;

    private readonly int[] _visual = [.. Enumerable.Range(0, lengths.Count).Where(i => lengths[i] > 0)];
    private readonly int[] _textual = [.. Enumerable.Range(0, lengths.Count).Where(i => lengths[i] <= 0)];

    public int[] Shuffle(long seed, long epoch)
    {
        var (visual, textual) = (Grouped(_visual, Seeds.Mix(seed, Visual), epoch), Grouped(_textual, Seeds.Mix(seed, Textual), epoch));
        if (visual.Count == 0 || textual.Count == 0) return [.. visual.Concat(textual).SelectMany(step => step)];

        var rest = visual[^1].Concat(textual[^1]).ToArray();
        var whole = visual.SkipLast(1).Concat(textual.SkipLast(1)).ToArray();
        var steps = EpochOrder.Shuffled(whole.Length, Seeds.Mix(seed, Steps), epoch).Select(i => whole[i]).ToList();
        if (rest.Length >= batch * accumulate)
        {
            steps.Insert(0, rest[..(batch * accumulate)]);
            rest = rest[(batch * accumulate)..];
        }
        return [.. steps.SelectMany(step => step), .. rest];
    }

    /// <returns>the samples of each step</returns>
    private List<int[]> Grouped(int[] samples, long seed, long epoch) =>
        [.. EpochOrder.Shuffled(samples.Length, seed, epoch).Select(i => samples[i]).Chunk(batch * accumulate)
            .Select(step => Spread([.. step.OrderByDescending(i => Math.Abs(lengths[i]))]))];

    /// <summary>split_to_even_chunks: the longest sample goes to the micro-batch that is shortest so far.</summary>
    private int[] Spread(int[] step)
    {
        if (step.Length % accumulate != 0)
            return [.. Enumerable.Range(0, accumulate).SelectMany(part => step.Where((_, i) => i % accumulate == part))];
        var parts = Enumerable.Range(0, accumulate).Select(_ => new List<int>()).ToArray();
        foreach (var sample in step)
            parts.Where(part => part.Count < step.Length / accumulate).MinBy(part => part.Sum(i => Math.Abs(lengths[i])))!.Add(sample);
        return [.. parts.SelectMany(part => part)];
    }
}
