namespace LlamaVid.Engine;

/// <summary>Whether everything that a rule can lead to can come to an end.</summary>
internal static class RuleEnds
{
    public static bool AllEnd(Rule rule)
    {
        var (order, seen, open) = (new List<Rule>(), new HashSet<Rule>(), new Stack<Rule>([rule]));
        while (open.TryPop(out var next))
        {
            if (!seen.Add(next)) continue;
            order.Add(next);
            foreach (var part in Parts(next)) open.Push(part);
        }
        var ends = new HashSet<Rule>();
        for (var before = -1; before != ends.Count;)
        {
            before = ends.Count;
            for (var i = order.Count - 1; i >= 0; i--)
                if (!ends.Contains(order[i]) && Ends(order[i], ends)) ends.Add(order[i]);
        }
        return ends.Count == order.Count;
    }

    private static bool Ends(Rule rule, HashSet<Rule> known) => rule switch
    {
        Rule.Sequence sequence => sequence.Parts.All(known.Contains),
        Rule.Either either => either.Parts.Any(known.Contains),
        Rule.Repeat repeat => repeat.MayEnd || known.Contains(repeat.Part),
        Rule.Later later => known.Contains(later.Made),
        _ => true,
    };

    private static IEnumerable<Rule> Parts(Rule rule) => rule switch
    {
        Rule.Sequence sequence => sequence.Parts,
        Rule.Either either => either.Parts,
        Rule.Repeat repeat => [repeat.Part],
        Rule.Later later => [later.Made],
        _ => [],
    };
}
