using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model.Text;
using LlamaVid.Model.Vision;

namespace LlamaVid.Server.Tests.Requests;

/// <summary>What clients of OpenAI, vLLM and others send becomes the same request to the engine.</summary>
public sealed class ChatRequestTests
{
    [Fact]
    public void Nothing_but_a_question_gets_the_defaults()
    {
        var request = Read.Chat("""{"messages":[{"role":"user","content":"Hello"}]}""");

        var turn = Assert.Single(request.Generation.Turns);
        Assert.Equal((ChatRole.User, "Hello"), (turn.Role, turn.Text));
        Assert.Empty(request.Generation.Media);
        Assert.Equal(new SamplingOptions(), request.Generation.Sampling);
        Assert.Equal(new PromptOptions(), request.Generation.Prompt);
        Assert.Null(request.Generation.MaxTokens);
        Assert.False(request.Answer.Stream);
        Assert.StartsWith("chatcmpl-", request.Generation.Id, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_short_texts_are_joined_once()
    {
        const int Messages = 8, Parts = 5000;
        var text = new string('a', 100);
        var part = $$"""{"type":"text","text":"{{text}}"}""";
        var message = $$"""{"role":"user","content":[{{string.Join(',', Enumerable.Repeat(part, Parts))}}]}""";
        var body = $$"""{"messages":[{{string.Join(',', Enumerable.Repeat(message, Messages))}}]}""";
        var before = GC.GetAllocatedBytesForCurrentThread();

        var turn = Assert.Single(Read.Chat(body).Generation.Turns);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 50L * body.Length);
        Assert.Equal(string.Join('\n', Enumerable.Repeat(text, Messages * Parts)), turn.Text);
    }

    [Fact]
    public void Every_field_arrives()
    {
        var request = Read.Chat(Read.WithField("""
            "model":"m","stream":true,"stream_options":{"include_usage":true,"include_progress":true},"max_completion_tokens":7,"temperature":0,"top_p":0.5,"top_k":-1,"seed":-3,
            "stop":["a","b"],"return_token_ids":true,"conversation":"llava_v1","video_condition":{"text":"cats"},"media_position":"newest","prompt_style":"movie",
            "user":"u","store":false,"metadata":{"a":"b"},"service_tier":"auto","parallel_tool_calls":true,"n":3,"logprobs":true,"top_logprobs":2,"tools":[],"tool_choice":"none",
            "response_format":{"type":"text"},"presence_penalty":0.5,"frequency_penalty":-1,"repetition_penalty":1.25,"min_p":0.125,"logit_bias":{},"stop_token_ids":[5,6],
            "include_stop_str_in_output":true,"ignore_eos":true,"min_tokens":2,"priority":4,"temperature_":null
            """.Replace(",\"temperature_\":null", "", StringComparison.Ordinal)));

        var generation = request.Generation;
        Assert.Equal("m", request.Model);
        Assert.Equal(7, generation.MaxTokens);
        Assert.Equal(new()
        {
            Temperature = 0, TopP = 0.5, TopK = 0, Seed = -3, MinP = 0.125, PresencePenalty = 0.5, FrequencyPenalty = -1, RepetitionPenalty = 1.25, Likeliest = 2,
        }, generation.Sampling);
        Assert.Equal((3, 2, -4), (generation.Choices, generation.MinTokens, generation.Priority));
        Assert.Equal((true, true), (generation.KeepsStop, generation.IgnoreEos));
        Assert.Equal([5, 6], generation.StopTokens);
        Assert.Equal(["a", "b"], generation.Stop);
        Assert.Equal(new() { Conversation = ConversationKind.LlavaV1, Condition = new VideoCondition.Text("cats"), MediaPosition = MediaPosition.Newest, Style = PromptStyle.Movie }, generation.Prompt);
        Assert.Equal((true, true, true, true), (request.Answer.Stream, request.Answer.IncludeUsage, request.Answer.IncludeProgress, request.Answer.ReturnTokenIds));
    }

    [Fact]
    public void A_field_that_is_null_counts_as_absent() =>
        Assert.Equal(new SamplingOptions(), Read.Chat(Read.WithField("\"temperature\":null,\"tools\":null,\"stop\":null,\"max_tokens\":null,\"n\":null")).Generation.Sampling);

    [Fact]
    public void System_and_developer_messages_replace_the_templates_sentence()
    {
        var request = Read.Chat("""{"messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":[{"type":"text","text":"Be kind."}]},{"role":"user","content":"Hi"}]}""");
        Assert.Equal("Be brief.\nBe kind.", request.Generation.Prompt.System);
        Assert.Single(request.Generation.Turns);
    }

    /// <summary>Recorded from the clients where they install, else as their sources write it.</summary>
    [Theory]
    [InlineData("openai, npm", """{"model":"default","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes","refusal":null},{"role":"user","content":"Why?"}],"stream":true}""")]
    [InlineData("AI SDK", """{"model":"default","user":"u","max_tokens":4,"temperature":0,"top_p":0.9,"frequency_penalty":0.1,"presence_penalty":0.1,"stop":["x"],"seed":1,"reasoning_effort":"none","verbosity":"medium","messages":[{"role":"system","content":"s"},{"role":"user","content":"Hi"}]}""")]
    [InlineData("LangChain", """{"model":"default","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}""")]
    [InlineData("LibreChat", """{"model":"default","messages":[{"role":"user","content":"hello"}],"stream":true,"user":"68906998cc83815dd7244885","stream_options":{"include_usage":true}}""")]
    [InlineData("Open WebUI", """{"stream":true,"model":"default","messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"stream_options":{"include_usage":true},"temperature":0.7}""")]
    [InlineData("Continue", """{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"auto"}}]},{"role":"assistant","content":" "},{"role":"user","content":"x"}],"model":"default","max_tokens":2048,"stream":true,"stop":["x"],"tools":[],"tool_choice":"auto","parallel_tool_calls":false}""")]
    [InlineData("llm", """{"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"model":"default","stream":true,"response_format":{"type":"json_schema","json_schema":{"name":"output","schema":{"type":"object","properties":{"a":{"type":"string"}}}}},"stream_options":{"include_usage":true}}""")]
    [InlineData("an answer of vLLM, sent back", """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes","refusal":null,"annotations":null,"audio":null,"function_call":null,"tool_calls":[],"reasoning":"hm","reasoning_content":null},{"role":"user","content":"Why?"}]}""")]
    [InlineData("an answer of OpenAI, sent back", """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"refusal":null,"annotations":[]},{"role":"user","content":"Why?"}],"store":false,"service_tier":"auto","metadata":{},"modalities":["text"],"n":1,"logprobs":false,"top_logprobs":0,"logit_bias":{},"prediction":null,"safety_identifier":"x","prompt_cache_key":"y"}""")]
    [InlineData("parts to be cached", """{"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}]}""")]
    [InlineData("vLLM's defaults", """{"messages":[{"role":"user","content":"Hi"}],"include_reasoning":true,"chat_template_kwargs":{},"add_special_tokens":false,"spaces_between_special_tokens":true,"skip_special_tokens":true,"bad_words":[],"prompt_logprobs":null,"truncate_prompt_tokens":null,"allowed_token_ids":null,"documents":null,"echo":false,"best_of":null,"use_beam_search":false,"length_penalty":1.0,"return_tokens_as_token_ids":false}""")]
    public void What_well_known_clients_send_by_default_is_understood(string client, string json) => Assert.True(Read.Chat(json).Generation.Turns.Count > 0, client);

    [Fact]
    public void An_assistant_may_have_said_nothing() =>
        Assert.Equal(["Hi", "", "Why?"], Read.Chat("""{"messages":[{"role":"user","content":"Hi"},{"role":"assistant"},{"role":"user","content":"Why?"}]}""").Generation.Turns.Select(turn => turn.Text));

    [Fact]
    public void Neighbouring_messages_of_one_role_are_one_turn()
    {
        var request = Read.Chat("""
            {"messages":[
              {"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.org/a.png","detail":"low"}}]},
              {"role":"user","content":"What is it?"},
              {"role":"assistant","content":"A cat.","refusal":null,"tool_calls":[]},
              {"role":"user","content":[{"type":"text","text":"And"},{"type":"text","text":"this?"},{"type":"video_url","video_url":"https://x.org/b.mp4","uuid":"7"}]}]}
            """);

        Assert.Collection(request.Generation.Turns,
            turn => Assert.Equal(("What is it?", "0"), (turn.Text, string.Join(' ', turn.Media))),
            turn => Assert.Equal((ChatRole.Assistant, "A cat."), (turn.Role, turn.Text)),
            turn => Assert.Equal(("And\nthis?", "1"), (turn.Text, string.Join(' ', turn.Media))));
        Assert.Equal([MediaKind.Image, MediaKind.Video], request.Generation.Media.Select(media => media.Kind));
    }

    [Theory]
    [InlineData("""{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAECAw=="}}""", MediaKind.Video)]
    [InlineData("""{"type":"video_url","video_url":"data:video/mp4;base64,AAECAw=="}""", MediaKind.Video)]
    [InlineData("""{"type":"video_url","video_url":"DATA:Video\/mp4;base64,AAEC\u0041w=="}""", MediaKind.Video)]
    [InlineData("""{"type":"video_url","video_url":"data:video\/mp4;base64,AAECAw\u003d="}""", MediaKind.Video)]
    [InlineData("""{"type":"input_video","input_video":{"data":"AAECAw=="}}""", MediaKind.Video)]
    [InlineData("""{"type":"input_video","input_video":{"url":"data:video/webm;base64,AAECAw=="}}""", MediaKind.Video)]
    [InlineData("""{"type":"video","video":"data:video/mp4;base64,AAECAw=="}""", MediaKind.Video)]
    [InlineData("""{"type":"file","file":{"file_data":"data:video/mp4;base64,AAECAw==","filename":"a.mp4"}}""", MediaKind.Video)]
    [InlineData("""{"type":"file","file":{"file_data":"data:image/png;base64,AAECAw=="}}""", MediaKind.Image)]
    [InlineData("""{"type":"image_url","image_url":{"url":"data:image/png;base64,AAECAw=="}}""", MediaKind.Image)]
    [InlineData("""{"type":"image_url","image_url":"data:image/png;base64,AAECAw=="}""", MediaKind.Image)]
    [InlineData("""{"type":"image_url","image_url":{"url":"data:video/mp4;base64,AAECAw=="}}""", MediaKind.Video)]
    public void Every_shape_of_inline_media_arrives_as_its_bytes(string part, MediaKind kind)
    {
        var media = Assert.Single(Read.Chat(Read.WithParts(part)).Generation.Media);
        Assert.Equal(kind, media.Kind);
        Assert.Equal([0, 1, 2, 3], Assert.IsType<MediaSource.Inline>(media.Source).Bytes.ToArray());
    }

    [Theory]
    [InlineData("""{"type":"video_url","video_url":"data:video/jpeg;base64,AAEC,AwQF"}""")]
    [InlineData("""{"type":"video","video":["data:image/jpeg;base64,AAEC","data:image/png;base64,AwQF"],"fps":2.0}""")]
    public void Lists_of_frames_arrive_in_order(string part)
    {
        var frames = Assert.IsType<MediaSource.Pictures>(Assert.Single(Read.Chat(Read.WithParts(part)).Generation.Media).Source).Frames;
        Assert.Equal([[0, 1, 2], [3, 4, 5]], frames.Select(frame => ((MediaSource.Inline)frame).Bytes.ToArray()));
    }

    [Fact]
    public void Frames_may_be_addresses() =>
        Assert.Equal(new MediaSource.Remote(new("https://x.org/0.jpg")), Assert.IsType<MediaSource.Pictures>(Assert.Single(
            Read.Chat(Read.WithParts("""{"type":"video","video":["https://x.org/0.jpg","data:image/png;base64,AwQF"],"fps":2.0}""")).Generation.Media).Source).Frames[0]);

    [Fact]
    public void Addresses_are_passed_on_unopened()
    {
        var media = Assert.Single(Read.Chat(Read.WithParts("""{"type":"video_url","video_url":{"url":"https://x.org/a.mp4?b=c"}}""")).Generation.Media);
        Assert.Equal(new MediaSource.Remote(new("https://x.org/a.mp4?b=c")), media.Source);
    }

    [Fact]
    public void The_parts_sampling_wins_over_the_requests_and_ours_over_vllms_names()
    {
        var request = Read.Chat(Read.WithParts(
            """{"type":"video_url","video_url":"https://x.org/a.mp4","fps":4,"keyframes":false,"media_info":{"type":"offset","start_offset":1.5,"end_offset":9}}""",
            ""","max_frames":10,"fps":3,"keyframes":true,"media_io_kwargs":{"video":{"fps":2,"num_frames":20}},"mm_processor_kwargs":{"fps":1,"image_aspect_ratio":"pad"}"""));

        var media = Assert.Single(request.Generation.Media);
        Assert.Equal(new() { FramesPerSecond = 4, MaxFrames = 10, Start = 1.5, End = 9, KeyFrames = false }, media.Sampling);
        Assert.Null(media.Fit);
    }

    [Fact]
    public void Vllms_names_sample_as_ours()
    {
        var request = Read.Chat(Read.WithParts("""{"type":"video_url","video_url":"https://x.org/a.mp4"}""", ""","media_io_kwargs":{"video":{"num_frames":20}},"mm_processor_kwargs":{"fps":5}"""));
        Assert.Equal(new() { FramesPerSecond = 5, MaxFrames = 20 }, Assert.Single(request.Generation.Media).Sampling);
    }

    [Fact]
    public void Pictures_are_fitted_as_asked()
    {
        var request = Read.Chat(Read.WithParts("""{"type":"image_url","image_url":"https://x.org/a.png"}""", ""","mm_processor_kwargs":{"image_aspect_ratio":"pad"}"""));
        Assert.Equal(ImageFit.Pad, Assert.Single(request.Generation.Media).Fit);
    }

    [Theory]
    [InlineData("\"response_format\":{\"type\":\"json_object\"}")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"strict\":true,\"description\":\"d\",\"schema\":{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}}}")]
    [InlineData("\"guided_json\":{\"type\":\"integer\"}")]
    [InlineData("\"guided_choice\":[\"yes\",\"no\"]")]
    [InlineData("\"guided_regex\":\"[a-z]+\"")]
    [InlineData("\"structured_outputs\":{\"choice\":[\"yes\"]}")]
    public void Forms_of_the_answer_arrive(string field) => Assert.NotNull(Read.Chat(Read.WithField(field)).Generation.Format);

