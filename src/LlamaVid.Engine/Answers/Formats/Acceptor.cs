using System.Runtime.InteropServices;

namespace LlamaVid.Engine;

/// <summary>Follows a rule byte by byte: an automaton whose states are made when they are reached. Knows no tokens. One thread at a time.</summary>
/// <remarks>A state is the set of everything that may still come, each as a linked list of rules; equal lists are one object, so equal sets are one state.</remarks>
internal sealed class Acceptor
{
    private const int MostWays = 20_000, MostStates = 20_000;
    private const long MostWork = 10_000_000;

    private readonly Dictionary<(Rule, Ahead?), Ahead> _aheads = [];
    private readonly Dictionary<string, AcceptorState> _states = [];
    private int _numbered;
    private long _work;

    public Acceptor(Rule rule) => Start = Close([Of(rule, null)]);

    public AcceptorState Start { get; }

    /// <summary>Another answer's next token: what it may cost is counted anew.</summary>
    public void Rest() => _work = 0;

    /// <returns>null when the byte may not come</returns>
    /// <exception cref="FormatTooComplexException">one token would take longer than others should wait</exception>
    public AcceptorState? Next(AcceptorState state, byte value)
    {
        if (state.IsKnown(value, out var known)) return known;
        if ((_work += state.Ways.Count) > MostWork) throw new FormatTooComplexException();
        var ahead = new List<Ahead?>();
        foreach (var way in state.Ways)
            if (way.Head is Rule.Bytes bytes && bytes.Has(value)) ahead.Add(way.Tail);
            else if (way.Head is Rule.Digits digits && digits.Next(value) is { } longer) ahead.Add(Of(longer, way.Tail));
        return state.Know(value, ahead.Count == 0 ? null : Close(ahead));
    }

    /// <summary>Takes every rule apart that does not begin with a byte.</summary>
    private AcceptorState Close(IEnumerable<Ahead?> starts)
    {
        var (open, seen, ways, mayEnd) = (new Stack<Ahead?>(starts), new HashSet<Ahead>(), new List<Ahead>(), false);
        while (open.TryPop(out var ahead))
        {
            if (ahead is null) mayEnd = true;
            if (ahead is null || !seen.Add(ahead)) continue;
            if (seen.Count > MostWays || ++_work > MostWork) throw new FormatTooComplexException();
            switch (ahead.Head)
            {
                case Rule.Bytes:
                    ways.Add(ahead);
                    break;
                case Rule.Digits digits:
                    if (digits.MayGoOn) ways.Add(ahead);
                    if (digits.IsComplete) open.Push(ahead.Tail);
                    break;
                case Rule.Sequence sequence:
                    var next = ahead.Tail;
                    for (var i = sequence.Parts.Count - 1; i >= 0; i--) next = Of(sequence.Parts[i], next);
                    open.Push(next);
                    break;
                case Rule.Either either:
                    foreach (var part in either.Parts) open.Push(Of(part, ahead.Tail));
                    break;
                case Rule.Repeat repeat:
                    if (repeat.MayEnd) open.Push(ahead.Tail);
                    open.Push(Of(repeat.Part, Of(repeat.Rest, ahead.Tail)));
                    break;
                case Rule.Later later:
                    open.Push(Of(later.Made, ahead.Tail));
                    break;
            }
        }
        return StateOf(ways, mayEnd);
    }

    private AcceptorState StateOf(List<Ahead> ways, bool mayEnd)
    {
        ways.Sort(static (a, b) => a.Number.CompareTo(b.Number));
        var numbers = ways.Select(way => way.Number).Append(mayEnd ? -1 : -2).ToArray();
        var name = new string(MemoryMarshal.Cast<int, char>(numbers));
        if (_states.TryGetValue(name, out var known)) return known;
        if (_states.Count >= MostStates)                                    // what is still in use stays alive by itself
        {
            _states.Clear();
            _aheads.Clear();
        }
        return _states[name] = new(ways, mayEnd);
    }

    private Ahead Of(Rule head, Ahead? tail)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_aheads, (head, tail), out _);
        return known ??= new(head, tail, _numbered++);
    }
}

/// <summary>What may come, to the end of the answer.</summary>
internal sealed class Ahead(Rule head, Ahead? tail, int number)
{
    public Rule Head => head;
    public Ahead? Tail => tail;
    public int Number => number;
}

/// <summary>How far an answer has come.</summary>
internal sealed class AcceptorState(IReadOnlyList<Ahead> ways, bool mayEnd)
{
    private static readonly AcceptorState Dead = new([], false);

    private AcceptorState?[]? _next;

    public IReadOnlyList<Ahead> Ways => ways;

    /// <summary>The answer may end here.</summary>
    public bool MayEnd => mayEnd;

    /// <summary>The answer must end here.</summary>
    public bool IsOver => ways.Count == 0;

    /// <summary>The tokens that may come; null until somebody has asked.</summary>
    public TokenSet? Tokens { get; set; }

    public bool IsKnown(byte value, out AcceptorState? next)
    {
        var known = _next?[value];
        next = known == Dead ? null : known;
        return known is not null;
    }

    public AcceptorState? Know(byte value, AcceptorState? next)
    {
        (_next ??= new AcceptorState?[256])[value] = next ?? Dead;
        return next;
    }
}
