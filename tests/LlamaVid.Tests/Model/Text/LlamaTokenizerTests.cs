using LlamaVid.Model.Text;
using LlamaVid.Model.Weights;

namespace LlamaVid.Tests.Model.Text;

public sealed class LlamaTokenizerTests
{
    private static string TinyModel => Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-eva56/tokenizer.model");

    [Fact]
    public void Without_configuration_the_defaults_of_transformers_hold()
    {
        using var folder = new TokenizerFolder(TinyModel);
        var tokenizer = LlamaTokenizer.Load(folder.Path);
        Assert.Equal(TextGoldens.Tiny(legacy: true).Encode("ok</s>USER: x"), tokenizer.Encode("ok</s>USER: x"));
        Assert.Equal((1, 2, 0, 800), (tokenizer.BosId, tokenizer.EosId, tokenizer.UnkId, tokenizer.VocabularySize));
    }

    [Fact]
    public void Begin_and_end_are_added_as_configured()
    {
        using var folder = new TokenizerFolder(TinyModel);
        folder.Write("tokenizer_config.json", """{"add_bos_token": false, "add_eos_token": true, "legacy": false}""");
        Assert.Equal([.. TextGoldens.Tiny(legacy: false).Encode("a cat").Skip(1), 2], LlamaTokenizer.Load(folder.Path).Encode("a cat"));
    }

    [Fact]
    public void Media_marks_are_added_after_the_vocabulary_in_the_official_order()
    {
        using var folder = new TokenizerFolder(TinyModel);
        var tokenizer = LlamaTokenizer.Load(folder.Path, usesPatchToken: true, usesStartEnd: true);
        Assert.Equal(803, tokenizer.VocabularySize);
        Assert.Equal([1, 800, 801, 802, 2], tokenizer.Encode("<im_patch> \n<im_start> <im_end></s>"));   // such marks swallow whitespace around them
        Assert.Equal("<im_patch> <im_start>", tokenizer.Decode([1, 800, 801, 2], skipSpecialTokens: true));

        folder.Write("added_tokens.json", """{"<im_end>": 801, "<im_start>": 800}""");
        var saved = LlamaTokenizer.Load(folder.Path, usesStartEnd: true);
        Assert.Equal([1, 800, 801], saved.Encode("<im_start><im_end>"));
        Assert.Equal(802, saved.VocabularySize);
    }

    [Fact]
    public void A_special_token_that_a_file_names_barely_swallows_whitespace()
    {
        using var folder = new TokenizerFolder(TinyModel);
        folder.Write("special_tokens_map.json", """{"eos_token": "</s>", "pad_token": "[PAD]", "additional_special_tokens": ["<x>"]}""");
        var tokenizer = LlamaTokenizer.Load(folder.Path);
        Assert.Equal(tokenizer.Encode("a</s>b"), tokenizer.Encode("a \n</s>\t b"));
        Assert.Equal([1, 800, 801], tokenizer.Encode("[PAD]<x>"));
        Assert.Equal("", tokenizer.Decode([800, 801], skipSpecialTokens: true));
        Assert.Equal("[PAD] <x>", tokenizer.Decode([800, 801], skipSpecialTokens: false));
    }

    [Fact]
    public void The_end_mark_in_a_text_is_the_end_id_as_it_is_officially()
    {
        var tokenizer = TextGoldens.Tiny(legacy: false);
        Assert.Equal(2, tokenizer.Encode("a</s></s>b").Count(id => id == tokenizer.EosId));
        Assert.DoesNotContain(tokenizer.EosId, tokenizer.Encode("a</S>b< /s></ s>"));
    }

    [Fact]
    public void Lone_surrogates_count_as_replacement_characters()
    {
        foreach (var (text, same) in ((string, string)[])[("\ud800", "\uFFFD"), ("a\udc00\ud83d", "a\uFFFD\uFFFD"), ("\ud83d\ude00\ud83d", "😀\uFFFD")])
        {
            foreach (var tokenizer in (LlamaTokenizer[])[TextGoldens.Tiny(legacy: false), TextGoldens.Tiny(legacy: true)])
            {
                Assert.Equal(tokenizer.Encode(same), tokenizer.Encode(text));
                Assert.Equal(same, tokenizer.Decode(tokenizer.Encode(text), skipSpecialTokens: true));
            }
        }
    }

