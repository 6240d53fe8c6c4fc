using System.Text;
using LlamaVid.Model.Text;
using LlamaVid.Model.Weights;

namespace LlamaVid.Tests.Model.Text;

public sealed class BertTokenizerTests
{
    private static readonly Lazy<BertTokenizer> Loaded = new(() => BertTokenizer.Load(Shared.Path("assets/tokenizers/bert-base-uncased-vocab.txt")), LazyThreadSafetyMode.PublicationOnly);

    private static BertTokenizer Real => Loaded.Value;

    [Theory]
    [InlineData("goldens/misc/tok_bert.json", "goldens/bert-base-uncased")]
    [InlineData("assets/tokenizers/bert-golden.json", "assets/tokenizers/bert-base-uncased-vocab.txt")]
    public void Ids_equal_the_official_ones(string goldens, string vocabulary)
    {
        var golden = TextGoldens.Json(goldens);
        var tokenizer = BertTokenizer.Load(Shared.Path(vocabulary));
        Assert.Equal(golden.GetProperty("len").GetInt32(), tokenizer.VocabularySize);

        var rows = golden.GetProperty("single").EnumerateArray().ToArray();
        Assert.Equal(14, rows.Length);
        foreach (var row in rows)
            Assert.Equal(row.GetProperty("ids").Ints(), tokenizer.Encode(row.Text("text")));

        var batch = golden.GetProperty("batch");
        var texts = batch.GetProperty("texts").EnumerateArray().Select(text => text.GetString()!).ToArray();
        for (var i = 0; i < texts.Length; i++)
        {
            var ids = batch.GetProperty("ids")[i].Ints();
            var alone = tokenizer.Encode(texts[i]);
            Assert.Equal(ids, alone.Concat(Enumerable.Repeat(tokenizer.PadId, ids.Length - alone.Count)));
            Assert.Equal(batch.GetProperty("mask")[i].Ints().Sum(), alone.Count);
        }
    }

    [Fact]
    public void Accents_are_stripped_although_the_process_cannot_normalise()
    {
        Assert.Equal("é", "é".Normalize(NormalizationForm.FormD));    // invariant globalization: no ICU, no decomposition
        Assert.Equal(Real.Encode("cafe a naive uber o viet dưong".Replace('ư', 'u')), Real.Encode("CAFÉ Å naïve U\u0308ber Ő Việt Dương"));
    }

    [Theory]
    [InlineData("\u0130stanbul", "istanbul")]                 // İ, whose lower case is two characters
    [InlineData("\u212Bngstr\u00F6m", "angstrom")]            // Angstrom sign
    [InlineData("ΟΔΟΣ", "οδοσ")]                              // no final sigma
    [InlineData("a\u200Bb\u00ADc\u200Fd\uFEFFe", "abcde")]    // zero width, soft hyphen, right-to-left mark, byte order mark
    [InlineData("a\u2028b\u3000c\u00A0d\re", "a b c d e")]
    [InlineData("ab\0c\uFFFDd", "abcd")]
    [InlineData("\uF900", "\u8C48")]                          // compatibility ideograph
    [InlineData("\u037E", ";")]                               // Greek question mark
    [InlineData("[dec] [sep]", "[ dec ] [ sep ]")]
    public void Texts_that_mean_the_same_to_BERT_have_the_same_ids(string text, string same)
    {
        var ids = Real.Encode(text);
        Assert.Equal(Real.Encode(same), ids);
        Assert.True(ids.Count > 2);
    }

    [Fact]
    public void Special_tokens_in_a_text_are_their_ids() =>
        Assert.Equal([101, 30522, 102, 0, 100, 103, 101, 102], Real.Encode("[DEC][SEP] [PAD][UNK][MASK][CLS]"));

    [Fact]
    public void Of_a_long_text_the_end_is_kept()
    {
        var text = string.Concat(Enumerable.Repeat("one two ", 150)) + "three";
        var ids = Real.Encode(text);
        Assert.Equal(BertTokenizer.MaxLength, ids.Count);
        Assert.Equal(Real.Encode("three")[1], ids[^2]);
        Assert.Equal(101, ids[0]);
        Assert.Equal(102, ids[^1]);
    }

    [Fact]
    public void Lone_surrogates_are_dropped() => Assert.Equal(Real.Encode("abc"), Real.Encode("a\ud800b\udc00c\ud83d"));

    [Fact]
    public void A_megabyte_of_anything_is_at_most_256_ids()
    {
        foreach (var unit in (string[])["a", "\u0301", "\ud800", "[SEP", "[SEP]", "世", "한", "!"])
            Assert.InRange(Real.Encode(string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length))).Count, 2, BertTokenizer.MaxLength);
    }

    [Fact]
    public void A_word_of_more_than_100_letters_is_unknown()
    {
        Assert.Equal([101, 100, 102], Real.Encode(new string('a', 101)));
        Assert.DoesNotContain(100, Real.Encode(new string('a', 100)));
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var error = Assert.Throws<CheckpointException>(() => BertTokenizer.Load("/nowhere/vocab.txt"));
        Assert.Equal("/nowhere/vocab.txt", error.File);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")]
    [InlineData("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\na\n")]
    public void A_file_that_is_no_vocabulary_is_refused(string content)
    {
        using var folder = new TokenizerFolder();
        folder.Write("vocab.txt", content);
        Assert.Throws<CheckpointException>(() => BertTokenizer.Load(folder.Path));
    }
}
