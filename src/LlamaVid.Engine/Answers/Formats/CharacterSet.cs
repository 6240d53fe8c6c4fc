namespace LlamaVid.Engine;

/// <summary>A set of characters, as ranges of code points.</summary>
internal sealed record CharacterSet(IReadOnlyList<(int From, int To)> Ranges)
{
    private const int Last = 0x10FFFF, LastOfFirstPlane = 0xFFFF;

    public static CharacterSet Digits { get; } = new([('0', '9')]);
    public static CharacterSet Word { get; } = new([('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]);
    public static CharacterSet Blank { get; } = new([('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)]);

    /// <summary>What a point stands for: anything but the ends of lines.</summary>
    public static CharacterSet Point { get; } = new CharacterSet([('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)]).Others;

    public static CharacterSet Of(int character) => new([(character, character)]);

    public CharacterSet With(CharacterSet more) => new([.. Ranges, .. more.Ranges]);

    /// <summary>All others of the first plane: of those beyond it, engines of regular expressions disagree whether they are one character or two.</summary>
    public CharacterSet Others
    {
        get
        {
            var (others, next) = (new List<(int, int)>(), 0);
            foreach (var (from, to) in Ranges.OrderBy(range => range.From))
            {
                if (from > next) others.Add((next, from - 1));
                next = Math.Max(next, to + 1);
            }
            if (next <= LastOfFirstPlane) others.Add((next, LastOfFirstPlane));
            return new(others);
        }
    }

    /// <summary>One of these characters inside a JSON string: as it stands, or escaped where it must be.</summary>
    public Rule InString()
    {
        var ways = new List<Rule>();
        var plain = new List<(int From, int To)>();
        foreach (var (from, to) in Ranges)
        {
            for (var value = from; value <= Math.Min(to, 0x1F); value++) ways.Add(Rule.Text(System.Text.Json.JsonEncodedText.Encode(((char)value).ToString()).ToString()));
            foreach (var special in (int[])['"', '\\'])
                if (special >= from && special <= to) ways.Add(Rule.Text($"\\{(char)special}"));
            foreach (var (least, most) in ((int, int)[])[(0x20, 0x21), (0x23, 0x5B), (0x5D, Last)])
                if (Math.Max(from, least) <= Math.Min(to, most)) plain.Add((Math.Max(from, least), Math.Min(to, most)));
        }
        if (plain.Count > 0) ways.Add(Utf8Rules.Of(plain));
        return Rule.Or([.. ways]);
    }

    public Rule Plain() => Utf8Rules.Of(Ranges);
}
