using CsCheck;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Model.Text;

public sealed class IncrementalDetokenizerTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_parts_joined_are_the_whole(bool withAddedTokens)
    {
        var tokenizer = withAddedTokens
            ? LlamaTokenizer.Load(Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-eva56"), usesPatchToken: true, usesStartEnd: true)
            : TextGoldens.Tiny(legacy: true);
        var anything = Gen.Int[0, tokenizer.VocabularySize - 1];
        var bytes = Gen.Int[3, 258];
        var few = Gen.Int[0, 2];
        var last = Gen.Int[tokenizer.VocabularySize - 5, tokenizer.VocabularySize - 1];
        Gen.OneOf(anything, bytes, few, last).Array[0, 30].Sample(ids =>
        {
            var detokenizer = new IncrementalDetokenizer(tokenizer);
            var joined = string.Concat(ids.Select(detokenizer.Push)) + detokenizer.Flush();
            Assert.Equal(tokenizer.Decode(ids, skipSpecialTokens: true), joined);
            Assert.Equal("", detokenizer.Flush());
        }, iter: 5000, threads: 1);
    }

    [Fact]
    public void Recorded_decodes_come_out_in_parts_as_well()
    {
        var golden = TextGoldens.Json("goldens/misc/tok_llama.json");
        foreach (var row in golden.GetProperty("decode_random").EnumerateArray())
        {
            var detokenizer = new IncrementalDetokenizer(TextGoldens.Tiny(legacy: false));
            Assert.Equal(row.Text("skip"), string.Concat(row.GetProperty("ids").Ints().Select(detokenizer.Push)) + detokenizer.Flush());
        }
    }

    [Fact]
    public void A_character_appears_with_its_last_byte_and_no_sooner()
    {
        var tokenizer = TextGoldens.Tiny(legacy: false);
        var detokenizer = new IncrementalDetokenizer(tokenizer);
        var emoji = tokenizer.Encode("😀").Skip(2);
        Assert.Equal(["", "", "", "😀"], emoji.Select(detokenizer.Push));
        Assert.Equal("", detokenizer.Flush());
    }

    [Fact]
    public void A_character_that_breaks_off_is_one_replacement_per_byte()
    {
        var tokenizer = TextGoldens.Tiny(legacy: false);
        var detokenizer = new IncrementalDetokenizer(tokenizer);
        var emoji = tokenizer.Encode("😀").Skip(2).Take(3).ToArray();
        Assert.Equal(["", "", ""], emoji.Select(detokenizer.Push));
        Assert.Equal("\uFFFD\uFFFD\uFFFDb", detokenizer.Push(tokenizer.Encode("</s>b")[^1]));
        Assert.Equal(["", "", ""], emoji.Select(detokenizer.Push));
        Assert.Equal("\uFFFD\uFFFD\uFFFD", detokenizer.Flush());
    }

    [Fact]
    public void Special_tokens_are_silent_and_do_not_part_the_bytes_of_a_character()
    {
        var tokenizer = TextGoldens.Tiny(legacy: false);
        var detokenizer = new IncrementalDetokenizer(tokenizer);
        int[] ids = [.. tokenizer.Encode("😀").Skip(2)];
        Assert.Equal("😀", string.Concat(new[] { ids[0], tokenizer.EosId, ids[1], tokenizer.BosId, ids[2], tokenizer.UnkId, ids[3] }.Select(detokenizer.Push)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(-200)]
    [InlineData(800)]
    [InlineData(int.MaxValue)]
    public void An_id_outside_the_vocabulary_is_an_error_that_says_so(int id)
    {
        var tokenizer = TextGoldens.Tiny(legacy: false);
        Assert.Contains("0 to 799", Assert.Throws<ArgumentOutOfRangeException>(() => new IncrementalDetokenizer(tokenizer).Push(id)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([id], skipSpecialTokens: true));
    }
}
