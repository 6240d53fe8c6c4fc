namespace LlamaVid.Engine;

/// <summary>An object of which some properties are named: those come first and in this order, then others if there may be any.</summary>
/// <param name="others">what properties of other names are; null: there are none</param>
internal sealed class ObjectRules(IReadOnlyList<ObjectProperty> named, Rule? others)
{
    private readonly Dictionary<(int, bool), Rule> _rests = [];
    private readonly Rule _close = Rule.Then(JsonRules.Gap, Rule.Text("}"));

    public Rule Whole => Rule.Then(Rule.Text("{"), From(0, any: false));

    /// <summary>What follows when the first properties are written or left out.</summary>
    /// <param name="any">at least one is written</param>
    private Rule From(int index, bool any)
    {
        if (_rests.TryGetValue((index, any), out var known)) return known;
        return _rests[(index, any)] = new Rule.Later(() =>
        {
            var ways = new List<Rule>();
            for (var i = index; i < named.Count; i++)
            {
                ways.Add(Rule.Then(Before(any), JsonRules.Literal(named[i].Name), Rule.Text(":"), JsonRules.Gap, named[i].Value, From(i + 1, any: true)));
                if (named[i].IsRequired) return Rule.Or([.. ways]);
            }
            if (others is not null) ways.Add(Rule.Then(Before(any), Other, Rule.Times(Rule.Then(JsonRules.Comma, Other), 0, null), _close));
            ways.Add(_close);
            return Rule.Or([.. ways]);
        });
    }

    private static Rule Before(bool any) => any ? JsonRules.Comma : JsonRules.Gap;

    private Rule Other => field ??= Rule.Then(Rule.Text("\""), NameFrom([.. named.Select(property => property.Name)], 0), Rule.Text(":"), JsonRules.Gap, others!);

    /// <summary>A name and the quote behind it that is none of <paramref name="taken"/>; they all begin with the same characters, <paramref name="at"/> of them.</summary>
    private static Rule NameFrom(IReadOnlyList<string> taken, int at)
    {
        var plain = Utf8Rules.Of([(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10FFFF)]);      // never escaped, so that no name has two spellings
        var rest = Rule.Then(Rule.Times(plain, 0, null), Rule.Text("\""));
        if (taken.Count == 0) return rest;

        var ways = new List<Rule>();
        if (!taken.Any(name => name.Length == at)) ways.Add(Rule.Text("\""));
        var next = taken.Where(name => name.Length > at).GroupBy(name => new System.Text.Rune(name.Length > at + 1 && char.IsHighSurrogate(name[at]) ? char.ConvertToUtf32(name[at], name[at + 1]) : name[at]).Value)
            .OrderBy(group => group.Key).ToArray();
        var (from, free) = (0x20, new List<(int, int)>());
        foreach (var used in next.Select(group => group.Key).Where(value => value >= 0x20).Concat([0x110000]))
        {
            free.Add((from, used - 1));
            from = used + 1;
        }
        ways.Add(Rule.Then(Utf8Rules.Of(free.SelectMany(Unescaped)), rest));
        foreach (var group in next)
            if (group.Key >= 0x20 && group.Key is not ('"' or '\\'))
                ways.Add(Rule.Then(Utf8Rules.Of([(group.Key, group.Key)]), NameFrom([.. group], at + (group.Key > 0xFFFF ? 2 : 1))));
        return Rule.Or([.. ways]);
    }

    private static IEnumerable<(int, int)> Unescaped((int From, int To) range)
    {
        foreach (var special in (int[])['"', '\\'])
            if (special >= range.From && special <= range.To)
            {
                yield return (range.From, special - 1);
                range.From = special + 1;
            }
        yield return range;
    }
}

internal sealed record ObjectProperty(string Name, Rule Value, bool IsRequired);
