using System.Collections.Frozen;
using System.Globalization;
using System.Text;

namespace LlamaVid.Model.Text;

/// <summary>Canonical decomposition without nonspacing marks (é → e), from a table of ours. Knows no case and no words.</summary>
/// <remarks>
/// The process runs with invariant globalization, where <c>string.Normalize</c> returns its argument unchanged, and no result may depend
/// on which ICU a machine has.
/// </remarks>
internal static class CanonicalBases
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7, Vowels = 21, Trails = 28, Syllables = 11172;

    private static readonly FrozenDictionary<int, string> Table = Read();

    /// <summary>Calls <paramref name="add"/> for every character that stays.</summary>
    public static void Decompose(Rune rune, Action<Rune> add)
    {
        var syllable = rune.Value - HangulBase;
        if (syllable is >= 0 and < Syllables)
        {
            add(new Rune(LeadBase + syllable / (Vowels * Trails)));
            add(new Rune(VowelBase + syllable / Trails % Vowels));
            if (syllable % Trails > 0)
                add(new Rune(TrailBase + syllable % Trails));
        }
        else if (!rune.IsAscii && Table.TryGetValue(rune.Value, out var bases))
        {
            foreach (var part in bases.EnumerateRunes())
                add(part);
        }
        else if (rune.IsAscii || Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark)
        {
            add(rune);
        }
    }

    private static FrozenDictionary<int, string> Read()
    {
        using var stream = typeof(CanonicalBases).Assembly.GetManifestResourceStream("LlamaVid.Model.Text.CanonicalBases.txt")!;
        using var reader = new StreamReader(stream);
        var table = new Dictionary<int, string>();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
                continue;
            var fields = line.Split(' ').Select(field => int.Parse(field, NumberStyles.HexNumber)).ToArray();
            table.Add(fields[0], string.Concat(fields[1..].Select(char.ConvertFromUtf32)));
        }
        return table.ToFrozenDictionary();
    }
}
