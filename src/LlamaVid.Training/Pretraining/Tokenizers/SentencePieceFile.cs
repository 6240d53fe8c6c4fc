using Google.Protobuf;

namespace LlamaVid.Training.Pretraining.Tokenizers;

/// <summary>Writes a <c>tokenizer.model</c> of LLaMA's kind: three special pieces, all bytes, then the trained pieces. Knows no training.</summary>
internal static class SentencePieceFile
{
    private enum Kind { Normal = 1, Unknown = 2, Control = 3, Byte = 6 }

    /// <param name="pieces">the earlier, the sooner they merge</param>
    public static void Write(string path, IReadOnlyList<string> pieces)
    {
        using var file = File.Create(path);
        using var model = new CodedOutputStream(file);
        WritePiece(model, "<unk>", 0, Kind.Unknown);
        WritePiece(model, "<s>", 0, Kind.Control);
        WritePiece(model, "</s>", 0, Kind.Control);
        for (var value = 0; value < 256; value++) WritePiece(model, $"<0x{value:X2}>", 0, Kind.Byte);
        for (var i = 0; i < pieces.Count; i++) WritePiece(model, pieces[i], -i, Kind.Normal);

        WritePart(model, 2, trainer =>                          // trainer_spec
        {
            WriteNumber(trainer, 3, 2);                         // model_type: BPE
            WriteNumber(trainer, 4, 3 + 256 + pieces.Count);    // vocab_size
            WriteNumber(trainer, 25, 1);                        // split_digits
            WriteNumber(trainer, 35, 1);                        // byte_fallback
            WriteNumber(trainer, 40, 0);                        // unk_id
            WriteNumber(trainer, 41, 1);                        // bos_id
            WriteNumber(trainer, 42, 2);                        // eos_id
            WriteNumber(trainer, 43, -1);                       // pad_id: none
        });
        WritePart(model, 3, normalizer =>                       // normalizer_spec
        {
            normalizer.WriteTag(1, WireFormat.WireType.LengthDelimited);
            normalizer.WriteString("identity");
            WriteNumber(normalizer, 3, 1);                      // add_dummy_prefix
            WriteNumber(normalizer, 4, 0);                      // remove_extra_whitespaces
            WriteNumber(normalizer, 5, 1);                      // escape_whitespaces
        });
    }

    private static void WritePiece(CodedOutputStream model, string text, float score, Kind kind) => WritePart(model, 1, piece =>
    {
        piece.WriteTag(1, WireFormat.WireType.LengthDelimited);
        piece.WriteString(text);
        piece.WriteTag(2, WireFormat.WireType.Fixed32);
        piece.WriteFloat(score);
        WriteNumber(piece, 3, (int)kind);
    });

    private static void WriteNumber(CodedOutputStream output, int field, int value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt32(value);
    }

    private static void WritePart(CodedOutputStream model, int field, Action<CodedOutputStream> write)
    {
        using var bytes = new MemoryStream();
        using (var part = new CodedOutputStream(bytes, leaveOpen: true)) write(part);
        model.WriteTag(field, WireFormat.WireType.LengthDelimited);
        model.WriteBytes(ByteString.CopyFrom(bytes.GetBuffer(), 0, (int)bytes.Length));
    }
}
