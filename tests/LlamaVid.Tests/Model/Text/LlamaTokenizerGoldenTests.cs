using System.Text;
using System.Text.Json;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Model.Text;

public sealed class LlamaTokenizerGoldenTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_tiny_tokenizer_equals_the_official_one(bool legacy) =>
        Compare(TextGoldens.Json("goldens/misc/tok_llama.json"), TextGoldens.Tiny(legacy), legacy);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_real_tokenizer_equals_the_official_one(bool legacy) =>
        Compare(TextGoldens.Json("assets/tokenizers/llama2-golden.json"), TextGoldens.Real(legacy), legacy);

    [Fact]
    public void Plain_texts_equal_SentencePiece()
    {
        var model = SentencePieceModel.Load(Shared.Path("assets/tokenizers/llama2-tokenizer.model"));
        var bpe = new SentencePieceBpe(model);
        var lines = File.ReadAllLines(Shared.Path("assets/tokenizers/llama2_sentencepiece_golden.jsonl"));
        Assert.Equal(877, lines.Length);
        foreach (var line in lines)
        {
            using var golden = JsonDocument.Parse(line);
            var expected = golden.RootElement.GetProperty("ids").Ints();
            var ids = new List<int>();
            bpe.Encode(model.Normalize(golden.RootElement.Text("text")), ids);
            Assert.Equal(expected, ids);

            var (text, decoder) = (new StringBuilder(), new SentencePieceDecoder(model));
            foreach (var id in expected)
                decoder.Append(id, text);
            decoder.Finish(text);
            Assert.Equal(golden.RootElement.Text("decoded"), text.ToString());
        }
    }

    private static void Compare(JsonElement golden, LlamaTokenizer tokenizer, bool legacy)
    {
        Assert.Equal(golden.GetProperty("len").GetInt32(), tokenizer.VocabularySize);
        Assert.Equal(
            (golden.GetProperty("bos").GetInt32(), golden.GetProperty("eos").GetInt32(), golden.GetProperty("unk").GetInt32()),
            (tokenizer.BosId, tokenizer.EosId, tokenizer.UnkId));

        var compared = 0;
        foreach (var row in golden.GetProperty(legacy ? "legacy_true" : "legacy_false").EnumerateArray())
        {
            var text = row.Text("text");
            if (row.TryGetProperty("ids", out var ids))
            {
                Assert.Equal(ids.Ints(), tokenizer.Encode(text));
                Assert.Equal(row.Text("decode"), tokenizer.Decode(ids.Ints(), skipSpecialTokens: false));
                Assert.Equal(row.Text("decode_skip"), tokenizer.Decode(ids.Ints(), skipSpecialTokens: true));
            }
            Assert.Equal(row.GetProperty("image_ids").Ints(), tokenizer.EncodeWithImages(text));
            compared++;
        }
        Assert.True(compared >= 35);

        foreach (var row in golden.GetProperty("decode_random").EnumerateArray())
        {
            var ids = row.GetProperty("ids").Ints();
            Assert.Equal(row.Text("text"), tokenizer.Decode(ids, skipSpecialTokens: false));
            Assert.Equal(row.Text("skip"), tokenizer.Decode(ids, skipSpecialTokens: true));
        }
    }
}
