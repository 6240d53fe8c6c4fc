using System.Globalization;
using CsCheck;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine.Formats;

public sealed class NumberPrefixTests
{
    private static readonly Gen<decimal?> Bound = Gen.Select(Gen.Int[-2000, 2000], Gen.Int[0, 4], Gen.Bool).Select((digits, scale, none) => none ? (decimal?)null : digits / (decimal)Math.Pow(10, scale));

    [Fact]
    public void Every_way_ends_in_a_number_within_the_bounds() =>
        Gen.Select(Bound, Bound, Gen.Bool, Gen.Bool, Gen.Bool, Gen.Int[0, 1_000_000]).Sample((min, max, minIsOut, maxIsOut, whole, seed) =>
        {
            if (NumberBounds.Of(min, minIsOut, max, maxIsOut, whole) is not { } bounds) return;
            var (random, prefix, text) = (new Random(seed), new NumberPrefix(bounds), "");
            while (!(prefix.IsComplete && (random.Next(3) == 0 || !"-.0123456789".Any(next => prefix.With(next) is not null))))
            {
                var ways = "-.0123456789".Where(next => prefix.With(next) is not null).ToArray();
                Assert.NotEmpty(ways);
                var next = ways[random.Next(ways.Length)];
                (prefix, text) = (prefix.With(next)!, text + next);
                Assert.InRange(text.Length, 1, 50);
            }
            var value = decimal.Parse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
            Assert.True(min is null || (minIsOut ? value > min : value >= min), $"{text} under {min}");
            Assert.True(max is null || (maxIsOut ? value < max : value <= max), $"{text} over {max}");
            Assert.True(!whole || decimal.IsInteger(value));
        });

    [Fact]
    public void Every_whole_number_within_the_bounds_can_be_written()
    {
        foreach (var (min, max) in ((int, int)[])[(0, 120), (-37, 5), (8, 12), (-5, -5), (99, 1003), (-1003, -99)])
        {
            var bounds = NumberBounds.Of(min, false, max, false, whole: true)!;
            for (var value = min - 200; value <= max + 200; value++)
            {
                NumberPrefix? prefix = new(bounds);
                foreach (var next in value.ToString(CultureInfo.InvariantCulture)) prefix = prefix?.With(next);
                Assert.Equal(value >= min && value <= max, prefix?.IsComplete == true);
            }
        }
    }
}
