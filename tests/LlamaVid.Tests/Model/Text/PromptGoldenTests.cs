using System.Text.Json;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Model.Text;

public sealed class PromptGoldenTests
{
    public static TheoryData<string> HttpCases => [.. Names("goldens/http_cases.json")];

    [Theory]
    [MemberData(nameof(HttpCases))]
    public void A_request_becomes_the_official_prompt(string name)
    {
        var golden = TextGoldens.Json("goldens/http_cases.json").EnumerateArray().Single(row => row.Text("name") == name);
        var expected = golden.GetProperty("expected");
        var movie = golden.Text("path") == "movie";
        var options = new PromptOptions
        {
            Conversation = Kind(golden.Text("template")),
            Condition = golden.Text("video_condition") == "first" ? new VideoCondition.First() : new VideoCondition.Latest(),
            MediaPosition = golden.Text("image_token_in_turn") == "first" ? MediaPosition.First : MediaPosition.Newest,
        };
        var frames = golden.TryGetProperty("frames_used", out var used) ? used.GetInt32() : 1;
        var media = new PromptMedia(frames, expected.GetProperty("visual_positions").GetInt32(), IsVideo: golden.Text("media_kind") == "video");
        var checkpoint = golden.Text("checkpoint");
        var builder = new PromptBuilder(TextGoldens.Checkpoint(checkpoint), scalesRope: checkpoint.Contains("long", StringComparison.Ordinal));

        var layout = builder.Build(Turns(golden.GetProperty("messages")), [media], options);

        Assert.Equal(movie ? PromptStyle.Movie : PromptStyle.Clip, Assert.Single(layout.Styles));
        Assert.Equal(expected.Text("prompt"), layout.Text);
        Assert.Equal(Fold(expected.GetProperty("input_ids").Ints()), layout.FoldedIds);
        Assert.Equal(expected.GetProperty("llm_positions").GetInt32(), layout.Positions);
        Assert.Equal(expected.GetProperty("qformer_prompts")[0].GetString(), layout.Condition);
        Assert.Equal(expected.GetProperty("qformer_input_ids")[0].Ints(), BertTokenizer.Load(Shared.Path("goldens/bert-base-uncased")).Encode(layout.Condition!));
    }

    [Fact]
    public void Every_case_of_the_model_goldens_has_the_official_ids()
    {
        var compared = 0;
        foreach (var path in Directory.GetFiles(Shared.Path("goldens/cases"), "*.json"))
        {
            var golden = TextGoldens.Json(path);
            if (golden.ValueKind != JsonValueKind.Object || !golden.TryGetProperty("prompt", out var prompt))
                continue;
            var tokenizer = TextGoldens.Checkpoint(golden.Text("checkpoint"));
            Assert.Equal(golden.GetProperty("input_ids").Ints(), tokenizer.EncodeWithImages(prompt.GetString()!));
            Assert.Equal(golden.Text("gen_text"), tokenizer.Decode(golden.GetProperty("gen_ids").Ints(), skipSpecialTokens: true).Trim());
            compared++;
        }
        Assert.True(compared >= 30, $"only {compared} cases");
    }

    [Theory]
    [InlineData("long_movie")]
    [InlineData("long_movie8")]
    public void Subtitles_stand_behind_their_frames(string name)
    {
        var golden = TextGoldens.Json($"goldens/cases/{name}.json");
        var captions = golden.Text("movie_inputs").Split("<image>")[1..];
        var media = new PromptMedia(captions.Length, captions.Length * 2, IsVideo: true, captions);
        var builder = new PromptBuilder(TextGoldens.Checkpoint(golden.Text("checkpoint")), scalesRope: true);

        var layout = builder.Build([new ChatTurn(ChatRole.User, golden.GetProperty("qformer_prompts")[0].GetString()!, [0])], [media], new PromptOptions());

        Assert.Equal(golden.GetProperty("embeds_len").GetInt32(), layout.Positions);
        if (golden.TryGetProperty("prompt", out var prompt))
        {
            Assert.Equal(prompt.GetString(), layout.Text);
            Assert.Equal(Fold(golden.GetProperty("input_ids").Ints()), layout.FoldedIds);
        }
        Assert.Equal(Enumerable.Range(0, media.Tokens), layout.Spans.OfType<PromptSpan.Media>().SelectMany(span => Enumerable.Range(span.FirstToken, span.Count)));
    }

