using System.Text.Json;
using LlamaVid.Training.Evaluation;

namespace LlamaVid.Tests.Training.Evaluation;

/// <summary>The evaluate command as a user runs it: drawn clips, a real checkpoint, a real endpoint, and everything that breaks.</summary>
[Collection(AloneCollection.Name)]
public sealed class EvaluateCommandTests : IDisposable
{
    private readonly DataFolder _data = new();

    [Fact]
    public async Task Drawn_clips_are_scored_by_type_and_the_last_line_is_json()
    {
        await _data.DrawAsync(clips: 3);
        var questions = await File.ReadAllLinesAsync(_data["questions.jsonl"], Cancel);
        var (code, output, error) = await _data.EvaluateAsync("--model", Repository.TinyModel, "--json", "--plot", _data["plot.svg"], "--answers",
            _data["answers.jsonl"]);
        Assert.True(code == 0, error);

        var json = LastLine(output);
        Assert.Equal((questions.Length, 0), (json.GetProperty("count").GetInt32(), json.GetProperty("skipped").GetInt32()));
        var types = questions.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("type").GetString()!).GroupBy(type => type)
            .ToDictionary(group => group.Key, group => group.Count());
        Assert.Equal(types, json.GetProperty("by_type").EnumerateObject().ToDictionary(type => type.Name, type => type.Value.GetProperty("count").GetInt32()));
        Assert.Equal(["accuracy", "count", "low", "high"], json.GetProperty("by_type").GetProperty("color").EnumerateObject().Select(field => field.Name));
        Assert.Equal("{}", json.GetProperty("ablation").GetRawText());
        Assert.Equal(questions.Length, (await File.ReadAllLinesAsync(_data["answers.jsonl"], Cancel)).Length);
        Assert.StartsWith("<?xml", await File.ReadAllTextAsync(_data["plot.svg"], Cancel), StringComparison.Ordinal);
        Assert.Contains("3 of 3 videos", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ablation_is_reported_for_all_questions_and_for_two_and_three_objects()
    {
        await _data.DrawAsync(clips: 2);
        var (code, output, error) = await _data.EvaluateAsync("--model", Repository.TinyModel, "--json", "--ablation", "--plot", _data["plot.svg"]);
        Assert.True(code == 0, error);

        var (json, ablation) = (LastLine(output), LastLine(output).GetProperty("ablation"));
        Assert.Equal(["plain", "context_off", "context_dropped", "context_replaced", "question_shuffled", "content_tokens", "frames"],
            ablation.EnumerateObject().Select(part => part.Name));
        Assert.Equal(["1", "4", "16"], ablation.GetProperty("content_tokens").EnumerateObject().Select(part => part.Name));
        Assert.Equal(["2", "4", "8", "all"], ablation.GetProperty("frames").EnumerateObject().Select(part => part.Name));
        Assert.All([ablation.GetProperty("context_off"), ablation.GetProperty("frames").GetProperty("2")], part =>
        {
            Assert.Equal(json.GetProperty("count").GetInt32(), part.GetProperty("count").GetInt32());
            Assert.Equal(json.GetProperty("two_or_three_objects").GetRawText(), part.GetProperty("two_or_three_objects").GetRawText());
        });
        Assert.All(["plot.svg", "plot-ablation.svg", "plot-frames.svg"], name => Assert.True(File.Exists(_data[name]), name));
        Assert.False(File.Exists(_data["plot-positions.svg"]));
    }

    [Fact]
    public async Task A_server_answers_and_is_asked_the_question_about_the_video()
    {
        await _data.DrawAsync(clips: 1);
        using var server = new StubEndpoint(request => (200, Truth(StubEndpoint.Text(request, 0))));
        var (code, output, error) = await _data.EvaluateAsync("--server", server.Url, "--json");
        Assert.True(code == 0, error);
        Assert.Equal(1, LastLine(output).GetProperty("overall").GetDouble());
        Assert.Equal(1, LastLine(output).GetProperty("by_type").GetProperty("description").GetProperty("sentences").GetDouble());
        Assert.All(server.Requests, request =>
        {
            Assert.Equal(("listed", 0, 3), (request.GetProperty("model").GetString(), request.GetProperty("temperature").GetDouble(),
                request.GetProperty("max_completion_tokens").GetInt32()));
            Assert.StartsWith("data:video/mp4;base64,", request.GetProperty("messages")[0].GetProperty("content")[0].GetProperty("image_url")
                .GetProperty("url").GetString(), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Films_are_scored_by_the_place_of_the_asked_scene()
    {
        await _data.DrawAsync(clips: 0, films: 2);
        using var server = new StubEndpoint(request => (200, Truth(StubEndpoint.Text(request, 0))));
        var (code, output, error) = await _data.EvaluateAsync("--server", server.Url, "--json", "--plot", _data["plot.svg"]);
        Assert.True(code == 0, error);
        var positions = LastLine(output).GetProperty("positions").EnumerateArray().ToArray();
        Assert.Equal(20, positions.Sum(position => position.GetProperty("count").GetInt32()));
        Assert.All(positions, position => Assert.Equal(0.1, position.GetProperty("to").GetDouble() - position.GetProperty("from").GetDouble(), 9));
        Assert.True(positions.Length > 2);
        Assert.True(File.Exists(_data["plot-positions.svg"]));
    }

    [Fact]
    public async Task A_video_that_cannot_be_decoded_stops_the_run_or_is_skipped_and_counted_as_told()
    {
        await _data.DrawAsync(clips: 3);
        await File.WriteAllTextAsync(_data["clip-000001.mp4"], "no video any more", Cancel);
        var lost = (await File.ReadAllLinesAsync(_data["questions.jsonl"], Cancel)).Count(line => line.Contains("clip-000001", StringComparison.Ordinal));

        var (code, output, error) = await _data.EvaluateAsync("--model", Repository.TinyModel, "--json");
        Assert.Equal(1, code);
        Assert.Empty(output);
        Assert.Contains("clip-000001.mp4: The media content is ", error, StringComparison.Ordinal);

        (code, output, error) = await _data.EvaluateAsync("--model", Repository.TinyModel, "--json", "--on-error", "skip", "--ablation");
        Assert.True(code == 0, error);
        Assert.Equal(lost, LastLine(output).GetProperty("skipped").GetInt32());
        Assert.Equal(lost, LastLine(output).GetProperty("ablation").GetProperty("context_dropped").GetProperty("skipped").GetInt32());
        Assert.Contains($"{lost} questions were skipped and are in no accuracy;", output, StringComparison.Ordinal);
        Assert.Contains($"skipped ({lost}): clip-000001.mp4: ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_judge_says_yes_or_no_with_a_score_for_benchmarks()
    {
        var (files, server) = await MsrvttAsync();
        using var judge = new StubEndpoint(request => (200, StubEndpoint.Text(request, 1).Contains("Right answer: red", StringComparison.Ordinal)
            ? "{'pred': 'yes', 'score': 5}" : "{'pred': 'no', 'score': 2}"));
        using (server)
        {
            var (code, output, error) = await _data.EvaluateAsync("--server", server.Url, "--format", "msrvtt", "--annotations", files, "--judge-url",
                judge.Url, "--judge-model", "grader", "--json");
            Assert.True(code == 0, error);
            var match = LastLine(output).GetProperty("judge").GetProperty("match");
            Assert.Equal((2, 3.5, 0.5), (match.GetProperty("count").GetInt32(), match.GetProperty("score").GetDouble(), match.GetProperty("accuracy")
                .GetDouble()));
            Assert.Equal((0, 0.5), (LastLine(output).GetProperty("overall").GetDouble(), LastLine(output).GetProperty("contained").GetProperty("accuracy")
                .GetDouble()));
            Assert.All(judge.Requests, request => Assert.Equal("grader", request.GetProperty("model").GetString()));
        }
    }

    [Theory]
    [InlineData(200, "I think it is fine.", "the judge's reply on match is no verdict, 3 times: 'I think it is fine.'.")]
    [InlineData(401, "no key", "the judge failed: ")]
    public async Task A_judge_that_fails_costs_the_question_its_score(int status, string reply, string message)
    {
        var (files, server) = await MsrvttAsync();
        using var judge = new StubEndpoint(request => StubEndpoint.Text(request, 1).Contains("Right answer: red", StringComparison.Ordinal)
            ? (status, reply) : (200, "{'pred': 'no', 'score': 2}"));
        using (server)
        {
            string[] arguments = ["--server", server.Url, "--format", "msrvtt", "--annotations", files, "--judge-url", judge.Url, "--json"];
            var (code, output, error) = await _data.EvaluateAsync([.. arguments, "--on-error", "skip"]);
            Assert.True(code == 0, error);
            Assert.Equal((1, 1), (LastLine(output).GetProperty("skipped").GetInt32(), LastLine(output).GetProperty("count").GetInt32()));
            Assert.Contains(message, error, StringComparison.Ordinal);

            (code, output, error) = await _data.EvaluateAsync(arguments);
            Assert.Equal(1, code);
            Assert.Empty(output);
            Assert.Contains("test_qa.json, element 1: " + message, error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_video_chatgpt_benchmark_is_judged_by_aspect_and_pairs_are_judged_together()
    {
        await _data.DrawAsync(clips: 1);
        string[] files =
        [
            _data.Write("generic_qa.json", """[{"Q":"What?","A":"That.","video_name":"clip-000000"}]"""),
            _data.Write("temporal_qa.json", """[{"Q":"When?","A":"Then.","video_name":"clip-000000"}]"""),
            _data.Write("consistency_qa.json", """[{"Q1":"Who?","Q2":"And who?","A":"Him.","video_name":"clip-000000"}]"""),
        ];
        using var server = new StubEndpoint(request => (200, "answer to " + StubEndpoint.Text(request, 0)));
        using var judge = new StubEndpoint(request => (200, StubEndpoint.Text(request, 1).Contains("answer to And who?", StringComparison.Ordinal)
            ? "{'score': 1}" : "{'score': 4}"));
        var (code, output, error) = await _data.EvaluateAsync(["--server", server.Url, "--format", "video-chatgpt", "--annotations", .. files,
            "--judge-url", judge.Url, "--json"]);
        Assert.True(code == 0, error);
        Assert.Equal([("correctness", 4), ("detail", 4), ("context", 4), ("temporal", 4), ("consistency", 1)],
            LastLine(output).GetProperty("judge").EnumerateObject().Select(aspect => (aspect.Name, (int)aspect.Value.GetProperty("score").GetDouble())));
        Assert.Equal((4, 5), (server.Requests.Count, judge.Requests.Count));
    }

    [Theory]
    [InlineData("Name either --model or --server.")]
    [InlineData("Name either --model or --server.", "--model", "m", "--server", "http://127.0.0.1:1")]
    [InlineData("--ablation changes tokens inside the model", "--server", "http://127.0.0.1:1", "--ablation")]
    [InlineData("'ftp://x' is not an address", "--server", "ftp://x")]
    [InlineData("'vqa'", "--model", "m", "--format", "vqa")]
    [InlineData("'perhaps'", "--model", "m", "--on-error", "perhaps")]
    [InlineData("only a judge can score", "--model", "m", "--format", "video-chatgpt")]
    [InlineData("--limit is 0; it must be 1 or more.", "--model", "m", "--limit", "0")]
    [InlineData("0 files were named; this format takes 1 to 1.", "--model", "m", "--format", "msrvtt")]
    [InlineData("questions.jsonl: there is no such file.", "--model", "m")]
    public async Task Bad_orders_are_one_line_that_says_so(string expected, params string[] arguments)
    {
        var (code, output, error) = await _data.EvaluateAsync(arguments);
        Assert.Equal(1, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_one_line()
    {
        _data.Videos("a.mp4").Write("questions.jsonl", """{"video":"a.mp4","type":"t","question":"q?","answer":"a"}""");
        var (code, _, error) = await _data.EvaluateAsync("--model", _data["none"]);
        Assert.Equal(1, code);
        Assert.Contains(_data["none"], error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_one_line()
    {
        _data.Videos("a.mp4").Write("questions.jsonl", """{"video":"a.mp4","type":"t","question":"q?","answer":"a"}""");
        var gone = new StubEndpoint(_ => (200, ""));
        gone.Dispose();
        var (code, _, error) = await _data.EvaluateAsync("--server", gone.Url, "--server-model", "m");
        Assert.Equal(1, code);
        Assert.StartsWith("questions.jsonl, line 1: the server failed: ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    public void Dispose() => _data.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static JsonElement LastLine(string output) => JsonDocument.Parse(output.TrimEnd().Split('\n')[^1]).RootElement;

    /// <summary>The right answer where there is one video, and an answer where there are more.</summary>
    private string Truth(string question) => File.ReadLines(_data["questions.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)
        .First(line => line.GetProperty("question").GetString() == question).GetProperty("answer").GetString()!;

    /// <summary>Two questions about drawn clips in MSRVTT-QA's form, and a server that answers "it is red" to both.</summary>
    private async Task<(string File, StubEndpoint Server)> MsrvttAsync()
    {
        await _data.DrawAsync(clips: 1);
        File.Move(_data["clip-000000.mp4"], _data["video3.mp4"]);
        var file = _data.Write("test_qa.json", """
            [{"answer":"red","category_id":1,"id":1,"question":"what color is it?","video_id":3},{"answer":"two","category_id":1,"id":2,"question":"how many are there?","video_id":3}]
            """);
        return (file, new StubEndpoint(_ => (200, "it is red")));
    }
}
