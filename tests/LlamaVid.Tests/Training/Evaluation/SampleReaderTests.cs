using LlamaVid.Training.Evaluation;
using LlamaVid.Training.Evaluation.Samples;

namespace LlamaVid.Tests.Training.Evaluation;

/// <summary>Annotation files in their published forms, and every way in which they break.</summary>
public sealed class SampleReaderTests : IDisposable
{
    private readonly DataFolder _data = new();
    private readonly StringWriter _notes = new();

    [Fact]
    public void Questions_of_drawn_clips_are_read_in_order()
    {
        _data.Videos("a.mp4", "b.mp4").Write("questions.jsonl", """
            {"video":"a.mp4","type":"color","question":"What color is the cross?","answer":"red"}

            {"video":"b.mp4","type":"count","question":"How many objects are there?","answer":"two"}
            """);
        var samples = Read(_data.Order(AnnotationFormat.Questions));
        Assert.Equal([new("questions.jsonl, line 1", _data["a.mp4"], "color", "What color is the cross?", "red"),
            new("questions.jsonl, line 3", _data["b.mp4"], "count", "How many objects are there?", "two")], samples);
    }

    [Fact]
    public void The_limit_counts_videos_and_keeps_all_their_questions()
    {
        _data.Videos("a.mp4", "b.mp4").Write("questions.jsonl",
            string.Join('\n', Line("a.mp4", "1?"), Line("b.mp4", "1?"), Line("a.mp4", "2?"), Line("b.mp4", "2?")));
        Assert.Equal(["1?", "2?"], Read(_data.Order(AnnotationFormat.Questions) with { Limit = 1 }).Select(sample => sample.Question));
    }

    [Fact]
    public void Msvd_numbers_become_names_by_the_mapping_file()
    {
        _data.Videos("abc_1_5.avi");
        var questions = _data.Write("test_qa.json", """[{"answer":"someone","id":0,"question":"who is cooking?","video_id":7}]""");
        var mapping = _data.Write("youtube_mapping.txt", "xyz_2_9 vid6\nabc_1_5 vid7\n");
        Assert.Equal(new("test_qa.json, element 1", _data["abc_1_5.avi"], "who", "who is cooking?", "someone"),
            Assert.Single(Read(_data.Order(AnnotationFormat.Msvd, annotations: [questions, mapping]))));
    }

    [Fact]
    public void Msvd_names_need_no_mapping()
    {
        _data.Videos("abc_1_5.mp4", "vid7.mp4");
        var questions = _data.Write("test_qa.json", """
            [{"answer":"a","id":"x1","question":"Is it?","video_id":"abc_1_5"},{"answer":"b","id":2,"question":"where?","video_id":7}]
            """);
        var samples = Read(_data.Order(AnnotationFormat.Msvd, annotations: questions));
        Assert.Equal(["other", "other"], samples.Select(sample => sample.Type));
        Assert.Equal([_data["abc_1_5.mp4"], _data["vid7.mp4"]], samples.Select(sample => sample.Video));
    }

    [Fact]
    public void Msrvtt_video_7010_is_video7010_mp4()
    {
        _data.Videos("video7010.mp4");
        var questions = _data.Write("test_qa.json", """[{"answer":"couch","category_id":14,"id":158581,"question":"what is a person doing?","video_id":7010}]""");
        Assert.Equal(new("test_qa.json, element 1", _data["video7010.mp4"], "what", "what is a person doing?", "couch"),
            Assert.Single(Read(_data.Order(AnnotationFormat.Msrvtt, annotations: questions))));
    }

    [Fact]
    public void ActivityNet_joins_questions_and_answers_by_id_whatever_their_order()
    {
        _data.Videos("v_one.mkv", "v_two.mp4");
        var questions = _data.Write("test_q.json", """
            [{"video_name":"one","question":"is it day","question_id":"one_1"},{"video_name":"two","question":"what color is it","question_id":"two_1"}]
            """);
        var answers = _data.Write("test_a.json", """[{"answer":"blue","type":4,"question_id":"two_1"},{"answer":"yes","type":3,"question_id":"one_1"}]""");
        Assert.Equal([("yes_no", "yes"), ("color", "blue")],
            Read(_data.Order(AnnotationFormat.ActivityNet, annotations: [questions, answers])).Select(sample => (sample.Type, sample.Answer)));
    }

    [Fact]
    public void The_video_chatgpt_files_say_by_name_what_is_judged()
    {
        _data.Videos("v.mp4");
        var generic = _data.Write("generic_qa.json", """[{"Q":"What?","A":"That.","video_name":"v"}]""");
        var temporal = _data.Write("temporal_qa.json", """[{"Q":"What?","A":"That.","video_name":"v"}]""");
        var consistency = _data.Write("consistency_qa.json", """[{"Q1":"What?","Q2":"And what?","A":"That.","video_name":"v"}]""");
        var samples = Read(_data.Order(AnnotationFormat.VideoChatGpt, annotations: [generic, temporal, consistency]));
        Assert.Equal(["generic", "temporal", "consistency"], samples.Select(sample => sample.Type));
        Assert.Equal(["What?", "And what?"], samples[2].Questions);
    }

