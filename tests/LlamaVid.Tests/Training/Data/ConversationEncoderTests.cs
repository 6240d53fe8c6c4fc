using System.Text.Json;
using LlamaVid.Model.Text;
using LlamaVid.Training.Data;

namespace LlamaVid.Tests.Training.Data;

/// <summary>Ids and masks of the official preprocessing, for both kinds of tokenizer, and what is refused.</summary>
public sealed class ConversationEncoderTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Conversations_have_the_official_ids_masks_and_questions(bool legacy)
    {
        var encoder = new ConversationEncoder(Tokenizer(legacy));
        var samples = Samples(File.ReadAllText(Shared.Path("goldens/train/s2.json")));
        using var goldens = JsonDocument.Parse(File.ReadAllBytes(Shared.Path("goldens/train/train_preprocess.json")));
        for (var i = 0; i < samples.Count; i++)
            foreach (var (seed, isBehind) in new[] { (0, true), (1, false) })
            {
                var golden = goldens.RootElement.GetProperty($"legacy_{(legacy ? "True" : "False")}|imgsp_v1|{i}|seed{seed}");
                var encoded = encoder.Instruct(samples[i], _ => isBehind);
                Assert.Equal(Numbers(golden, "input_ids"), encoded.Ids);
                Assert.Equal(Numbers(golden, "labels"), encoded.Labels);
                Assert.Equal(golden.GetProperty("prompt").EnumerateArray().Select(text => text.GetString()), encoded.Questions);
            }
    }

    [Fact]
    public void An_answer_that_holds_the_end_mark_is_refused_because_its_labels_cannot_be_placed() => Refused(
        "labels cannot be placed", """{"conversations":[{"from":"human","value":"Write."},{"from":"gpt","value":"One.</s>Two."}]}""");

    [Fact]
    public void An_answer_that_speaks_for_the_assistant_is_refused() => Refused(
        "labels cannot be placed", """{"conversations":[{"from":"human","value":"Write. ASSISTANT: no"},{"from":"gpt","value":"One."}]}""");

    [Fact]
    public void A_placeholder_without_media_is_refused() => Refused(
        "neither an image nor a video", """{"conversations":[{"from":"human","value":"<image>\nWhat?"},{"from":"gpt","value":"One."}]}""");

    [Fact]
    public void Media_without_a_placeholder_are_refused() => Refused(
        "no question with <image>", """{"image":"a.png","conversations":[{"from":"human","value":"What?"},{"from":"gpt","value":"One."}]}""");

    [Fact]
    public void A_caption_comes_after_one_request()
    {
        var encoder = new ConversationEncoder(Tokenizer(false));
        var sample = Samples("""
            [{"image":"a.png","conversations":[{"from":"human","value":"A\n<image>"},{"from":"gpt","value":"B"},
              {"from":"human","value":"C"},{"from":"gpt","value":"D"}]}]
            """)[0];
        Assert.Contains("4 turns", Assert.Throws<SampleFault>(() => encoder.Plain(sample)).Message);
    }

    private static void Refused(string words, string sample)
    {
        var encoder = new ConversationEncoder(Tokenizer(false));
        Assert.Contains(words, Assert.Throws<SampleFault>(() => encoder.Instruct(Samples($"[{sample}]")[0], _ => true)).Message);
    }

    private static int[] Numbers(JsonElement golden, string name) => [.. golden.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private static List<Sample> Samples(string json)
    {
        var samples = new List<Sample>();
        foreach (var entry in JsonDocument.Parse(json).RootElement.EnumerateArray())
        {
            var media = entry.TryGetProperty("image", out var image) ? new SampleMedia(image.GetString()!, SampleMediaKind.Picture)
                : entry.TryGetProperty("video", out var video) ? new SampleMedia(video.GetString()!, SampleMediaKind.Video) : null;
            samples.Add(new(samples.Count, "s", media, [.. entry.GetProperty("conversations").EnumerateArray()
                .Select(turn => new SampleTurn(turn.GetProperty("from").GetString() == "human", turn.GetProperty("value").GetString()!))]));
        }
        return samples;
    }

    /// <summary>The eva56 checkpoint has the legacy tokenizer, the others the new one.</summary>
    private static LlamaTokenizer Tokenizer(bool legacy) =>
        LlamaTokenizer.Load(Shared.Path($"goldens/work_dirs/llama-vid/llama-vid-7b-{(legacy ? "eva56" : "full-224-video-fps-1")}"));
}
