using System.Buffers;
using Library = Microsoft.ML.Tokenizers;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Text;

/// <summary>The text decoder's tokenizer: bert-base-uncased with [DEC] added, at most 256 ids, cut from the left. Knows no batches.</summary>
/// <remarks>
/// The library does WordPiece; its own basic tokenisation is not BERT's (docs/decisions/0003-llama-tokenizer.md), so <see cref="BertWords"/>
/// stands before it. Immutable, so one instance serves all threads.
/// </remarks>
public sealed class BertTokenizer
{
    /// <summary>Most ids of a text, [CLS] and [SEP] included; of a longer text the last pieces are kept (truncation_side "left").</summary>
    public const int MaxLength = 256;

    private const string Dec = "[DEC]";

    private readonly Library.WordPieceTokenizer _wordPiece;
    private readonly Dictionary<string, int> _special;
    private readonly SearchValues<string> _splits;

    private BertTokenizer(Library.WordPieceTokenizer wordPiece, Dictionary<string, int> special, int vocabularySize)
    {
        _wordPiece = wordPiece;
        _special = special;
        _splits = SearchValues.Create([.. special.Keys], StringComparison.Ordinal);
        VocabularySize = vocabularySize;
    }

    /// <summary>Pieces of the file and [DEC], which has the last id.</summary>
    public int VocabularySize { get; }

    public int PadId => _special["[PAD]"];

    /// <summary>Reads a vocabulary of one piece per line.</summary>
    /// <param name="directoryOrVocabFile">The file, or a folder with a <c>vocab.txt</c>.</param>
    /// <exception cref="CheckpointException">The file is missing, unreadable or lacks a special token.</exception>
    public static BertTokenizer Load(string directoryOrVocabFile)
    {
        var path = Directory.Exists(directoryOrVocabFile) ? Path.Combine(directoryOrVocabFile, "vocab.txt") : directoryOrVocabFile;
        try
        {
            var lines = File.ReadAllLines(path);
            var special = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var name in (string[])["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
                special[name] = Array.IndexOf(lines, name) is var id and >= 0 ? id : throw new CheckpointException(path, $"no line reads {name}; a BERT vocabulary has one piece per line");
            special[Dec] = lines.Length;
            return new BertTokenizer(Library.WordPieceTokenizer.Create(path, new Library.WordPieceOptions { UnknownToken = "[UNK]" }), special, lines.Length + 1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, e is FileNotFoundException or DirectoryNotFoundException
                ? "no such file; download bert-base-uncased's vocab.txt" : "the file cannot be read", e);
        }
        catch (ArgumentException e)
        {
            throw new CheckpointException(path, $"not a BERT vocabulary ({e.Message.TrimEnd('.')})", e);
        }
    }

    /// <summary>[CLS], the pieces, [SEP]. Special tokens that the text spells exactly, [DEC] among them, become their ids, as officially.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        var pieces = new List<int>();
        var words = new BertWords(word => pieces.AddRange(_wordPiece.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false)));
        var rest = text.AsSpan();
        while (rest.IndexOfAny(_splits) is var at and >= 0)
        {
            words.Read(rest[..at]);
            var end = at + rest[at..].IndexOf(']') + 1;
            pieces.Add(_special[rest[at..end].ToString()]);
            rest = rest[end..];
        }
        words.Read(rest);

        var kept = Math.Min(pieces.Count, MaxLength - 2);
        return [_special["[CLS]"], .. pieces.GetRange(pieces.Count - kept, kept), _special["[SEP]"]];
    }
}
