using System.Buffers;
using System.Text;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Text;

/// <summary>Text to ids and back, as the slow LlamaTokenizer of transformers 4.31 computes them. Knows no prompts and no media.</summary>
/// <remarks>
/// Special tokens are cut out of the text first and every part between them is tokenised alone. With <c>legacy</c> each part gets
/// SentencePiece's leading "▁"; without it only the first does. "&lt;/s&gt;" in a text is therefore the end-of-sequence id, as it is officially.
/// Immutable, so one instance serves all threads.
/// </remarks>
public sealed class LlamaTokenizer
{
    private readonly SentencePieceModel _model;
    private readonly SentencePieceBpe _bpe;
    private readonly bool _legacy, _addBos, _addEos;
    private readonly List<string> _added = [];
    private readonly Dictionary<string, int> _splitIds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (bool Left, bool Right)> _strips = new(StringComparer.Ordinal);
    private readonly string[] _longestFirst;
    private readonly SearchValues<string> _splits;
    private readonly HashSet<int> _special = [];

    private LlamaTokenizer(SentencePieceModel model, LlamaTokenizerFiles files, string folder, bool usesPatchToken, bool usesStartEnd)
    {
        _model = model;
        _bpe = new SentencePieceBpe(model);
        (_legacy, _addBos, _addEos) = (files.Legacy, files.AddBos, files.AddEos);
        UnkId = model.Find(files.Unk) ?? model.UnknownId;

        foreach (var (content, id) in files.Added)
            if (model.Find(content) != id && Add(content) != id)
                throw new CheckpointException(Path.Combine(folder, "added_tokens.json"),
                    $"\"{content}\" has the id {id}; added tokens are numbered from the vocabulary's end without gaps, so it should be {IdOf(content)}");
        foreach (var token in files.Special)
        {
            _special.Add(Add(token.Content));
            _strips[token.Content] = token.IsExact ? (token.StripsLeft, token.StripsRight) : _strips.GetValueOrDefault(token.Content, (true, true));
        }
        foreach (var content in (IEnumerable<string>)[.. usesPatchToken ? ["<im_patch>"] : Array.Empty<string>(), .. usesStartEnd ? ["<im_start>", "<im_end>"] : Array.Empty<string>()])
            Add(content);

        (BosId, EosId) = (IdOf(files.Bos), IdOf(files.Eos));
        _longestFirst = [.. _splitIds.Keys.OrderByDescending(content => content.Length)];
        _splits = SearchValues.Create(_longestFirst, StringComparison.Ordinal);
    }

    public int BosId { get; }
    public int EosId { get; }
    public int UnkId { get; }

    /// <summary>Ids run from 0 to this, exclusive: the model's pieces, then the added tokens.</summary>
    public int VocabularySize => _model.Count + _added.Count;

    /// <summary>Characters of the longest token: a text of n characters has at least n / this tokens.</summary>
    public int LongestToken => Math.Max(_model.LongestPiece, _longestFirst.Length > 0 ? _longestFirst[0].Length : 1);

    internal SentencePieceModel Model => _model;

    /// <summary>Reads tokenizer.model and, where present, tokenizer_config.json, special_tokens_map.json and added_tokens.json.</summary>
    /// <param name="usesPatchToken">config.json's mm_use_im_patch_token: the official loader then adds &lt;im_patch&gt; if no file does.</param>
    /// <param name="usesStartEnd">config.json's mm_use_im_start_end: likewise &lt;im_start&gt; and &lt;im_end&gt;.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged or of another kind of model.</exception>
    public static LlamaTokenizer Load(string modelDirectory, bool usesPatchToken = false, bool usesStartEnd = false) =>
        new(SentencePieceModel.Load(Path.Combine(modelDirectory, "tokenizer.model")), LlamaTokenizerFiles.Read(modelDirectory), modelDirectory, usesPatchToken, usesStartEnd);

    /// <summary><c>tokenizer(text).input_ids</c>: with the beginning-of-sequence id, also for empty text. A lone surrogate counts as U+FFFD.</summary>
    public IReadOnlyList<int> Encode(string text)
    {
        var ids = new List<int>(text.Length / 3 + 4);
        if (_addBos)
            ids.Add(BosId);
        text = WellFormed(text);
        if (!_legacy)
            text = "▁" + text.Replace('▁', ' ');
        foreach (var part in Split(text))
        {
            if (_splitIds.TryGetValue(part, out var id))
                ids.Add(id);
            else if (part.Length > 0)
                EncodePart(part, ids);
        }
        if (_addEos)
            ids.Add(EosId);
        return ids;
    }

