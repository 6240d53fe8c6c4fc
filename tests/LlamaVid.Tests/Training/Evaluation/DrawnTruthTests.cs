using LlamaVid.Training.Evaluation;
using LlamaVid.Training.Evaluation.Samples;

namespace LlamaVid.Tests.Training.Evaluation;

/// <summary>How many objects a question is about, and where in a film: from the truth, or from what the answers tell.</summary>
public sealed class DrawnTruthTests : IDisposable
{
    private readonly DataFolder _data = new();

    [Fact]
    public void The_truth_tells_a_clips_objects_and_the_place_of_a_films_named_scene()
    {
        _data.Write("truth.jsonl", """
            {"video":"clip.mp4","scenes":[{"start":0,"seconds":5,"background":"navy","objects":[{},{}]}]}
            {"video":"film.mp4","scenes":[{"start":0,"seconds":4,"background":"black","objects":[{}]},{"start":4,"seconds":8,"background":"teal","objects":[{},{},{}]},{"start":12,"seconds":4,"background":"gray","objects":[{}]}]}
            """);
        var (clip, film) = (Sample("clip.mp4", "Why?"), Sample("film.mp4", "In the teal scene, how many objects are there?"));
        var truth = DrawnTruth.Read(_data.Path, [clip, film]);
        Assert.Equal((2, null), (truth.Objects(clip), truth.Position(clip)));
        Assert.Equal((3, 0.5), (truth.Objects(film), truth.Position(film)));
        Assert.Null(truth.Position(Sample("film.mp4", "In the navy scene, how many objects are there?")));
        Assert.Null(truth.Objects(Sample("other.mp4", "Why?")));
    }

    [Fact]
    public void Without_a_truth_the_count_questions_answer_tells()
    {
        Sample[] samples =
        [
            Sample("a.mp4", "Why?"), Sample("a.mp4", "How many?") with { Type = "count", Answer = "three" },
            Sample("b.mp4", "How many?") with { Type = "count", Answer = "2" }, Sample("c.mp4", "How many?") with { Type = "count", Answer = "a lot" },
        ];
        var truth = DrawnTruth.Read(_data.Path, samples);
        Assert.Equal([3, 3, 2, null], samples.Select(truth.Objects));
        Assert.All(samples, sample => Assert.Null(truth.Position(sample)));
    }

    [Theory]
    [InlineData("{", "truth.jsonl, line 1: is not JSON (")]
    [InlineData("""{"video":"a.mp4"}""", "truth.jsonl, line 1: has not the form of docs/shapes-world.md.")]
    [InlineData("""{"video":"a.mp4","scenes":[{"start":"0"}]}""", "truth.jsonl, line 1: has not the form of docs/shapes-world.md.")]
    public void A_truth_that_cannot_be_read_is_a_fault_and_no_missing_truth(string text, string message)
    {
        _data.Write("truth.jsonl", text);
        Assert.StartsWith(message, Assert.Throws<EvaluationFaultException>(() => DrawnTruth.Read(_data.Path, [])).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _data.Dispose();

    private Sample Sample(string video, string question) => new("here", _data[video], "t", question, "a");
}
