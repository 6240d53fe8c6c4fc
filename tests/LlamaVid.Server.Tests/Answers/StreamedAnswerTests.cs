using System.Text;
using System.Threading.Channels;
using LlamaVid.Engine;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace LlamaVid.Server.Tests.Answers;

/// <summary>The bytes of a stream, event by event, with time in our hands.</summary>
public sealed class StreamedAnswerTests : IDisposable
{
    private static readonly PromptReport Prompt = new("p", [1, -200, 5], 12, 4, 10, 0, [new(MediaKind.Video, 2, [0, 1], 2.5, 25, 64, 48, 5, WasKnown: false)]);
    private static readonly GenerationTimings Timings = new(1, 2, 3, 4, 5, 6, 7);

    private readonly Channel<GenerationEvent> _events = Channel.CreateUnbounded<GenerationEvent>();
    private readonly FakeTimeProvider _time = new();
    private readonly Body _body = new();

    [Fact]
    public async Task Role_text_end_and_done_in_order()
    {
        Send(new GenerationEvent.Queued(0, 1, null), new GenerationEvent.Progress(WorkStage.Vision, 1, 2), new GenerationEvent.Prepared(Prompt),
            new GenerationEvent.Token(7, " "), new GenerationEvent.Token(8, "Hel"), new GenerationEvent.Token(9, "lo "), new GenerationEvent.Finished(FinishReason.Stop, "", Timings));

        await Run(new(Stream: true, IncludeUsage: false, IncludeProgress: false, ReturnTokenIds: false, null));

        Assert.Equal("""
            data: {"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"video":{"kind":"video","frames":2,"timestamps":[0,1],"duration":2.5,"fps":25,"width":64,"height":48,"tokens_per_frame":5,"feature_cache":"miss"}}

            data: {"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}]}

            data: {"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null}]}

            data: {"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"timings":{"queue_ms":1,"fetch_ms":2,"decode_video_ms":3,"vision_ms":4,"prefill_ms":5,"decode_ms":6,"time_to_first_token_ms":7}}

            data: [DONE]


            """.ReplaceLineEndings("\n"), _body.Text);
    }

    [Fact]
    public async Task Usage_is_a_chunk_without_choices()
    {
        Send(new GenerationEvent.Prepared(Prompt), new GenerationEvent.Token(8, "A"), new GenerationEvent.Finished(FinishReason.Length, "", Timings));
        await Run(new(true, IncludeUsage: true, false, false, null));

        Assert.Equal(
            """data: {"id":"c1","object":"chat.completion.chunk","created":5,"model":"m","system_fingerprint":"fp","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":13,"prompt_tokens_details":{"video_tokens":10,"image_tokens":0,"cached_tokens":4}}}""",
            Events()[^2]);
        Assert.Equal("data: [DONE]", Events()[^1]);
    }

