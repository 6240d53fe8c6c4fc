using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

public sealed class LogitRulesTests
{
    [Fact]
    public void Repetition_divides_what_is_likely_and_multiplies_what_is_not_of_the_prompt_and_of_the_answer()
    {
        var rules = new LogitRules(new() { RepetitionPenalty = 2 }, [0, 1]);
        rules.Say(2);
        Assert.Equal([2f, -8, 3, 6], Applied(rules, 4, -4, 6, 6));
    }

    [Fact]
    public void Presence_counts_once_and_frequency_each_time_and_the_prompt_not_at_all()
    {
        var rules = new LogitRules(new() { PresencePenalty = 1, FrequencyPenalty = 0.5 }, [0, 1]);
        rules.Say(2);
        rules.Say(2);
        rules.Say(1);
        Assert.Equal([4f, 2.5f, 2], Applied(rules, 4, 4, 4));
    }

    [Fact]
    public void Bias_is_added_before_the_penalties()
    {
        var rules = new LogitRules(new() { RepetitionPenalty = 2, Bias = new Dictionary<int, double> { [0] = 2, [1] = -100 } }, [0]);
        Assert.Equal([2f, -98, 2], Applied(rules, 2, 2, 2));
    }

    [Fact]
    public void Prompts_may_hold_ids_beyond_the_logits() => Assert.Equal([1f], Applied(new(new() { RepetitionPenalty = 2 }, [0, 7]), 2));

    [Fact]
    public void Neutral_numbers_change_nothing() => Assert.True(new LogitRules(new(), [1]).ChangeNothing);

    private static float[] Applied(LogitRules rules, params float[] logits)
    {
        rules.Apply(logits);
        return logits;
    }
}
