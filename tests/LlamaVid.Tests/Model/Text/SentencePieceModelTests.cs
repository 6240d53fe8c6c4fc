using LlamaVid.Model.Weights;
using Google.Protobuf;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Model.Text;

/// <summary>Small models made by hand: what their scores and kinds of pieces must lead to, and what is refused.</summary>
public sealed class SentencePieceModelTests
{
    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    [Fact]
    public void Pieces_of_equal_score_merge_from_the_left()
    {
        var tokenizer = Load(Made([.. "▁abcd".Select(c => (c.ToString(), -9f, Normal)), ("bc", 0f, Normal), ("ab", 0f, Normal), ("cd", 0f, Normal)]));
        Assert.Equal(["▁", "ab", "cd"], Pieces(tokenizer, "abcd"));
        Assert.Equal(["▁", "ab", "c", "ab", "cd"], Pieces(tokenizer, "abcabcd"));
    }

    [Fact]
    public void The_score_decides_and_not_the_id()
    {
        var tokenizer = Load(Made([.. "▁abc".Select(c => (c.ToString(), -9f, Normal)), ("ab", -2f, Normal), ("bc", -1f, Normal)]));
        Assert.Equal(["▁", "a", "bc"], Pieces(tokenizer, "abc"));
    }

    [Fact]
    public void What_is_left_of_a_shortened_piece_may_be_unknown_as_it_is_officially()
    {
        var tokenizer = Load(Made([("▁", -9f, Normal), ("a", -9f, Normal), ("b", -9f, Normal), ("▁a", -1f, Normal), ("▁ab", -2f, Normal)]), """{"legacy": false}""");
        Assert.Equal(["▁ab"], Pieces(tokenizer, "ab"));
        Assert.Equal(["</s>", "<unk>"], Pieces(tokenizer, "</s>ab"));             // "▁ab" without its "▁" is no piece; it is not merged anew
        Assert.Equal(["</s>", "a", "a"], Pieces(tokenizer, "</s>aa"));
    }

    [Fact]
    public void Text_never_becomes_a_piece_that_is_not_for_text()
    {
        var made = Made([.. "▁<s>x/0".Select(c => (c.ToString(), -9f, Normal)), ("<s", -1f, Normal), ("<0", -1f, Normal)]);
        Assert.Equal(["▁", "<s", ">"], Pieces(Load(made, null, """{"bos_token": "[B]"}"""), "<s>"));
    }

    [Theory]
    [InlineData(UserDefined)]
    [InlineData(Unused)]
    public void Kinds_of_pieces_that_LLaMA_does_not_have_are_refused(int kind) => Refused(Made([("▁", 0f, Normal), ("<x>", 0f, kind)]), "piece 260");

    [Fact]
    public void A_model_that_cannot_spell_every_text_is_refused()
    {
        Refused(Made([("▁", 0f, Normal)], bytes: 255), "byte pieces are missing");
        Refused(Made([("▁", 0f, Normal), ("<0xZZ>", 0f, Byte)]), "byte piece 260");
        Refused(Made([("▁", 0f, Normal), ("▁", 0f, Normal)]), "not a SentencePiece BPE model");
    }

    [Fact]
    public void Other_normalisations_and_other_models_are_refused()
    {
        Refused(Made([("▁", 0f, Normal)], removeExtraWhitespaces: true), "keep extra whitespace");
        Refused(Made([("▁", 0f, Normal)], byteFallback: false), "byte fallback");
        Refused(Made([("▁", 0f, Normal)], modelType: 1), "not a SentencePiece BPE model");
        Refused(Made([("▁", 0f, Normal)], normalizer: "nmt_nfkc"), "nmt_nfkc");
    }

    private static void Refused(byte[] model, string words) => Assert.Contains(words, Assert.Throws<CheckpointException>(() => Load(model)).Message);

    private static IEnumerable<string> Pieces(LlamaTokenizer tokenizer, string text) => tokenizer.Encode(text).Skip(1).Select(tokenizer.Model.Piece);

    private static LlamaTokenizer Load(byte[] model, string? config = null, string? specialTokens = null)
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.model", model);
        if (config is not null)
            folder.Write("tokenizer_config.json", config);
        if (specialTokens is not null)
            folder.Write("special_tokens_map.json", specialTokens);
        return LlamaTokenizer.Load(folder.Path);
    }

    /// <summary>A ModelProto: unknown, begin, end, the bytes from id 3 on, then the given pieces from id 259 on.</summary>
    private static byte[] Made(
        IEnumerable<(string Text, float Score, int Kind)> pieces, int bytes = 256, bool removeExtraWhitespaces = false, bool byteFallback = true, int modelType = 2, string normalizer = "identity")
    {
        return Message(model =>
        {
            foreach (var (text, score, kind) in (IEnumerable<(string, float, int)>)
                [("<unk>", 0, Unknown), ("<s>", 0, Control), ("</s>", 0, Control), .. Enumerable.Range(0, bytes).Select(value => ($"<0x{value:X2}>", 0f, Byte)), .. pieces])
            {
                model.WriteTag(1, WireFormat.WireType.LengthDelimited);
                model.WriteBytes(ByteString.CopyFrom(Message(piece =>
                {
                    piece.WriteTag(1, WireFormat.WireType.LengthDelimited);
                    piece.WriteString(text);
                    piece.WriteTag(2, WireFormat.WireType.Fixed32);
                    piece.WriteFloat(score);
                    piece.WriteTag(3, WireFormat.WireType.Varint);
                    piece.WriteEnum(kind);
                })));
            }
            model.WriteTag(2, WireFormat.WireType.LengthDelimited);
            model.WriteBytes(ByteString.CopyFrom(Message(trainer =>
            {
                trainer.WriteTag(3, WireFormat.WireType.Varint);
                trainer.WriteEnum(modelType);
                trainer.WriteTag(35, WireFormat.WireType.Varint);
                trainer.WriteBool(byteFallback);
            })));
            model.WriteTag(3, WireFormat.WireType.LengthDelimited);
            model.WriteBytes(ByteString.CopyFrom(Message(spec =>
            {
                spec.WriteTag(1, WireFormat.WireType.LengthDelimited);
                spec.WriteString(normalizer);
                spec.WriteTag(3, WireFormat.WireType.Varint);
                spec.WriteBool(true);
                spec.WriteTag(4, WireFormat.WireType.Varint);
                spec.WriteBool(removeExtraWhitespaces);
            })));
        });
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var memory = new MemoryStream();
        using (var stream = new CodedOutputStream(memory, leaveOpen: true))
            write(stream);
        return memory.ToArray();
    }
}