    /// <summary><c>tokenizer.decode(ids, skip_special_tokens)</c>, not stripped.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens)
    {
        var runs = new List<string>();
        var run = new List<int>();
        foreach (var id in ids)
        {
            Check(id);
            if (skipSpecialTokens && IsSpecial(id))
                continue;
            if (AddedText(id) is not { } added)
            {
                run.Add(id);
                continue;
            }
            CloseRun();
            runs.Add(added);
        }
        CloseRun();
        return string.Join(' ', runs);

        void CloseRun()
        {
            if (run.Count > 0)
                runs.Add(DecodeRun(run));
            run.Clear();
        }
    }

    /// <summary>Whether the id is a beginning, end, unknown or other special token, which answers never show.</summary>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>A token as it reads inside a text; a single byte of a character reads &lt;0xNN&gt;.</summary>
    public string TextOf(int id)
    {
        Check(id);
        return AddedText(id) ?? (_model.IsControl(id) ? _model.Piece(id) : _model.Piece(id).Replace('▁', ' '));
    }

    /// <summary>The bytes that a token stands for.</summary>
    public byte[] BytesOf(int id) => id < _model.Count && _model.IsByte(id, out var value) ? [value] : Encoding.UTF8.GetBytes(TextOf(id));

    /// <summary>The bytes that a token adds to an answer; none for special and added tokens. The first blank of an answer is not part of it.</summary>
    public byte[] AnswerBytes(int id) => id >= _model.Count || IsSpecial(id) || _model.IsControl(id) || id == UnkId ? [] : BytesOf(id);

    /// <summary>The text of a token that lies outside the SentencePiece model, or null.</summary>
    internal string? AddedText(int id) => id >= _model.Count ? _added[id - _model.Count] : null;

    internal void Check(int id)
    {
        if ((uint)id >= (uint)VocabularySize)
            throw new ArgumentOutOfRangeException(nameof(id), id, $"The tokenizer has the ids 0 to {VocabularySize - 1}.");
    }

    internal int IdOf(string token) => _splitIds.TryGetValue(token, out var id) ? id : _model.Find(token) ?? UnkId;

    private int Add(string content)
    {
        if (_splitIds.TryGetValue(content, out var known))
            return known;
        var id = _model.Find(content) ?? VocabularySize;
        if (id == VocabularySize)
            _added.Add(content);
        return _splitIds[content] = id;
    }

    /// <summary>Pieces between special tokens through SentencePiece, special tokens as they are, one space before the first special of a group.</summary>
    private string DecodeRun(List<int> ids)
    {
        var text = new StringBuilder();
        var decoder = new SentencePieceDecoder(_model);
        var start = 0;
        for (var i = 0; i < ids.Count; i++)
        {
            if (!IsSpecial(ids[i]))
            {
                decoder.Append(ids[i], text);
                continue;
            }
            decoder.Finish(text);
            if (i > 0 && !IsSpecial(ids[i - 1]))
                text.Insert(start, ' ');                       // before the pieces, not after them, as officially
            text.Append(_model.Piece(ids[i]));
            start = text.Length;
            decoder = new SentencePieceDecoder(_model);
        }
        decoder.Finish(text);
        return text.ToString();
    }

    private void EncodePart(string part, List<int> ids)
    {
        var continues = !_legacy && part[0] != '▁';
        if (!_legacy && !continues)
            part = part[1..];

        var first = ids.Count;
        _bpe.Encode(_model.Normalize(part), ids);
        if (!continues || part[0] == ' ' || _model.Piece(ids[first]) is not ['▁', .. var rest])
            return;
        // The part continues the text before it: SentencePiece's own "▁" goes, and what is left of that piece is looked up as it is.
        if (rest.Length == 0)
            ids.RemoveAt(first);
        else
            ids[first] = _model.Find(rest) ?? UnkId;
    }

    /// <summary>Cuts the text at special and added tokens, leftmost and longest first, and strips neighbours where a token asks for it.</summary>
    private List<string> Split(string text)
    {
        var parts = new List<string>();
        var from = 0;
        while (text.AsSpan(from).IndexOfAny(_splits) is var offset and >= 0)
        {
            var at = from + offset;
            var token = Array.Find(_longestFirst, content => string.CompareOrdinal(text, at, content, 0, content.Length) == 0)!;
            if (at > from)
                parts.Add(text[from..at]);
            parts.Add(token);
            from = at + token.Length;
        }
        if (from < text.Length)
            parts.Add(text[from..]);

        for (var i = 0; i < parts.Count; i++)
        {
            if (!_splitIds.ContainsKey(parts[i]))
                continue;
            var (left, right) = _strips.GetValueOrDefault(parts[i], (true, true));
            if (right && i + 1 < parts.Count)
                parts[i + 1] = PythonText.TrimStart(parts[i + 1]);
            if (left && i > 0)
                parts[i - 1] = PythonText.TrimEnd(parts[i - 1]);
        }
        return parts;
    }

    private static string WellFormed(string text) =>
        text.AsSpan().IndexOfAnyInRange('\ud800', '\udfff') < 0 ? text : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