    [Theory]
    [InlineData("\0")]
    [InlineData("a\0b\0")]
    [InlineData("\u200b\u200d\ufeff\u202e\u2066\u05d0\u0627")]
    [InlineData("e\u0301\u0323\u20dd")]
    [InlineData("\u001c\u0085\u2028\r\n\t\v")]
    [InlineData("👩‍👩‍👧‍👦🏳️‍🌈")]
    [InlineData("<s")]
    [InlineData("</s")]
    [InlineData("<<</<0x0A><unk")]
    [InlineData("<image><im_start>")]
    public void Hostile_text_survives_the_way_there_and_back(string text)
    {
        foreach (var tokenizer in (LlamaTokenizer[])[TextGoldens.Tiny(legacy: false), TextGoldens.Tiny(legacy: true), TextGoldens.Real(legacy: false), TextGoldens.Real(legacy: true)])
        {
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text), skipSpecialTokens: true));
            Assert.NotEmpty(tokenizer.Encode("</s>" + text + "</s>"));
        }
    }

    [Theory]
    [InlineData("</s>", 250_001)]
    [InlineData("<unk>", 200_001)]
    public void A_megabyte_of_special_tokens_is_one_id_each(string token, int ids) =>
        Assert.Equal(ids, TextGoldens.Tiny(legacy: false).Encode(string.Concat(Enumerable.Repeat(token, 1_000_000 / token.Length))).Count);

    [Fact]
    public void A_megabyte_of_anything_is_encoded()
    {
        var tokenizer = TextGoldens.Real(legacy: false);
        foreach (var unit in (string[])["a", "<", "\0", "\ud800", "\u202e\u05d0 "])       // a lone surrogate cannot stand in an attribute
        {
            var text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));
            Assert.Equal(text.Replace('\ud800', '\uFFFD'), tokenizer.Decode(tokenizer.Encode(text), skipSpecialTokens: true));
        }
    }

    [Fact]
    public void A_folder_without_a_model_says_what_is_missing()
    {
        using var folder = new TokenizerFolder();
        var error = Assert.Throws<CheckpointException>(() => LlamaTokenizer.Load(folder.Path));
        Assert.Contains("tokenizer.model: the checkpoint has no such file", error.Message);
    }

    [Fact]
    public void Damaged_models_are_refused_by_name()
    {
        var good = File.ReadAllBytes(TinyModel);
        byte[][] damaged = [[], [0xFF], [0x0A], [.. good.Take(1000)], [.. good.Take(good.Length - 3)], [.. good.Select(value => (byte)(value ^ 0x55))], "not a model at all"u8.ToArray()];
        foreach (var bytes in damaged)
        {
            using var folder = new TokenizerFolder();
            folder.Write("tokenizer.model", bytes);
            var error = Assert.Throws<CheckpointException>(() => LlamaTokenizer.Load(folder.Path));
            Assert.Contains("tokenizer.model: ", error.Message);
        }
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{")]
    [InlineData("tokenizer_config.json", "[]")]
    [InlineData("tokenizer_config.json", """{"legacy": "yes"}""")]
    [InlineData("tokenizer_config.json", """{"bos_token": {"lstrip": true}}""")]
    [InlineData("special_tokens_map.json", """{"eos_token": 2}""")]
    [InlineData("special_tokens_map.json", """{"eos_token": ""}""")]
    [InlineData("added_tokens.json", """{"<x>": "800"}""")]
    [InlineData("added_tokens.json", """{"<x>": 801}""")]
    [InlineData("added_tokens.json", """{"<x>": 800, "<y>": 802}""")]
    [InlineData("added_tokens.json", """{"": 800}""")]
    public void A_damaged_configuration_is_refused_by_name(string file, string content)
    {
        using var folder = new TokenizerFolder(TinyModel);
        folder.Write(file, content);
        var error = Assert.Throws<CheckpointException>(() => LlamaTokenizer.Load(folder.Path));
        Assert.Contains(file + ": ", error.Message);
    }
}
