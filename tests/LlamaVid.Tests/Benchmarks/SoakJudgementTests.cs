using LlamaVid.Benchmarks.Measures;
using LlamaVid.Benchmarks.Soak;
using LlamaVid.Benchmarks.Soak.Honest;
using LlamaVid.Benchmarks.Soak.Hostile;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Tests.Benchmarks;

/// <summary>What a soak lets pass and what it does not.</summary>
public sealed class SoakJudgementTests
{
    private static readonly ResourceSample Rest = new(600, 1000, 800, 1200, 40, 100, 0, 1);

    [Fact]
    public void What_breathes_has_not_grown() =>
        Assert.Empty(SoakVerdict.Of(Memory(minute => 1000 + 40 * (minute % 2)), Rest, Rest with { Threads = 500, Files = 108, RssMb = 5000 }));

    [Fact]
    public void Warming_up_is_no_growth() => Assert.Empty(SoakVerdict.Of(Memory(minute => minute < 5 ? 200 + 160 * minute : 1000), Rest, Rest));

    [Fact]
    public void A_single_peak_is_no_growth() => Assert.Empty(SoakVerdict.Of(Memory(minute => minute == 28 ? 3000 : 1000), Rest, Rest));

    [Fact]
    public void A_leak_is_growth_however_slow_it_is_to_show()
    {
        Assert.Equal(["resident megabytes"], Names(SoakVerdict.Of(Memory(minute => 1000 + 4 * minute), Rest, Rest)));
        Assert.Equal(["resident megabytes"], Names(SoakVerdict.Of(Memory(minute => 300 + 4 * minute), Rest, Rest)));
    }

    [Fact]
    public void A_leak_behind_pages_of_files_that_the_kernel_took_is_growth() => Assert.Equal(
        ["resident megabytes that are no file's"],
        Names(SoakVerdict.Of([.. Memory(_ => 1000).Select((sample, minute) => sample with { OwnMb = 500 + 4 * minute })], Rest, Rest)));

    [Fact]
    public void Everything_that_is_counted_is_named_when_it_grows() => Assert.Equal(
        ["threads", "open files", "child processes", "temporary files"],
        Names(SoakVerdict.Of(
            [.. Memory(_ => 1000).Select(sample => sample with { Threads = 40 + (int)sample.Seconds / 100 })], Rest, Rest with { Files = 109, Children = 1, TemporaryFiles = 2 })));

    [Fact]
    public void Too_few_looks_are_no_acquittal() => Assert.Contains("looked at 3 times", Assert.Single(SoakVerdict.Of(Memory(_ => 1000)[..3], Rest, Rest)), StringComparison.Ordinal);

    [Theory]
    [InlineData("Answered", null, true)]
    [InlineData("Refused", "503 engine_overloaded", true)]
    [InlineData("Refused", "429 rate_limit_exceeded", true)]
    [InlineData("Refused", "422 video_unreadable", false)]
    [InlineData("Refused", "500 internal_error", false)]
    [InlineData("Refused", "401 invalid_api_key", false)]
    [InlineData("Cancelled", null, false)]
    [InlineData("Broken", "the stream has no end", false)]
    public void An_answer_of_a_whole_video_is_proper_or_not(string outcome, string? code, bool isProper) => Assert.Equal(isProper, IsProper(new("", null, null, false), outcome, code));

    [Theory]
    [InlineData("Refused", "422 video_unreadable", true)]
    [InlineData("Refused", "415 unsupported_media", true)]
    [InlineData("Refused", "500 internal_error", false)]
    public void A_broken_video_may_be_refused_for_what_it_is(string outcome, string code, bool isProper) => Assert.Equal(isProper, IsProper(new("", null, null, true), outcome, code));

    [Fact]
    public void Who_meant_to_leave_may() => Assert.True(IsProper(new("", 3, null, false), "Cancelled", null) && IsProper(new("", null, TimeSpan.FromSeconds(1), false), "Cancelled", null));

    [Fact]
    public void The_honest_have_to_be_answered_and_as_before()
    {
        var tally = new HonestTally();
        Assert.Contains("no honest request was answered", tally.Faults);
        tally.Answered(isExpected: true, tries: 3, TimeSpan.FromSeconds(9));
        Assert.Empty(tally.Faults);
        tally.Answered(isExpected: false, tries: 1, TimeSpan.FromSeconds(1));
        tally.Failed("503 engine_overloaded");
        Assert.Equal(
            ["1 honest requests were answered otherwise than before the traffic", "1 honest requests were never answered and ended with 503 engine_overloaded"], tally.Faults);
    }

    [Fact]
    public void An_attack_ends_as_it_should_or_is_a_fault()
    {
        var attack = new Attack("names a file", (_, _) => Task.FromResult<IReadOnlyList<string>>([]), "400", Attack.Closed);
        var tally = new HostileTally();
        tally.Add(attack, ["400", "429", "503", Attack.Closed]);
        Assert.Empty(tally.Faults);
        tally.Add(attack, ["200", "200", "500"]);
        Assert.Equal(["2 times, names a file ended with 200", "1 times, names a file ended with 500"], tally.Faults);
    }

    private static ResourceSample[] Memory(Func<int, double> megabytes) => [.. Enumerable.Range(0, 31).Select(minute => Rest with { Seconds = 60 * minute, RssMb = megabytes(minute) })];

    private static IEnumerable<string> Names(IEnumerable<string> faults) => faults.Select(fault => fault.Split(" grew")[0]);

    private static bool IsProper(SoakRequest request, string outcome, string? code)
    {
        var tally = new SoakTally();
        tally.Add(request, new(0, 1, Enum.Parse<Outcome>(outcome), 200, code, new()));
        Assert.Equal((1, 1), (tally.Count, tally.Proper.Count + tally.Improper.Count));
        return tally.Proper.Count == 1;
    }
}
