using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Tests.Requests;

/// <summary>Whatever a client sends wrongly is refused by its JSON path, with the value and the limit.</summary>
public sealed class BadRequestTests
{
    [Theory]
    [InlineData("", null, "invalid_json")]
    [InlineData("{", null, "invalid_json")]
    [InlineData("[]", null, "invalid_json")]
    [InlineData("null", null, "invalid_json")]
    [InlineData("""{"messages":[],"messages":[]}""", null, "invalid_json")]
    [InlineData("{}", "messages", "missing_required_parameter")]
    [InlineData("""{"messages":null}""", "messages", "missing_required_parameter")]
    [InlineData("""{"messages":[]}""", "messages", "invalid_value")]
    [InlineData("""{"messages":"hi"}""", "messages", "invalid_value")]
    [InlineData("""{"messages":["hi"]}""", "messages[0]", "invalid_value")]
    [InlineData("""{"messages":[{"content":"hi"}]}""", "messages[0].role", "missing_required_parameter")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "messages[0].content", "missing_required_parameter")]
    [InlineData("""{"messages":[{"role":"system","content":null},{"role":"user","content":"hi"}]}""", "messages[0].content", "missing_required_parameter")]
    [InlineData("""{"messages":[{"role":"wizard","content":"hi"}]}""", "messages[0].role", "invalid_value")]
    [InlineData("""{"messages":[{"role":5,"content":"hi"}]}""", "messages[0].role", "invalid_value")]
    [InlineData("""{"messages":[{"role":"tool","content":"hi"}]}""", "messages[0].role", "unsupported_parameter")]
    [InlineData("""{"messages":[{"role":"user","content":7}]}""", "messages[0].content", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":""}]}""", "messages[0].content", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"  \n"}]}""", "messages[0].content", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":[]}]}""", "messages[0].content", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"\ud800"}]}""", "messages[0].content", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"hi","\ud800":1}]}""", null, "invalid_json")]
    [InlineData("""{"messages":[{"role":"system","content":"hi"}]}""", "messages[0].role", "invalid_value")]
    [InlineData("""{"messages":[{"role":"assistant","content":"hi"},{"role":"user","content":"hi"}]}""", "messages[0].role", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"hi"}]}""", "messages[1].role", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"hi"},{"role":"system","content":"x"},{"role":"user","content":"hi"}]}""", "messages[1].role", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"hi","tool_calls":[{}]}]}""", "messages[0].tool_calls", "unsupported_parameter")]
    [InlineData("""{"messages":[{"role":"user","content":"hi","mood":"good"}]}""", "messages[0].mood", "unknown_parameter")]
    [InlineData("""{"messages":[{"role":"system","content":[{"type":"image_url","image_url":"https://x.org/a.png"}]},{"role":"user","content":"hi"}]}""", "messages[0].content[0].image_url", "invalid_value")]
    [InlineData("""{"messages":[{"role":"user","content":"1"},{"role":"user","content":"2"},{"role":"user","content":"3"},{"role":"user","content":"4"},{"role":"user","content":"5"},{"role":"user","content":"6"},{"role":"user","content":"7"},{"role":"user","content":"8"},{"role":"user","content":"9"}]}""", "messages", "invalid_value")]
    public void Messages(string json, string? param, string code) => AssertRefused(json, param, code);

    [Theory]
    [InlineData("\"foo\":1", "foo", "unknown_parameter")]
    [InlineData("\"foo\":null", "foo", "unknown_parameter")]
    [InlineData("\"stream_options\":{\"speed\":null}", "stream_options.speed", "unknown_parameter")]
    [InlineData("\"temperature\":\"hot\"", "temperature", "invalid_value")]
    [InlineData("\"temperature\":-0.1", "temperature", "invalid_value")]
    [InlineData("\"temperature\":2.1", "temperature", "invalid_value")]
    [InlineData("\"temperature\":1e999", "temperature", "invalid_value")]
    [InlineData("\"top_p\":1.5", "top_p", "invalid_value")]
    [InlineData("\"top_k\":-2", "top_k", "invalid_value")]
    [InlineData("\"top_k\":1.5", "top_k", "invalid_value")]
    [InlineData("\"max_tokens\":0", "max_tokens", "invalid_value")]
    [InlineData("\"max_tokens\":-1", "max_tokens", "invalid_value")]
    [InlineData("\"max_tokens\":99999999999999999999999999", "max_tokens", "invalid_value")]
    [InlineData("\"max_tokens\":1e300", "max_tokens", "invalid_value")]
    [InlineData("\"max_tokens\":5,\"max_completion_tokens\":6", "max_tokens", "invalid_value")]
    [InlineData("\"seed\":1e40", "seed", "invalid_value")]
    [InlineData("\"stream\":\"yes\"", "stream", "invalid_value")]
    [InlineData("\"stop\":\"\"", "stop", "invalid_value")]
    [InlineData("\"stop\":[1]", "stop[0]", "invalid_value")]
    [InlineData("\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]", "stop", "invalid_value")]
    [InlineData("\"model\":7", "model", "invalid_value")]
    [InlineData("\"n\":0", "n", "invalid_value")]
    [InlineData("\"n\":9", "n", "invalid_value")]
    [InlineData("\"n\":1e99", "n", "invalid_value")]
    [InlineData("\"best_of\":2", "best_of", "unsupported_parameter")]
    [InlineData("\"logprobs\":5", "logprobs", "invalid_value")]
    [InlineData("\"top_logprobs\":3", "top_logprobs", "invalid_value")]
    [InlineData("\"logprobs\":true,\"top_logprobs\":21", "top_logprobs", "invalid_value")]
    [InlineData("\"logprobs\":true,\"top_logprobs\":-1", "top_logprobs", "invalid_value")]
    [InlineData("\"presence_penalty\":2.5", "presence_penalty", "invalid_value")]
    [InlineData("\"presence_penalty\":\"NaN\"", "presence_penalty", "invalid_value")]
    [InlineData("\"frequency_penalty\":-1e300", "frequency_penalty", "invalid_value")]
    [InlineData("\"repetition_penalty\":0", "repetition_penalty", "invalid_value")]
    [InlineData("\"repetition_penalty\":[1]", "repetition_penalty", "invalid_value")]
    [InlineData("\"min_p\":1.1", "min_p", "invalid_value")]
    [InlineData("\"min_p\":-0.1", "min_p", "invalid_value")]
    [InlineData("\"logit_bias\":[]", "logit_bias", "invalid_value")]
    [InlineData("\"logit_bias\":{\"5\":101}", "logit_bias.5", "invalid_value")]
    [InlineData("\"logit_bias\":{\"5\":\"x\"}", "logit_bias.5", "invalid_value")]
    [InlineData("\"logit_bias\":{\"5\":1,\"05\":2}", "logit_bias.05", "invalid_value")]
    [InlineData("\"logit_bias\":{\"-5\":1}", "logit_bias.-5", "invalid_value")]
    [InlineData("\"logit_bias\":{\"99999999999\":1}", "logit_bias.99999999999", "invalid_value")]
    [InlineData("\"logit_bias\":{\"word\":null}", "logit_bias.word", "invalid_value")]
    [InlineData("\"stop_token_ids\":5", "stop_token_ids", "invalid_value")]
    [InlineData("\"stop_token_ids\":[-1]", "stop_token_ids[0]", "invalid_value")]
    [InlineData("\"stop_token_ids\":[1,null]", "stop_token_ids[1]", "invalid_value")]
    [InlineData("\"include_stop_str_in_output\":1", "include_stop_str_in_output", "invalid_value")]
    [InlineData("\"ignore_eos\":\"true\"", "ignore_eos", "invalid_value")]
    [InlineData("\"min_tokens\":-1", "min_tokens", "invalid_value")]
    [InlineData("\"min_tokens\":5,\"max_tokens\":4", "min_tokens", "invalid_value")]
    [InlineData("\"priority\":-1", "priority", "invalid_value")]
    [InlineData("\"priority\":1001", "priority", "invalid_value")]
    [InlineData("\"tools\":[{\"type\":\"function\"}]", "tools", "unsupported_parameter")]
    [InlineData("\"tool_choice\":\"required\"", "tool_choice", "unsupported_parameter")]
    [InlineData("\"background\":1", "background", "invalid_value")]
    [InlineData("\"background\":true,\"stream\":true", "stream", "invalid_value")]
    [InlineData("\"response_format\":\"json\"", "response_format", "invalid_value")]
    [InlineData("\"response_format\":{}", "response_format.type", "missing_required_parameter")]
    [InlineData("\"response_format\":{\"type\":\"xml\"}", "response_format.type", "invalid_value")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\"}", "response_format.json_schema", "missing_required_parameter")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\"}}", "response_format.json_schema.schema", "missing_required_parameter")]
    [InlineData("\"response_format\":{\"type\":\"text\",\"json_schema\":{\"schema\":{}}}", "response_format.json_schema", "invalid_value")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"not\":{}}}}}}",
        "response_format.json_schema.schema.properties.a.not", "unsupported_parameter")]
    [InlineData("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":5}}", "response_format.json_schema.schema", "unsupported_parameter")]
    [InlineData("\"guided_json\":{\"enum\":[\"\\ud800\"]}", "guided_json", "unsupported_parameter")]
    [InlineData("\"guided_choice\":[]", "guided_choice", "invalid_value")]
    [InlineData("\"guided_choice\":[\"a\",5]", "guided_choice[1]", "invalid_value")]
    [InlineData("\"guided_regex\":\"(a\"", "guided_regex", "unsupported_parameter")]
    [InlineData("\"guided_regex\":5", "guided_regex", "invalid_value")]
    [InlineData("\"structured_outputs\":{\"grammar\":\"root\"}", "structured_outputs.grammar", "unknown_parameter")]
    [InlineData("\"structured_outputs\":{\"regex\":\"a\",\"choice\":[\"b\"]}", "structured_outputs.choice", "invalid_value")]
    [InlineData("\"guided_regex\":\"a\",\"response_format\":{\"type\":\"json_object\"}", "response_format", "invalid_value")]
    [InlineData("\"tool_choice\":\"\\ud800\"", "tool_choice", "invalid_value")]
    [InlineData("\"stream_options\":{\"include_usage\":1}", "stream_options.include_usage", "invalid_value")]
    [InlineData("\"stream_options\":{\"speed\":1}", "stream_options.speed", "unknown_parameter")]
    [InlineData("\"stream_options\":[]", "stream_options", "invalid_value")]
    [InlineData("\"fps\":0", "fps", "invalid_value")]
    [InlineData("\"fps\":-1", "fps", "invalid_value")]
    [InlineData("\"max_frames\":0", "max_frames", "invalid_value")]
    [InlineData("\"media_io_kwargs\":{\"video\":{\"num_frames\":-2}}", "media_io_kwargs.video.num_frames", "invalid_value")]
    [InlineData("\"media_io_kwargs\":{\"sound\":{}}", "media_io_kwargs.sound", "unknown_parameter")]
    [InlineData("\"mm_processor_kwargs\":{\"image_aspect_ratio\":\"wide\"}", "mm_processor_kwargs.image_aspect_ratio", "invalid_value")]
    [InlineData("\"conversation\":\"vicuna_v9\"", "conversation", "invalid_value")]
    [InlineData("\"video_condition\":\"middle\"", "video_condition", "invalid_value")]
    [InlineData("\"video_condition\":{}", "video_condition.text", "missing_required_parameter")]
    [InlineData("\"video_condition\":{\"text\":5}", "video_condition.text", "invalid_value")]
    [InlineData("\"media_position\":\"last\"", "media_position", "invalid_value")]
    [InlineData("\"prompt_style\":\"opera\"", "prompt_style", "invalid_value")]
    public void Fields(string field, string param, string code) => AssertRefused(Read.WithField(field), param, code);

    [Theory]
    [InlineData("5", "messages[0].content[0]", "invalid_value")]
    [InlineData("{}", "messages[0].content[0].type", "missing_required_parameter")]
    [InlineData("""{"type":"input_audio","input_audio":{}}""", "messages[0].content[0].type", "unsupported_parameter")]
    [InlineData("""{"type":"text"}""", "messages[0].content[0].text", "missing_required_parameter")]
    [InlineData("""{"type":"text","text":7}""", "messages[0].content[0].text", "invalid_value")]
    [InlineData("""{"type":"video_url"}""", "messages[0].content[0].video_url", "missing_required_parameter")]
    [InlineData("""{"type":"video_url","video_url":{}}""", "messages[0].content[0].video_url.url", "missing_required_parameter")]
    [InlineData("""{"type":"video_url","video_url":{"url":""}}""", "messages[0].content[0].video_url.url", "invalid_value")]
    [InlineData("""{"type":"video_url","video_url":{"url":"file:///etc/passwd"}}""", "messages[0].content[0].video_url.url", "invalid_value")]
    [InlineData("""{"type":"video_url","video_url":{"url":"/etc/passwd"}}""", "messages[0].content[0].video_url.url", "invalid_value")]
    [InlineData("""{"type":"video_url","video_url":{"url":"ftp://x.org/a.mp4"}}""", "messages[0].content[0].video_url.url", "invalid_value")]
    [InlineData("""{"type":"video_url","video_url":{"url":"data:video/mp4,abc"}}""", "messages[0].content[0].video_url.url", "invalid_data_uri")]
    [InlineData("""{"type":"video_url","video_url":{"url":"data:video/mp4;base64,"}}""", "messages[0].content[0].video_url.url", "invalid_data_uri")]
    [InlineData("""{"type":"video_url","video_url":{"url":"data:video/mp4;base64,@@@@"}}""", "messages[0].content[0].video_url.url", "invalid_data_uri")]
    [InlineData("""{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AAA"}}""", "messages[0].content[0].video_url.url", "invalid_data_uri")]
    [InlineData("""{"type":"video_url","video_url":"https://x.org/a.mp4","speed":2}""", "messages[0].content[0].speed", "unknown_parameter")]
    [InlineData("""{"type":"video_url","video_url":"https://x.org/a.mp4","start":5,"end":5}""", "messages[0].content[0].end", "invalid_value")]
    [InlineData("""{"type":"video_url","video_url":"https://x.org/a.mp4","media_info":{"start_offset":5,"end_offset":4}}""", "messages[0].content[0].media_info.end_offset", "invalid_value")]
    [InlineData("""{"type":"video_url","video_url":"https://x.org/a.mp4","media_info":{"type":"frames"}}""", "messages[0].content[0].media_info.type", "unsupported_parameter")]
    [InlineData("""{"type":"input_video","input_video":{}}""", "messages[0].content[0].input_video", "missing_required_parameter")]
    [InlineData("""{"type":"file","file":{"filename":"a.mp4"}}""", "messages[0].content[0].file", "missing_required_parameter")]
    [InlineData("""{"type":"input_video","input_video":{"data":"AAAA","url":"https://x.org/a.mp4"}}""", "messages[0].content[0].input_video.url", "invalid_value")]
    [InlineData("""{"type":"subtitles"}""", "messages[0].content[0].subtitles", "missing_required_parameter")]
    [InlineData("""{"type":"subtitles","subtitles":{}}""", "messages[0].content[0].subtitles.data", "missing_required_parameter")]
    [InlineData("""{"type":"subtitles","subtitles":"1\n00:00:01,000 --> 00:00:02,000\nHi"}""", "messages[0].content[0].subtitles", "invalid_value")]
    [InlineData("""{"type":"subtitles","subtitles":{"format":"ass","data":""}}""", "messages[0].content[0].subtitles.format", "invalid_value")]
    [InlineData("""{"type":"subtitles","subtitles":{"format":"vtt","data":"1\n00:00:01,000 --> 00:00:02,000\nHi"}}""", "messages[0].content[0].subtitles.data", "invalid_value")]
    [InlineData("""{"type":"subtitles","subtitles":{"data":"no times here"}}""", "messages[0].content[0].subtitles.data", "invalid_value")]
    [InlineData("""{"type":"subtitles","subtitles":{"data":""}}""", "messages[0].content[0].subtitles.data", "invalid_value")]
    [InlineData("""{"type":"subtitles","subtitles":{"data":"WEBVTT"}},{"type":"image_url","image_url":"https://x.org/a.png"}""", "messages[0].content[0].subtitles.data", "invalid_value")]
    [InlineData("""{"type":"video_url","video_url":"https://x.org/a.mp4"},{"type":"subtitles","subtitles":{"data":"WEBVTT"}},{"type":"subtitles","subtitles":{"data":"WEBVTT"}}""",
        "messages[0].content[2].subtitles.data", "invalid_value")]
    [InlineData("""{"type":"video","video":[]}""", "messages[0].content[0].video", "invalid_value")]
    [InlineData("""{"type":"video","video":["https://x.org/1.jpg","file:///etc/passwd"]}""", "messages[0].content[0].video[1]", "invalid_value")]
    [InlineData("""{"type":"video","video":["data:video/jpeg;base64,AAAA,AAAA"]}""", "messages[0].content[0].video[0]", "invalid_value")]
    [InlineData("""{"type":"file","file":{"file_id":"file-1"}}""", "messages[0].content[0].file.file_id", "unsupported_parameter")]
    public void Parts(string part, string param, string code) => AssertRefused(Read.WithParts(part), param, code);

    [Theory]
    [InlineData("""{"question":"Why?"}""", "video", "missing_required_parameter")]
    [InlineData("""{"video_url":"https://x.org/a.mp4"}""", "question", "missing_required_parameter")]
    [InlineData("""{"video_url":"https://x.org/a.mp4","question":" "}""", "question", "invalid_value")]
    [InlineData("""{"video_url":"https://x.org/a.mp4","image_url":"https://x.org/a.png","question":"Why?"}""", "image_url", "invalid_value")]
    [InlineData("""{"video_url":"https://x.org/a.mp4","question":"Why?","start":2,"end":1}""", "end", "invalid_value")]
    [InlineData("""{"image_url":"https://x.org/a.png","question":"Why?","use_subtitles":true}""", "use_subtitles", "invalid_value")]
    [InlineData("""{"video_url":"https://x.org/a.mp4","question":"Why?","use_subtitles":"yes"}""", "use_subtitles", "invalid_value")]
    [InlineData("""{"file_id":"file-1","question":"Why?"}""", "file_id", "unsupported_parameter")]   // read without uploaded files
    [InlineData("""{"messages":[],"question":"Why?"}""", "messages", "unknown_parameter")]
    public void Questions(string json, string param, string code)
    {
        var fault = Assert.Throws<InvalidRequestException>(() => Read.Ask(json));
        Assert.Equal((param, code), (fault.Param, fault.Code));
    }

    [Fact]
    public void Too_many_media_are_refused_with_the_limit()
    {
        var part = """{"type":"video_url","video_url":"https://x.org/a.mp4"}""";
        var fault = Read.Refused(Read.WithParts(string.Join(',', Enumerable.Repeat(part, 4))));
        Assert.Equal("The request holds 4 videos and pictures; the limit is 3 (Server:MaxMediaItems). Send fewer.", fault.Message);
    }

    [Fact]
    public void Deep_nesting_is_refused_before_it_is_walked() =>
        AssertRefused(Read.WithField($"\"metadata\":{new string('[', 100)}{new string(']', 100)}"), null, "invalid_json");

    [Theory]
    [InlineData("\"temperature\":2.5", "'temperature' is 2.5; it must be between 0 and 2.")]
    [InlineData("\"fps\":0", "'fps' is 0; it must be between 0.000001 and 1000.")]
    [InlineData("\"conversation\":\"x\"", "'conversation' is \"x\"; it must be one of vicuna_v1, imgsp_v1, llava_v1, llava_v0, plain.")]
    [InlineData("\"n\":9", "'n' is 9; it must be between 1 and 8.")]
    [InlineData("\"priority\":-5", "'priority' is -5; it must be at least 0 (Server:BestPriority).")]
    [InlineData("\"best_of\":3", "'best_of' is not supported by this server: only 1 or null is accepted. Leave it out.")]
    [InlineData("\"stop\":\"\"", "'stop' is \"\"; it must have 1 to 1000 characters.")]
    public void The_message_names_value_and_limit(string field, string message) => Assert.Equal(message, Read.Refused(Read.WithField(field)).Message);

    [Fact]
    public void A_long_value_is_not_repeated() =>
        Assert.Equal("'conversation' is a string of 5000 bytes; it must be one of vicuna_v1, imgsp_v1, llava_v1, llava_v0, plain.",
            Read.Refused(Read.WithField($"\"conversation\":\"{new string('x', 5000)}\"")).Message);

    private static void AssertRefused(string json, string? param, string code)
    {
        var fault = Read.Refused(json);
        Assert.Equal((param, code), (fault.Param, fault.Code));
        Assert.InRange(fault.Message.Length, 10, 400);
    }
}
