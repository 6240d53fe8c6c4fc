using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CsCheck;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

public sealed class FramePlanTests
{
    [Fact]
    public void Strides_and_indices_are_the_official_ones()
    {
        using var goldens = JsonDocument.Parse(File.ReadAllText(Shared.Path("goldens/misc/frame_sampling.json")));
        foreach (var golden in goldens.RootElement.EnumerateArray())
        {
            var rate = new Rational((long)(golden.GetProperty("avg_fps").GetDouble() * 1000), 1000);
            var frames = golden.GetProperty("frames").GetInt64();
            var plan = FramePlan.Make(new(), rate, frames, limit: 1000);
            // Where the official code divides by zero, every frame is taken.
            var expected = golden.GetProperty("idx") is { ValueKind: JsonValueKind.Array } indices
                ? indices.EnumerateArray().Select(index => index.GetInt64())
                : Numbers(frames);

            Assert.Equal(Math.Max(1, golden.GetProperty("stride").GetInt32()), plan.Stride);
            Assert.Equal(expected, Numbers(frames).Where(plan.Takes));
            Assert.Equal(expected.Count(), plan.ExpectedFrames);
        }
    }

    [Theory]
    [InlineData(30, 60.0, 1)]
    [InlineData(30, 12.0, 2)]       // 2.5 rounds to even
    [InlineData(30, 0.001, 30_000)]
    [InlineData(25, 1e300, 1)]
    [InlineData(25, 1e-300, int.MaxValue)]
    public void Stride_is_rounded_to_even_and_at_least_one(long rate, double framesPerSecond, int stride) =>
        Assert.Equal(stride, FramePlan.StrideOf(new(rate, 1), framesPerSecond));

    [Fact]
    public void Max_frames_spreads_evenly_from_the_first_to_the_last_candidate()
    {
        var plan = FramePlan.Make(new() { MaxFrames = 4 }, new(10, 1), 101, limit: 1000);
        Assert.Equal([0, 30, 70, 100], Numbers(101).Where(plan.Takes));     // candidates 0, 3, 7, 10 of 11
    }

    [Fact]
    public void Max_frames_gives_exactly_that_many_at_nearly_equal_distances() =>
        (from frames in Gen.Int[1, 3000] from stride in Gen.Int[1, 40] from most in Gen.Int[1, 200] select (frames, stride, most)).Sample(given =>
        {
            var plan = FramePlan.Make(new() { MaxFrames = given.most, FramesPerSecond = 1 }, new(given.stride, 1), given.frames, limit: 5000);
            var taken = Numbers(given.frames).Where(plan.Takes).ToList();
            var candidates = (given.frames + given.stride - 1) / given.stride;

            Assert.Equal(Math.Min(candidates, given.most), taken.Count);
            Assert.Equal(taken.Count, plan.ExpectedFrames);
            Assert.All(taken, number => Assert.Equal(0, number % given.stride));
            if (taken.Count < 2) return;
            Assert.Equal((candidates - 1L) * given.stride, taken[^1]);
            var gaps = taken.Zip(taken.Skip(1), (a, b) => (b - a) / given.stride).ToList();
            Assert.True(gaps.Max() - gaps.Min() <= 1);
        });

    [Theory]
    [InlineData(1, null, null, null)]
    [InlineData(7, null, null, null)]
    [InlineData(3, 11, null, null)]
    [InlineData(1, 2, null, null)]
    [InlineData(1, 1, 3.05, null)]
    [InlineData(2, 6, 1.5, 9.25)]
    [InlineData(5, null, null, 7.7)]
    public async Task Ffmpeg_reads_the_expression_as_it_is_meant(int stride, int? most, double? start, double? end)
    {
        const int Frames = 200, Rate = 20;
        var sampling = new FrameSampling { FramesPerSecond = (double)Rate / stride, MaxFrames = most, Start = start, End = end };
        var inRange = Numbers(Frames).Where(n => !((double)n / Rate < start) && !((double)n / Rate >= end)).ToList();
        var plan = FramePlan.Make(sampling, new(Rate, 1), inRange.Count, limit: 1000);

        var lines = System.Text.Encoding.ASCII.GetString(await MediaLab.RunAsync("ffmpeg", "-v", "error", "-nostdin",
            "-f", "lavfi", "-i", $"color=size=16x16:rate={Rate}", "-frames:v", $"{Frames}", "-vf", $"trim=end_frame={Frames},select={plan.SelectExpression(new(1, Rate))}",
            "-vsync", "passthrough", "-enc_time_base", "1:20", "-f", "framecrc", "-"));

        var selected = lines.Split('\n').Where(line => line.StartsWith('0')).Select(line => long.Parse(line.Split(',')[2], CultureInfo.InvariantCulture));
        Assert.Equal(inRange.Where((_, number) => plan.Takes(number)), selected);
    }

    [Fact]
    public void Expression_does_not_grow_with_the_video()
    {
        var plan = FramePlan.Make(new() { FramesPerSecond = 30, MaxFrames = 4000, Start = 1, End = 1e6 }, new(30, 1), 10_000_000, limit: 4096);
        Assert.InRange(plan.SelectExpression(new(1, 90_000)).Length, 1, 400);
    }

    [Theory]
    [InlineData(30_000, 1001, 1 / 3.0)]
    [InlineData(90_000, 1, 0.1)]
    [InlineData(1000, 1, 2.001)]
    [InlineData(600, 1, -0.5)]
    public void First_tick_is_the_first_whose_time_is_not_before(long denominator, long numerator, double seconds)
    {
        var timeBase = new Rational(numerator, denominator);
        var tick = FramePlan.FirstTickAtOrAfter(seconds, timeBase);
        Assert.True(PacketTimes.Seconds(tick, timeBase) >= seconds);
        Assert.True(PacketTimes.Seconds(tick - 1, timeBase) < seconds);
    }

    [Theory]
    [InlineData(1e300)]
    [InlineData(-1e300)]
    public void Absurd_seconds_take_no_time(double seconds)
    {
        var clock = Stopwatch.StartNew();
        FramePlan.FirstTickAtOrAfter(seconds, new(1, 90_000));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void Too_many_frames_are_refused_with_numbers_and_cure()
    {
        var exception = Assert.Throws<VideoTooLongException>(() => FramePlan.Make(new(), new(25, 1), 25 * 5000, limit: 4096));
        Assert.Equal((5000, 4096), (exception.Needed, exception.Limit));
        Assert.Contains("Lower fps, set max_frames", exception.Message);
        Assert.Throws<VideoTooLongException>(() => FramePlan.Make(new() { MaxFrames = 4097 }, new(25, 1), 10, limit: 4096));
    }

    public static TheoryData<FrameSampling> Nonsense =>
    [
        new FrameSampling { FramesPerSecond = 0 }, new FrameSampling { FramesPerSecond = double.NaN }, new FrameSampling { FramesPerSecond = double.PositiveInfinity },
        new FrameSampling { MaxFrames = 0 }, new FrameSampling { Start = double.NaN }, new FrameSampling { Start = 2, End = 2 }, new FrameSampling { End = double.PositiveInfinity },
    ];

    [Theory]
    [MemberData(nameof(Nonsense))]
    public void Nonsense_is_refused(FrameSampling sampling) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => FramePlan.Make(sampling, new(25, 1), 100, limit: 1000));

    private static IEnumerable<long> Numbers(long count) => Enumerable.Range(0, (int)count).Select(number => (long)number);
}
