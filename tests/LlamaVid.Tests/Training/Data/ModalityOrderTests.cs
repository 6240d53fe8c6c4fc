using LlamaVid.Training.Data;

namespace LlamaVid.Tests.Training.Data;

/// <summary>Steps of one modality and of similar length, every sample once.</summary>
public sealed class ModalityOrderTests
{
    private static readonly int[] Lengths = [.. Enumerable.Range(0, 103).Select(i => i % 3 == 0 ? -(1 + i * 7 % 50) : 1 + i * 11 % 90)];

    [Theory]
    [InlineData(4, 1)]
    [InlineData(4, 2)]
    [InlineData(1, 8)]
    public void Every_sample_comes_once_and_all_but_the_odd_ends_with_its_own_kind(int batch, int accumulate)
    {
        var order = new ModalityOrder(Lengths, batch, accumulate).Shuffle(5, 0);
        Assert.Equal(Enumerable.Range(0, Lengths.Length), order.Order());
        var mixed = order.Chunk(batch * accumulate).Count(step => step.Select(i => Lengths[i] > 0).Distinct().Count() > 1);
        Assert.True(mixed <= 2, $"{mixed} steps hold both kinds");
    }

    [Fact]
    public void Another_epoch_has_another_order()
    {
        var order = new ModalityOrder(Lengths, 4, 2);
        Assert.NotEqual(order.Shuffle(5, 0), order.Shuffle(5, 1));
        Assert.Equal(order.Shuffle(5, 1), order.Shuffle(5, 1));
    }

    [Fact]
    public void The_micro_batches_of_a_step_are_equally_long()
    {
        int[] lengths = [.. Enumerable.Range(1, 64)];
        var order = new ModalityOrder(lengths, 4, 4).Shuffle(1, 0);
        foreach (var step in order.Chunk(16))
        {
            var sums = step.Chunk(4).Select(part => part.Sum(i => lengths[i])).ToArray();
            Assert.True(sums.Max() - sums.Min() <= 64, string.Join(" ", sums));
        }
    }

    [Fact]
    public void A_set_of_one_kind_needs_no_other() => Assert.Equal([0, 1, 2], new ModalityOrder([5, 6, 7], 2, 1).Shuffle(0, 0).Order());
}