    [Fact]
    public async Task Every_token_id_is_carried_by_some_chunk()
    {
        Send(new GenerationEvent.Prepared(Prompt), new GenerationEvent.Token(7, ""), new GenerationEvent.Token(8, "A"), new GenerationEvent.Token(2, ""), new GenerationEvent.Finished(FinishReason.Stop, "", Timings));
        await Run(new(true, false, false, ReturnTokenIds: true, null));

        Assert.Contains("\"prompt_token_ids\":[1,-200,5]", Events()[0], StringComparison.Ordinal);
        Assert.Contains("\"token_ids\":[7,8]", Events()[1], StringComparison.Ordinal);
        Assert.Contains("\"token_ids\":[2]", Events()[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_answers_come_side_by_side_each_with_its_role_its_end_and_its_likelihoods()
    {
        Send(new GenerationEvent.Prepared(Prompt), Likely(7, "A", 0), Likely(8, "B", 1),
            new GenerationEvent.ChoiceFinished(new(1, FinishReason.Stop, "!", new(null, 8))), Likely(9, " c", 0), new GenerationEvent.Finished(FinishReason.Length, "", Timings));
        await Run(new(true, IncludeUsage: true, false, false, null, Logprobs: true));

        var choices = Events()[..^1].Select(text => System.Text.Json.JsonElement.Parse(text["data: ".Length..]))
            .SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray()).Select(choice => choice.ToString()).ToArray();
        Assert.Equal([
            """{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}""",
            """{"index":0,"delta":{"content":"A"},"logprobs":{"content":[{"token":"A","logprob":-0.5,"bytes":[65],"top_logprobs":[{"token":"A","logprob":-9999,"bytes":[65]}]}],"refusal":null},"finish_reason":null}""",
            """{"index":1,"delta":{"role":"assistant","content":"B"},"logprobs":{"content":[{"token":"B","logprob":-0.5,"bytes":[66],"top_logprobs":[{"token":"B","logprob":-9999,"bytes":[66]}]}],"refusal":null},"finish_reason":null}""",
            """{"index":1,"delta":{"content":"!"},"logprobs":null,"finish_reason":null}""",
            """{"index":1,"delta":{},"logprobs":null,"finish_reason":"stop","stop_reason":8}""",
            """{"index":0,"delta":{"content":" c"},"logprobs":{"content":[{"token":" c","logprob":-0.5,"bytes":[32,99],"top_logprobs":[{"token":" c","logprob":-9999,"bytes":[32,99]}]}],"refusal":null},"finish_reason":null}""",
            """{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}""",
        ], choices);
        Assert.Contains("\"completion_tokens\":3", Events()[^2], StringComparison.Ordinal);

        static GenerationEvent Likely(int id, string text, int choice)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            return new GenerationEvent.Token(id, text) { Choice = choice, Likelihood = new(id, text, bytes, -0.5), Likeliest = [new(id, text, bytes, double.NegativeInfinity)] };
        }
    }

    [Fact]
    public async Task Progress_is_told_when_asked_for()
    {
        Send(new GenerationEvent.Queued(2, 3, TimeSpan.FromSeconds(1.5)), new GenerationEvent.Progress(WorkStage.Decode, 4, null), new GenerationEvent.Prepared(Prompt), new GenerationEvent.Finished(FinishReason.Stop, "A", Timings));
        await Run(new(true, false, IncludeProgress: true, false, null));

        Assert.Contains("\"role\":\"assistant\"", Events()[0], StringComparison.Ordinal);
        Assert.Contains("\"queue_position\":2,\"queue_pending\":3", Events()[0], StringComparison.Ordinal);
        Assert.Contains("\"progress\":{\"stage\":\"decode\",\"done\":4,\"total\":null}", Events()[1], StringComparison.Ordinal);
        Assert.Single(Events(), text => text.Contains("\"role\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_fault_before_the_first_byte_is_thrown_and_nothing_is_written()
    {
        Send(new GenerationEvent.Progress(WorkStage.Fetch, 0, null), new GenerationEvent.Failed(new QueueTimeoutException(TimeSpan.FromSeconds(1))));
        await Assert.ThrowsAsync<QueueTimeoutException>(() => Run(new(true, false, false, false, null)));
        Assert.Equal("", _body.Text);
    }

    [Fact]
    public async Task The_role_comes_when_the_request_is_admitted_and_faults_come_in_the_stream_from_then_on()
    {
        Send(new GenerationEvent.Queued(0, 1, null), new GenerationEvent.Admitted(), new GenerationEvent.Failed(new QueueTimeoutException(TimeSpan.FromSeconds(1))));
        await Run(new(true, false, false, false, null));

        Assert.Equal(2, Events().Length);
        Assert.Contains("\"delta\":{\"role\":\"assistant\",\"content\":\"\"}", Events()[0], StringComparison.Ordinal);
        Assert.Contains("\"code\":\"queue_timeout\"", Events()[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_fault_after_the_first_byte_ends_the_stream_without_done()
    {
        Send(new GenerationEvent.Prepared(Prompt), new GenerationEvent.Token(8, "A"), new GenerationEvent.Failed(new EngineStoppedException()));
        await Run(new(true, false, false, false, null));

        Assert.StartsWith("data: {\"error\":{\"message\":", Events()[^1], StringComparison.Ordinal);
        Assert.DoesNotContain("[DONE]", _body.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_comment_goes_out_whenever_an_interval_was_silent()
    {
        var run = Run(new(true, false, false, false, null));
        Assert.InRange(await SecondsUntil(": keep-alive\n\n"), 10, 20);

        Send(new GenerationEvent.Progress(WorkStage.Decode, 1, 2));           // not told, so the silence goes on
        Assert.InRange(await SecondsUntil(": keep-alive\n\n: keep-alive\n\n"), 1, 20);

        Send(new GenerationEvent.Prepared(Prompt), new GenerationEvent.Finished(FinishReason.Stop, "Hi", Timings));
        await run;
        Assert.Equal("data: [DONE]", Events()[^1]);
    }

    [Fact]
    public async Task A_client_that_leaves_ends_the_wait()
    {
        using var left = new CancellationTokenSource();
        var run = Run(new(true, false, false, false, null), left.Token);
        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    [Fact]
    public async Task A_connection_that_breaks_during_a_silence_ends_the_wait()
    {
        _body.IsBroken = true;
        var run = Run(new(true, false, false, false, null));
        for (var second = 0; second < 1000 && !run.IsCompleted; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1, TestContext.Current.CancellationToken);          // the writer runs on another thread
        }
        await Assert.ThrowsAsync<IOException>(() => run);
    }

    public void Dispose() => _body.Dispose();

    private void Send(params GenerationEvent[] events) => Array.ForEach(events, @event => Assert.True(_events.Writer.TryWrite(@event)));

    /// <summary>Lets seconds of silence pass until this is what was written.</summary>
    private async Task<int> SecondsUntil(string written)
    {
        for (var second = 1; second <= 1000; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            for (var turn = 0; turn < 20 && _body.Text != written; turn++)
                await Task.Delay(1, TestContext.Current.CancellationToken);      // the writer runs on another thread
            if (_body.Text == written)
                return second;
        }
        return int.MaxValue;
    }

    private string[] Events() => _body.Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);

    private Task Run(AnswerOptions options, CancellationToken? token = null)
    {
        var context = new DefaultHttpContext { Response = { Body = _body } };
        return new StreamedAnswer(new EventStream(context.Response, _time), new AnswerBuilder("c1", "m", "fp", 5), options, _time, TimeSpan.FromSeconds(10), fault => ErrorMap.Map(fault, "r1").Error)
            .WriteAsync(_events.Reader.ReadAllAsync(CancellationToken.None), token ?? TestContext.Current.CancellationToken);
    }

    private sealed class Body : MemoryStream
    {
        private readonly Lock _gate = new();

        public bool IsBroken { get; set; }

        public string Text { get { lock (_gate) return Encoding.UTF8.GetString(ToArray()); } }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            if (IsBroken) throw new IOException("The connection is gone.");
            lock (_gate)
                Write(buffer.Span);
        }
    }
}
