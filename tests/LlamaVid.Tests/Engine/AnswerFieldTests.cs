using LlamaVid.Engine;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Engine;

/// <summary>What a request says of its answer, in a running engine: ends, likelihoods, several answers; and that company changes none of it.</summary>
public sealed class AnswerFieldTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private readonly GenerationEngine _engine = fixture.Engine;
    private readonly LlamaTokenizer _tokenizer = fixture.Engine.Models[0].Tokenizer;

    [Fact]
    public async Task Answers_of_one_request_share_its_prompt_and_draw_for_themselves()
    {
        var request = fixture.Video("What happens?") with { Choices = 4, Sampling = new() { Temperature = 1.5, TopK = 0, Seed = 3 } };
        var events = await _engine.Submit(request).AllAsync();

        Assert.Single(events.OfType<GenerationEvent.Prepared>());
        var answers = Answers(events);
        Assert.Equal(4, answers.Count);
        Assert.Equal(4, answers.Values.Select(answer => string.Join(',', answer)).Distinct().Count());
        var ends = events.OfType<GenerationEvent.ChoiceFinished>().Select(ended => ended.End.Choice).Append(((GenerationEvent.Finished)events[^1]).Choice);
        Assert.Equal([0, 1, 2, 3], ends.Order());
        Assert.Equal(await _engine.Submit(request with { Choices = 1 }).TokensAsync(), answers[0]);
    }

    [Fact]
    public async Task Answers_end_at_different_lengths_and_the_others_go_on()
    {
        var request = EngineFixture.Text("Tell me", 40) with { Choices = 6, Sampling = new() { Temperature = 2, TopK = 0, Seed = 5 }, StopTokens = [.. Enumerable.Range(100, 60)] };
        var answers = Answers(await _engine.Submit(request).AllAsync());
        Assert.True(answers.Values.Select(answer => answer.Count).Distinct().Count() > 1);
        for (var choice = 0; choice < 6; choice++)
            Assert.True(answers[choice].Count == 40 || answers[choice][^1] is >= 100 and < 160 || answers[choice][^1] == _tokenizer.EosId);
    }

    [Fact]
    public async Task More_answers_than_run_at_a_time_run_alone()
    {
        await using var engine = await fixture.StartAsync(new() { MaxRunningSequences = 2 });
        var request = EngineFixture.Text("Hello", 5) with { Choices = 5, IgnoreEos = true };
        var all = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => engine.Submit(request).AllAsync()));
        Assert.All(all, events => Assert.Equal(5, Answers(events).Count));
    }

    [Fact]
    public async Task More_positions_than_a_worker_holds_are_refused()
    {
        await using var engine = await fixture.StartAsync(new() { KvCacheTokens = 200 });
        var fault = await engine.Submit(EngineFixture.Text("Hello", 60) with { Choices = 4 }).FaultAsync();
        Assert.Equal(200, Assert.IsType<TooManyChoicesException>(fault).Limit);
        for (var i = 0; i < 4; i++)                                         // what one holds is there for the next
            Assert.Equal(2, Answers(await engine.Submit(EngineFixture.Text("Hello", 30) with { Choices = 2 }).AllAsync()).Count);
    }

    [Fact]
    public async Task Company_changes_no_answer_whatever_its_fields()
    {
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 12).Select(i => (i % 2 == 0 ? EngineFixture.Text($"Say {i}") : fixture.Video($"What {i}?")) with
            {
                Choices = 1 + i % 3, MinTokens = i % 4, StopTokens = i % 5 == 0 ? [300, 301] : [],
                Sampling = new()
                {
                    Temperature = 0.9, Seed = i, TopK = i % 3 * 20, TopP = i % 2 == 0 ? 1 : 0.9, MinP = i % 4 == 0 ? 0.05 : 0, RepetitionPenalty = i % 3 == 0 ? 1.3 : 1,
                    PresencePenalty = i % 2, FrequencyPenalty = i % 3 == 1 ? 0.7 : 0, Bias = i % 4 == 1 ? new Dictionary<int, double> { [10 + i] = 5 } : null, Likeliest = i % 2 == 0 ? 3 : null,
                },
            }),
        ];
        var alone = new List<List<GenerationEvent>>();
        foreach (var request in requests) alone.Add(await _engine.Submit(request).AllAsync());
        var together = await Task.WhenAll(requests.Select(request => _engine.Submit(request).AllAsync()));
        for (var i = 0; i < requests.Length; i++)
        {
            Assert.Equal(Answers(alone[i]), Answers(together[i]));
            foreach (var (one, other) in Tokens(alone[i]).Zip(Tokens(together[i])))
            {
                Assert.Equal(one.Likeliest.Select(each => each.Id), other.Likeliest.Select(each => each.Id));
                Assert.Equal(one.Likelihood?.LogProbability ?? 0, other.Likelihood?.LogProbability ?? 0, 1e-4);
            }
        }
    }

    [Fact]
    public async Task Likelihoods_are_those_before_bias_and_sum_to_one()
    {
        var size = _engine.Card!.VocabularySize;
        var plain = EngineFixture.Text("Hello", 3) with { IgnoreEos = true, Sampling = new() { Temperature = 0, Likeliest = size } };
        var token = Tokens(await _engine.Submit(plain).AllAsync())[0];

        Assert.Equal(1, token.Likeliest.Sum(each => Math.Exp(each.LogProbability)), 1e-6);
        Assert.Equal((token.Id, token.Likelihood!.LogProbability), (token.Likeliest[0].Id, token.Likeliest[0].LogProbability));
        var second = token.Likeliest[1];
        var biased = plain with { Sampling = plain.Sampling with { Bias = new Dictionary<int, double> { [second.Id] = 100 }, Likeliest = 0 } };
        var drawn = Tokens(await _engine.Submit(biased).AllAsync())[0];
        Assert.Equal(second.Id, drawn.Id);
        Assert.Equal(second.LogProbability, drawn.Likelihood!.LogProbability, 1e-5);
        Assert.Empty(drawn.Likeliest);
        Assert.Equal(_tokenizer.BytesOf(second.Id), drawn.Likelihood.Bytes);
    }

    [Fact]
    public async Task Nothing_ends_an_answer_before_its_least_length()
    {
        var free = await _engine.Submit(EngineFixture.Text("Hello", 30) with { IgnoreEos = true }).TokensAsync();
        var end = free[3];
        var cut = EngineFixture.Text("Hello", 30) with { IgnoreEos = true, StopTokens = [end] };
        Assert.Equal(free.IndexOf(end) + 1, (await _engine.Submit(cut).TokensAsync()).Count);

        var longer = await _engine.Submit(cut with { MinTokens = 10 }).TokensAsync();
        Assert.DoesNotContain(end, longer.Take(10));
        Assert.True(longer.Count >= 10);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stop_text_is_part_of_the_answer_when_asked_for(bool kept)
    {
        var request = EngineFixture.Text("Hello", 30) with { IgnoreEos = true };
        var whole = Text(await _engine.Submit(request).AllAsync());
        var stop = whole.Trim()[2..5];
        var events = await _engine.Submit(request with { Stop = [stop], KeepsStop = kept }).AllAsync();

        Assert.Equal(whole[..(whole.IndexOf(stop, StringComparison.Ordinal) + (kept ? stop.Length : 0))], Text(events));
        Assert.Equal(new AnswerStop(stop, null), ((GenerationEvent.Finished)events[^1]).StoppedBy);
    }

    private static string Text(List<GenerationEvent> events) => string.Concat(Tokens(events).Select(token => token.Text)) + ((GenerationEvent.Finished)events[^1]).Text;

    private static List<GenerationEvent.Token> Tokens(List<GenerationEvent> events) => [.. events.OfType<GenerationEvent.Token>()];

    private static Dictionary<int, List<int>> Answers(List<GenerationEvent> events) =>
        Tokens(events).GroupBy(token => token.Choice).OrderBy(group => group.Key).ToDictionary(group => group.Key, group => group.Select(token => token.Id).ToList());
}