    [Theory]
    [InlineData("", "questions.jsonl: the file is empty.")]
    [InlineData("  \n \n", "questions.jsonl: the file is empty.")]
    [InlineData("[{]", "questions.jsonl: is not JSON (")]
    [InlineData("""{"video":"a.mp4","type":"t","question":"q?" """, "questions.jsonl, line 1: is not JSON (")]
    [InlineData("7", "questions.jsonl, line 1: must be a JSON object and is number.")]
    [InlineData("""{"type":"t","question":"q?","answer":"a"}""", "questions.jsonl, line 1: \"video\" must be a text that is not empty.")]
    [InlineData("""{"video":"a.mp4","type":"t","question":"q?","answer":""}""", "questions.jsonl, line 1: \"answer\" must be a text that is not empty.")]
    [InlineData("""{"video":"a.mp4","type":"t","question":["q?"],"answer":"a"}""", "questions.jsonl, line 1: \"question\" must be a text that is not empty.")]
    [InlineData("""{"video":"none.mp4","type":"t","question":"q?","answer":"a"}""", "questions.jsonl, line 1: there is no video 'none.mp4' in ")]
    public void Broken_files_and_lines_stop_the_run_by_name(string text, string message)
    {
        _data.Videos("a.mp4").Write("questions.jsonl", text);
        Assert.Contains(message, Assert.Throws<EvaluationFaultException>(() => Read(_data.Order(AnnotationFormat.Questions))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_named()
    {
        File.WriteAllBytes(_data["questions.jsonl"], [0x7B, 0xC3, 0x28]);
        Assert.Contains("is not UTF-8 text", Assert.Throws<EvaluationFaultException>(() => Read(_data.Order(AnnotationFormat.Questions))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Skipped_lines_are_named_and_counted_and_the_rest_is_read()
    {
        _data.Videos("a.mp4").Write("questions.jsonl", string.Join('\n',
            Line("a.mp4", "1?"), "{broken", Line("gone.mp4", "1?"), Line("a.mp4", "1?"), "null", Line("a.mp4", "2?")));
        var faults = new Faults(OnError.Skip, _notes);
        Assert.Equal(["1?", "2?"], SampleReader.Read(_data.Order(AnnotationFormat.Questions, OnError.Skip), faults).Select(sample => sample.Question));
        Assert.Equal(4, faults.Count);
        var notes = _notes.ToString().TrimEnd().Split('\n');
        Assert.Equal(["line 2", "line 3", "line 4", "line 5"], notes.Select(note => note.Split(", ")[1].Split(':')[0]));
        Assert.Contains("is a duplicate of questions.jsonl, line 1", notes[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_left_is_a_fault_even_when_skipping()
    {
        _data.Write("questions.jsonl", Line("gone.mp4", "1?"));
        Assert.EndsWith("no question is left to ask (1 skipped).",
            Assert.Throws<EvaluationFaultException>(() => Read(_data.Order(AnnotationFormat.Questions, OnError.Skip))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"question_id":"other","answer":"a","type":0}]""", "question 1 has no answer in")]
    [InlineData("""[{"question_id":"1","answer":"a","type":9}]""", "\"type\" is 9 and must be from 0 to 8.")]
    [InlineData("""[{"question_id":"1","answer":"a","type":0},{"question_id":"1","answer":"b","type":0}]""", "is a second answer to question 1.")]
    public void ActivityNet_answers_that_do_not_fit_are_named(string answers, string message)
    {
        _data.Videos("v_one.mp4");
        string[] files = [_data.Write("q.json", """[{"video_name":"one","question":"q","question_id":"1"}]"""), _data.Write("a.json", answers)];
        Assert.Contains(message, Assert.Throws<EvaluationFaultException>(
            () => Read(_data.Order(AnnotationFormat.ActivityNet, annotations: files))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("7", "video 7 is not in the mapping file.")]
    [InlineData("8", "there is no video 'gone' or 'vid8' in")]
    public void Msvd_videos_that_the_mapping_does_not_lead_to_are_named(string id, string message)
    {
        string[] files = [_data.Write("test_qa.json", $$"""[{"answer":"a","id":0,"question":"q","video_id":{{id}}}]"""), _data.Write("map.txt", "gone vid8")];
        Assert.Contains(message, Assert.Throws<EvaluationFaultException>(() => Read(_data.Order(AnnotationFormat.Msvd, annotations: files))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_mapping_line_that_is_no_pair_is_named()
    {
        string[] files = [_data.Write("test_qa.json", """[{"answer":"a","id":0,"question":"q","video_id":1}]"""), _data.Write("map.txt", "one vid1\ntwo\n")];
        Assert.StartsWith("map.txt, line 2:", Assert.Throws<EvaluationFaultException>(() =>
            Read(_data.Order(AnnotationFormat.Msvd, annotations: files))).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _data.Dispose();
        _notes.Dispose();
    }

    private IReadOnlyList<Sample> Read(EvaluateOrder order) => SampleReader.Read(order, new(order.OnError, _notes));

    private static string Line(string video, string question) => $$"""{"video":"{{video}}","type":"t","question":"{{question}}","answer":"a"}""";
}
