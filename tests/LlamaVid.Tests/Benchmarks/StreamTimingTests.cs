using System.Text.Json;
using LlamaVid.Benchmarks.Soak;
using LlamaVid.Benchmarks.Traffic;

namespace LlamaVid.Tests.Benchmarks;

/// <summary>What a streamed answer tells, and when.</summary>
public sealed class StreamTimingTests
{
    [Fact]
    public void An_answer_has_the_times_of_its_texts_and_the_servers_own_counts()
    {
        var stream = Read(
            """{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}],"video":{"frames":7,"feature_cache":"hit"}}""",
            """{"choices":[{"delta":{"content":"A"}}]}""",
            """{"choices":[{"delta":{"content":" red circle"}}]}""",
            """{"choices":[{"delta":{},"finish_reason":"stop"}],"timings":{"queue_ms":12.5}}""",
            """{"choices":[],"usage":{"prompt_tokens":90,"completion_tokens":4}}""",
            "[DONE]");

        Assert.Equal([20, 30], stream.Texts);
        Assert.Equal((4, 7, true, 12.5, true, null), (stream.Tokens, stream.Frames, stream.WasKnown, stream.QueueMs, stream.IsDone, stream.Error));
        var exchange = new Exchange(5, 60, Outcome.Answered, 200, null, stream);
        Assert.Equal(15, exchange.TimeToFirstText);
        Assert.Equal([10], exchange.Gaps);
        Assert.Equal((0, 2, 4), (exchange.TokensBefore(20), exchange.TokensBefore(25), exchange.TokensBefore(31)));
    }

    [Fact]
    public void An_error_inside_a_stream_is_seen_and_the_stream_is_not_done()
    {
        var stream = Read("""{"choices":[{"delta":{"content":"A"}}]}""", """{"error":{"message":"…","type":"server_error","code":"engine_overloaded"}}""");
        Assert.Equal((false, "engine_overloaded"), (stream.IsDone, stream.Error));
    }

    [Theory]
    [InlineData("""{"choices":""")]
    [InlineData("")]
    public void What_is_no_json_is_a_fault(string data) => Assert.ThrowsAny<JsonException>(() => Read(data));

    [Fact]
    public void A_soak_forgives_what_it_asked_for_and_nothing_else()
    {
        var (good, broken, leaving) = (new SoakRequest("", null, null, false), new SoakRequest("", null, null, true), new SoakRequest("", 1, null, false));
        var tally = new SoakTally();
        tally.Add(good, Ended(Outcome.Answered, null));
        tally.Add(good, Ended(Outcome.Refused, "503 engine_overloaded"));
        tally.Add(broken, Ended(Outcome.Refused, "422 video_unreadable"));
        tally.Add(leaving, Ended(Outcome.Cancelled, null));
        Assert.Empty(tally.Improper);

        tally.Add(good, Ended(Outcome.Refused, "422 video_unreadable"));
        tally.Add(broken, Ended(Outcome.Refused, "500 internal_error"));
        tally.Add(good, Ended(Outcome.Cancelled, null));
        tally.Add(leaving, Ended(Outcome.Broken, "200 stream_without_end"));
        Assert.Equal(["200 stream_without_end", "422 video_unreadable", "500 internal_error", "cancelled"], tally.Improper.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(8, tally.Count);
    }

    private static Exchange Ended(Outcome outcome, string? code) => new(0, 1, outcome, 200, code, new());

    private static StreamTiming Read(params string[] events)
    {
        var timing = new StreamTiming();
        for (var i = 0; i < events.Length; i++) timing.Add(events[i], 10 * (i + 1));
        return timing;
    }
}
