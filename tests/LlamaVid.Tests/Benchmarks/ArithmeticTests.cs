using LlamaVid.Benchmarks;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Throughput;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Tests.Benchmarks;

/// <summary>What the benchmarks make of what they see.</summary>
public sealed class ArithmeticTests
{
    [Fact]
    public void Percentiles_lie_between_the_nearest_values_in_proportion()
    {
        var distribution = Distribution.Of([40, 10, 30, 20, 50])!;
        Assert.Equal((5, 10.0, 30.0, 50.0, 30.0), (distribution.Count, distribution.Min, distribution.P50, distribution.Max, distribution.Mean));
        Assert.Equal(46, distribution.P90, 1e-9);
        Assert.Equal(49.6, distribution.P99, 1e-9);
        Assert.Equal(15, Distribution.Percentile([10, 20], 0.5));
        Assert.Equal(7, Distribution.Of([7])!.P99);
    }

    [Fact]
    public void Nothing_has_no_percentiles() => Assert.Null(Distribution.Of([]));

    [Fact]
    public async Task Warm_ups_do_not_count()
    {
        var measured = await Repeated.MeasureAsync(3, run => Task.FromResult(run < 0 ? 1000.0 : run));
        Assert.Equal(new Repeated(1, 0, 2, 3), measured);
    }

    [Fact]
    public void Arrivals_keep_their_rate_and_are_the_same_for_the_same_seed()
    {
        var during = TimeSpan.FromSeconds(1000);
        var arrivals = PoissonArrivals.Draw(4, during, seed: 5).ToArray();
        Assert.Equal(arrivals, PoissonArrivals.Draw(4, during, seed: 5));
        Assert.NotEqual(arrivals, PoissonArrivals.Draw(4, during, seed: 6));
        Assert.Equal(arrivals.Order(), arrivals);
        Assert.All(arrivals, at => Assert.InRange(at, TimeSpan.Zero, during));
        Assert.InRange(arrivals.Length, 4000 - 4 * 64, 4000 + 4 * 64);      // four standard deviations

        var gaps = arrivals.Skip(1).Zip(arrivals, (next, at) => (next - at).TotalSeconds).ToArray();
        Assert.Equal(Math.Exp(-1), gaps.Count(gap => gap > 0.25) / (double)gaps.Length, 0.03);   // no memory: a share of 1/e waits longer than the mean
    }

    [Fact]
    public void Streams_are_counted_only_while_all_of_them_run()
    {
        IReadOnlyList<double> first = [0, 100, 200, 300], second = [150, 200, 250, 300, 350, 400];
        Assert.Equal((2 + 3) / 0.150, SteadyRate.Of([first, second]), 1e-9);
        Assert.Equal([100, 100, 100, 50, 50, 50, 50, 50], SteadyRate.Gaps([first, second]));
    }

    [Fact]
    public void Streams_that_never_ran_at_once_have_no_rate() =>
        Assert.Contains("--tokens", Assert.Throws<BenchmarkException>(() => SteadyRate.Of([[0, 1], [2, 3]])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_films_cost_is_told_for_each_tenth()
    {
        var progress = Enumerable.Range(0, 41).Select(step => (Done: 16L * step, At: step <= 20 ? 32.0 * step : 640 + 48.0 * (step - 20))).ToArray();
        Assert.Equal([2, 2, 2, 2, 2, 3, 3, 3, 3, 3], FilmIntake.CostPerFrame(progress));
    }

    [Fact]
    public void A_numbered_video_begins_as_before_and_ends_with_a_box_that_players_skip()
    {
        var numbered = ClipSupply.Numbered([1, 2, 3], 258);
        Assert.Equal([1, 2, 3, 0, 0, 0, 16, (byte)'f', (byte)'r', (byte)'e', (byte)'e', 0, 0, 0, 0, 0, 0, 1, 2], numbered);
    }
}
