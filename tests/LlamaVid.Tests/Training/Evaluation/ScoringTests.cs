using LlamaVid.Training.Evaluation.Scoring;

namespace LlamaVid.Tests.Training.Evaluation;

/// <summary>What counts as right, how sure a share is, and which replies of a judge are verdicts.</summary>
public sealed class ScoringTests
{
    [Theory]
    [InlineData(0, 0, 0, 1)]
    [InlineData(0, 10, 0, 0.2775)]
    [InlineData(10, 10, 0.7225, 1)]
    [InlineData(5, 10, 0.2366, 0.7634)]
    [InlineData(95, 100, 0.8882, 0.9785)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Wilsons_interval_has_the_published_values(int right, int count, double low, double high)
    {
        var interval = new Tally(right, count).Interval;
        Assert.Equal(low, interval.Low, 0.0001);
        Assert.Equal(high, interval.High, 0.0001);
    }

    [Theory]
    [InlineData("color", "red", "red", true)]
    [InlineData("color", "red", " Red. ", true)]
    [InlineData("color", "red", "the red", false)]
    [InlineData("color", "red", "", false)]
    [InlineData("count", "two", "two..", false)]
    [InlineData("description", "There is one object. A red circle moves up.", "a red circle moves up. there is one object", true)]
    [InlineData("description", "There is one object. A red circle moves up.", "There is one object.", false)]
    [InlineData("description", "There is one object. A red circle moves up.", "There is one object. A red circle moves up. A blue square stays still.", false)]
    [InlineData("description", "There is one object.", "", false)]
    public void Right_is_the_same_text_or_the_same_sentences(string type, string expected, string given, bool isRight) =>
        Assert.Equal(isRight, AnswerMatch.IsRight(type, expected, given));

    [Theory]
    [InlineData("A a. B b.", "A a. B b.", 1)]
    [InlineData("A a. B b.", "B b. C c.", 0.5)]
    [InlineData("A a. B b.", "A a.", 0.5)]
    [InlineData("A a.", "A a. B b. C c. D d.", 0.25)]
    [InlineData("A a.", "", 0)]
    public void Missing_wrong_and_surplus_sentences_cost_alike(string expected, string given, double share) =>
        Assert.Equal(share, AnswerMatch.RightSentences(expected, given), 9);

    [Theory]
    [InlineData("cat", "It is a cat, I think.", true)]
    [InlineData("cat", "A catalogue.", false)]
    [InlineData("ice cream", "She eats ice-cream", true)]
    [InlineData("ice cream", "cream and ice", false)]
    public void Contained_are_whole_words_in_a_row(string expected, string given, bool isContained) =>
        Assert.Equal(isContained, AnswerMatch.IsContained(expected, given));

    [Theory]
    [InlineData("{'pred': 'yes', 'score': 4}", true, 4)]
    [InlineData("{'pred': 'No', 'score': 0}", false, 0)]
    [InlineData("""{"pred": "yes", "score": 4.8}""", true, 4)]
    [InlineData("Sure! {'predicted': 'no', 'score': '2'} Anything else?", false, 2)]
    [InlineData("```\n{\n 'score': 5,\n 'pred': 'yes'\n}\n```", true, 5)]
    public void Verdicts_are_read_in_the_published_forms(string reply, bool isMatch, int score) =>
        Assert.Equal(new Verdict(isMatch, score), Verdict.Parse(reply, needsMatch: true));

    [Theory]
    [InlineData("")]
    [InlineData("yes, 5")]
    [InlineData("{'pred': 'maybe', 'score': 3}")]
    [InlineData("{'pred': 'yes'}")]
    [InlineData("{'score': 3}")]
    [InlineData("{'pred': 'yes', 'score': 6}")]
    [InlineData("{'pred': 'yes', 'score': -1}")]
    [InlineData("{'pred': 'yes', 'score': NaN}")]
    [InlineData("{'pred': 'yes', 'pred': 'no', 'score': 3}")]
    [InlineData("{'pred': 'yes', 'score': 3} or {'pred': 'no', 'score': 1}")]
    public void Anything_else_is_no_verdict(string reply) => Assert.Null(Verdict.Parse(reply, needsMatch: true));

    [Fact]
    public void A_score_alone_is_a_verdict_where_no_match_is_asked_for() =>
        Assert.Equal(new Verdict(null, 3), Verdict.Parse("{'score': 3}", needsMatch: false));
}
