using System.Globalization;
using System.Text;

namespace LlamaVid.Model.Text;

/// <summary>BERT's basic tokenisation, lower case: text to words and single punctuation marks. Knows no vocabulary.</summary>
/// <remarks>
/// As BasicTokenizer of transformers 4.31: drops control, format, private and unassigned characters, isolates CJK ideographs, lowers, strips
/// accents, isolates punctuation, splits at whitespace. Lone surrogates are dropped with the other category-C characters.
/// </remarks>
internal sealed class BertWords(Action<string> word)
{
    private readonly StringBuilder _word = new();

    public void Read(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty)
        {
            var valid = Rune.DecodeFromUtf16(text, out var rune, out var length) == System.Buffers.OperationStatus.Done;
            text = text[length..];
            if (valid && rune != Rune.ReplacementChar)
                Read(rune);
        }
        EndWord();
    }

    private void Read(Rune rune)
    {
        if (rune.IsAscii && Rune.IsLetterOrDigit(rune))
        {
            _word.Append((char)(rune.Value | (rune.Value is >= 'A' and <= 'Z' ? 0x20 : 0)));
            return;
        }
        var category = Rune.GetUnicodeCategory(rune);
        if (rune.Value is ' ' or '\t' or '\n' or '\r' || category is UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
        {
            EndWord();
        }
        else if (category is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned)
        {
            return;
        }
        else if (IsIdeograph(rune.Value))
        {
            EndWord();
            CanonicalBases.Decompose(rune, Append);
            EndWord();
        }
        else
        {
            CanonicalBases.Decompose(Rune.ToLowerInvariant(rune), Append);
        }
    }

    private void Append(Rune rune)
    {
        if (IsPunctuation(rune))
        {
            EndWord();
            word(rune.ToString());
            return;
        }
        Span<char> chars = stackalloc char[2];
        // Lowered again: İ (U+0130) has no simple lower case, its base I has.
        _word.Append(chars[..Rune.ToLowerInvariant(rune).EncodeToUtf16(chars)]);
    }

    private void EndWord()
    {
        if (_word.Length > 0)
            word(_word.ToString());
        _word.Clear();
    }

    private static bool IsPunctuation(Rune rune) =>
        rune.IsAscii
            ? rune.Value is >= 33 and <= 47 or >= 58 and <= 64 or >= 91 and <= 96 or >= 123 and <= 126
            : Rune.GetUnicodeCategory(rune) is UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation
                or UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation;

    /// <summary>The blocks that BERT calls Chinese: unified ideographs, their extensions A to E and the compatibility ideographs.</summary>
    private static bool IsIdeograph(int value) =>
        value is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF or >= 0x2A700 and <= 0x2B73F
            or >= 0x2B740 and <= 0x2B81F or >= 0x2B820 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;
}
