using System.Text;

namespace LlamaVid.Model.Text;

/// <summary>Turns a run of pieces into text as SentencePiece's Decode does, as soon as the text is certain. One instance is one run.</summary>
/// <remarks>
/// The first "▁" of the run is the dummy prefix and is dropped; neighbouring byte pieces form UTF-8; a byte that cannot be part of a
/// character becomes one U+FFFD of its own (.NET's decoders would join such bytes).
/// </remarks>
internal sealed class SentencePieceDecoder(SentencePieceModel model)
{
    private readonly byte[] _pending = new byte[4];
    private int _pendingCount;
    private bool _anyText;
    private bool _prefixDropped;

    public void Append(int id, StringBuilder text)
    {
        if (model.IsByte(id, out var value))
        {
            _pending[_pendingCount++] = value;
            Drain(text, complete: false);
            return;
        }
        Drain(text, complete: true);
        if (model.IsControl(id))
            return;

        var piece = model.Piece(id).AsSpan();
        if (!_anyText && !_prefixDropped && piece is ['▁', ..])
        {
            piece = piece[1..];
            _prefixDropped = true;
        }
        var start = text.Length;
        text.Append(piece).Replace('▁', ' ', start, piece.Length);
        _anyText |= piece.Length > 0;
    }

    /// <summary>The run is over: bytes that still wait for a continuation will not get one.</summary>
    public void Finish(StringBuilder text) => Drain(text, complete: true);

    private void Drain(StringBuilder text, bool complete)
    {
        var start = 0;
        Span<char> chars = stackalloc char[2];
        while (start < _pendingCount)
        {
            var status = Rune.DecodeFromUtf8(_pending.AsSpan(start, _pendingCount - start), out var rune, out var consumed);
            if (status == System.Buffers.OperationStatus.NeedMoreData && !complete)
                break;
            var valid = status == System.Buffers.OperationStatus.Done;
            text.Append(chars[..(valid ? rune : Rune.ReplacementChar).EncodeToUtf16(chars)]);
            start += valid ? consumed : 1;
            _anyText = true;
        }
        _pending.AsSpan(start, _pendingCount - start).CopyTo(_pending);
        _pendingCount -= start;
    }
}