    [Theory]
    [InlineData("""{"type":"video_url","video_url":"https://x.org/a.mp4"},{"type":"subtitles","subtitles":{"format":"srt","data":"1\n00:00:01,000 --> 00:00:02,500\nHi"}}""")]
    [InlineData("""{"type":"subtitles","subtitles":{"data":"WEBVTT\n\n00:01.000 --> 00:02.500\nHi"}},{"type":"video_url","video_url":"https://x.org/a.mp4"}""")]
    public void Subtitles_belong_to_the_video_beside_them(string parts) =>
        Assert.Equal([new SubtitleLine(1, 2.5, "Hi")], Assert.Single(Read.Chat(Read.WithParts(parts)).Generation.Media).Subtitles);

    [Fact]
    public void A_video_is_shown_with_the_track_of_its_file_unless_subtitles_are_sent_for_it()
    {
        const string Parts = """
            {"type":"video_url","video_url":"https://x.org/a.mp4"},{"type":"video_url","video_url":"https://x.org/b.mp4"},{"type":"subtitles","subtitles":{"data":"WEBVTT"}},
            {"type":"image_url","image_url":"https://x.org/c.png"}
            """;
        Assert.Equal([true, false, false], Read.Chat(Read.WithParts(Parts, ",\"use_subtitles\":true")).Generation.Media.Select(media => media.UsesTrack));
        Assert.All(Read.Chat(Read.WithParts(Parts)).Generation.Media, media => Assert.False(media.UsesTrack));
        Assert.True(Read.Ask("""{"question":"Why?","video_url":"https://x.org/a.mp4","use_subtitles":true}""").Generation.Media[0].UsesTrack);
    }

