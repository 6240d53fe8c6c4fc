using System.Globalization;
using Google.Protobuf;
using Library = Microsoft.ML.Tokenizers;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Text;

/// <summary>The pieces of one <c>tokenizer.model</c>, their scores and how text is normalised for them. Knows no special tokens and no merging.</summary>
/// <remarks>
/// The library reads and validates the file and owns the normalisation; it keeps scores to itself, and exact merging needs them
/// (docs/decisions/0003-llama-tokenizer.md), so they are read here, from field 1 of SentencePiece's ModelProto: piece = 1, score = 2, type = 3.
/// </remarks>
internal sealed class SentencePieceModel
{
    private enum Kind { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 }

    private readonly Library.Normalizer _normalizer;
    private readonly List<(string Text, float Score, Kind Kind)> _pieces = [];
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _mergeable = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _mergeableBySpan;
    private readonly int[] _byteIds = new int[256];
    private readonly Dictionary<int, byte> _bytes = [];

    private SentencePieceModel(Library.SentencePieceTokenizer library, ReadOnlySpan<byte> file)
    {
        _normalizer = library.Normalizer!;
        UnknownId = library.UnknownId;
        foreach (var piece in ReadPieces(file))
            Add(piece);
        if (_bytes.Values.Distinct().Count() < 256)
            throw new InvalidDataException("byte pieces are missing; without all 256 some text has no ids");
        _mergeableBySpan = _mergeable.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public int Count => _pieces.Count;

    public int UnknownId { get; }

    /// <summary>UTF-16 length of the longest piece that merging may form.</summary>
    public int LongestPiece { get; private set; }

    /// <exception cref="CheckpointException">The file is missing, is no SentencePiece BPE model, or uses features that LLaMA models do not have.</exception>
    public static SentencePieceModel Load(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            var library = Library.LlamaTokenizer.Create(new MemoryStream(bytes), addBeginOfSentence: false);
            if (!library.ByteFallback || !library.EscapeWhiteSpaces || !library.AddDummyPrefix || library.TreatWhitespaceAsSuffix
                || library.Normalizer is not Library.SentencePieceNormalizer { RemoveExtraWhiteSpaces: false })
                throw new InvalidDataException("the model must have byte fallback, a dummy prefix and escaped whitespace, and keep extra whitespace, as LLaMA's does");
            return new SentencePieceModel(library, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, e is FileNotFoundException or DirectoryNotFoundException
                ? "the checkpoint has no such file; copy it from the model's repository" : "the file cannot be read", e);
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or InvalidProtocolBufferException or NullReferenceException or KeyNotFoundException)
        {
            throw new CheckpointException(path, $"not a SentencePiece BPE model of the LLaMA kind ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>Text as merging wants it: a leading "▁" and every space as "▁". Empty text stays empty.</summary>
    public string Normalize(string text) => _normalizer.Normalize(text);

    public string Piece(int id) => _pieces[id].Text;

    public float Score(int id) => _pieces[id].Score;

    public int ByteId(byte value) => _byteIds[value];

    public bool IsByte(int id, out byte value) => _bytes.TryGetValue(id, out value);

    public bool IsControl(int id) => _pieces[id].Kind == Kind.Control;

    /// <summary>The id of a piece of any kind, or null.</summary>
    public int? Find(string piece) => _ids.TryGetValue(piece, out var id) ? id : null;

    /// <summary>The id of a piece that text can merge into: never a control, byte or unknown piece, whatever the text spells.</summary>
    public bool TryFindMergeable(ReadOnlySpan<char> piece, out int id) => _mergeableBySpan.TryGetValue(piece, out id);

    private void Add((string Text, float Score, Kind Kind) piece)
    {
        var id = _pieces.Count;
        if (piece.Kind is Kind.UserDefined or Kind.Unused)
            throw new InvalidDataException($"piece {id} is of the kind {piece.Kind}, which LLaMA models do not have");
        _pieces.Add(piece);
        _ids.Add(piece.Text, id);
        if (piece.Kind == Kind.Normal)
        {
            _mergeable.Add(piece.Text, id);
            LongestPiece = Math.Max(LongestPiece, piece.Text.Length);
        }
        else if (piece.Kind == Kind.Byte)
        {
            if (piece.Text is not ['<', '0', 'x', _, _, '>'] || !byte.TryParse(piece.Text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, null, out var value))
                throw new InvalidDataException($"byte piece {id} is not named <0x00> to <0xFF>");
            _byteIds[value] = id;
            _bytes.Add(id, value);
        }
    }

    private static List<(string, float, Kind)> ReadPieces(ReadOnlySpan<byte> file)
    {
        var pieces = new List<(string, float, Kind)>();
        var model = new CodedInputStream(file.ToArray());
        while (model.ReadTag() is var tag and not 0)
        {
            if (tag == WireFormat.MakeTag(1, WireFormat.WireType.LengthDelimited))
                pieces.Add(ReadPiece(model.ReadBytes().CreateCodedInput()));
            else
                model.SkipLastField();
        }
        return pieces;
    }

    private static (string, float, Kind) ReadPiece(CodedInputStream input)
    {
        var (text, score, kind) = ("", 0f, Kind.Normal);
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: text = input.ReadString(); break;
                case 2: score = input.ReadFloat(); break;
                case 3: kind = (Kind)input.ReadEnum(); break;
                default: input.SkipLastField(); break;
            }
        }
        return (text, score, kind);
    }
}