    [Fact]
    public void Templates_write_what_the_official_ones_write()
    {
        var builder = new PromptBuilder(TextGoldens.Tiny(legacy: false));
        ChatTurn[] turns =
        [
            new(ChatRole.User, "Q one?", [0]), new(ChatRole.Assistant, "A one.", []),
            new(ChatRole.User, "Q two?", []), new(ChatRole.Assistant, "A two.", []),
        ];
        foreach (var golden in TextGoldens.Json("goldens/misc/prompts.json").EnumerateArray())
        {
            var kind = Kind(golden.Text("template"));
            var prompts = golden.GetProperty("prompts").EnumerateArray().Select(prompt => prompt.GetString()!).ToArray();
            Assert.Equal(golden.Text("system"), Conversation.Of(kind).System);
            Assert.Equal(kind == ConversationKind.Plain ? 0 : 3, prompts.Length);
            if (prompts.Length == 0)
                continue;
            string Build(int count) => builder.Build(turns[..count], [new PromptMedia(1, 2, IsVideo: false)], new PromptOptions { Conversation = kind }).Text;
            Assert.Equal(prompts[0], Build(1));
            Assert.Equal(prompts[1], Build(3));
            Assert.Equal(prompts[2], Build(4) + Conversation.Of(kind).Stop);
        }
    }

    [Fact]
    public void A_plain_prompt_with_its_answer_is_a_training_sample()
    {
        var samples = TextGoldens.Json("goldens/train/s1.json");
        var golden = TextGoldens.Json("goldens/train/train_stage1.json").GetProperty("samples");
        var tokenizer = TextGoldens.Tiny(legacy: false);
        for (var i = 0; i < samples.GetArrayLength(); i++)
        {
            var texts = samples[i].GetProperty("conversations").EnumerateArray().Select(turn => turn.Text("value")).ToArray();
            ChatTurn[] turns = [new(ChatRole.User, texts[0].Replace("\n<image>", "", StringComparison.Ordinal), [0]), new(ChatRole.Assistant, texts[1] + "\n", [])];
            var layout = new PromptBuilder(tokenizer).Build(turns, [new PromptMedia(1, 2, IsVideo: false)], new PromptOptions { Conversation = ConversationKind.Plain });
            Assert.Equal(golden[i].GetProperty("input_ids").Ints(), layout.FoldedIds);
            Assert.Equal(golden[i].GetProperty("prompt")[0].GetString(), layout.Condition);
        }
    }

    private static string[] Names(string relative)
    {
        try
        {
            return [.. TextGoldens.Json(relative).EnumerateArray().Select(row => row.Text("name"))];
        }
        catch (Exception)
        {
            return ["absent"];                                 // the test itself then reports that it is skipped
        }
    }

    private static ConversationKind Kind(string template) => template switch
    {
        "vicuna_v1" => ConversationKind.VicunaV1,
        "imgsp_v1" => ConversationKind.ImgspV1,
        "llava_v1" => ConversationKind.LlavaV1,
        "llava_v0" => ConversationKind.LlavaV0,
        _ => ConversationKind.Plain,
    };

    private static ChatTurn[] Turns(JsonElement messages) => [.. messages.EnumerateArray().Select(message =>
    {
        var role = message.Text("role") == "user" ? ChatRole.User : ChatRole.Assistant;
        var content = message.GetProperty("content");
        if (content.ValueKind == JsonValueKind.String)
            return new ChatTurn(role, content.GetString()!, []);
        var text = content.EnumerateArray().Where(part => part.Text("type") == "text").Select(part => part.Text("text"));
        return new ChatTurn(role, string.Concat(text), content.EnumerateArray().Any(part => part.Text("type") != "text") ? [0] : []);
    })];

    /// <summary>One placeholder for each run of them.</summary>
    private static int[] Fold(int[] ids) => [.. ids.Where((id, i) => id != -200 || i == 0 || ids[i - 1] != -200)];
}