    [Fact]
    public void A_plain_question_may_have_subtitles() =>
        Assert.Single(Read.Ask("""{"question":"Why?","video_url":"https://x.org/a.mp4","subtitles":{"data":"WEBVTT\n\n00:01.000 --> 00:02.500\nHi"}}""").Generation.Media[0].Subtitles!);

    [Fact]
    public void Biases_are_told_by_token_id() =>
        Assert.Equal(new Dictionary<int, double> { [5] = -100, [31999] = 2.5 }, Read.Chat(Read.WithField("\"logit_bias\":{\"5\":-100,\"31999\":2.5}")).Generation.Sampling.Bias);

    [Fact]
    public void A_plain_question_is_one_turn_with_one_video()
    {
        var request = Read.Ask("""{"question":"Why?","video_url":"https://x.org/a.mp4","fps":2,"max_tokens":9,"stream":true}""");
        Assert.Equal("Why?", Assert.Single(request.Generation.Turns).Text);
        Assert.Equal(2, Assert.Single(request.Generation.Media).Sampling.FramesPerSecond);
        Assert.Equal((9, true), (request.Generation.MaxTokens, request.Answer.Stream));
    }

    [Theory]
    [InlineData("64.0", 64)]
    [InlineData("6.4e1", 64)]
    public void Whole_numbers_may_be_written_with_a_point(string number, int expected) =>
        Assert.Equal(expected, Read.Chat(Read.WithField($"\"max_tokens\":{number}")).Generation.MaxTokens);
}
