using System.Text;

namespace LlamaVid.Engine;

/// <summary>What a stretch of an answer may be, in bytes: a grammar as a graph of immutable nodes. Knows no tokens and no progress.</summary>
internal abstract class Rule
{
    private Rule() { }

    public static Rule Nothing { get; } = new Sequence([]);

    private static readonly Rule[] Single = [.. Enumerable.Range(0, 256).Select(value => new Bytes((byte)value, (byte)value))];

    public static Rule Text(string text) => Encoding.UTF8.GetBytes(text) is [var only] ? Single[only] : new Sequence([.. Encoding.UTF8.GetBytes(text).Select(value => Single[value])]);

    public static Rule Optional(Rule part) => new Either([Nothing, part]);

    public static Rule Then(params Rule[] parts) => new Sequence(parts);

    public static Rule Or(params Rule[] parts) => parts is [var only] ? only : new Either(parts);

    /// <param name="max">null for as often as one likes</param>
    public static Rule Times(Rule part, int min, int? max) => max == 0 ? Nothing : new Repeat(part, min, max);

    /// <summary>One byte within a range.</summary>
    public sealed class Bytes(byte from, byte to) : Rule
    {
        public bool Has(byte value) => value >= from && value <= to;
    }

    public sealed class Sequence(IReadOnlyList<Rule> parts) : Rule
    {
        public IReadOnlyList<Rule> Parts => parts;
    }

    public sealed class Either(IReadOnlyList<Rule> parts) : Rule
    {
        public IReadOnlyList<Rule> Parts => parts;
    }

    public sealed class Repeat(Rule part, int min, int? max) : Rule
    {
        private Rule? _rest;

        public Rule Part => part;
        public bool MayEnd => min == 0;

        /// <summary>What follows one of its parts.</summary>
        public Rule Rest => _rest ??= (min, max) == (0, null) ? this : Times(part, Math.Max(0, min - 1), max - 1);
    }

    /// <summary>A rule that is made when it is needed: one that holds itself, or one that is large.</summary>
    public sealed class Later(Func<Rule> make) : Rule
    {
        private Rule? _made;

        public Rule Made => _made ??= make();
    }

    /// <summary>A number of which the digits so far can be completed to a value within bounds.</summary>
    public sealed class Digits(NumberPrefix prefix) : Rule
    {
        private readonly Dictionary<byte, Digits?> _next = [];

        public bool IsComplete => prefix.IsComplete;

        public bool MayGoOn { get; } = "-.0123456789".Any(next => prefix.With(next) is not null);

        public Digits? Next(byte value)
        {
            lock (_next)
            {
                if (!_next.TryGetValue(value, out var next)) _next[value] = next = prefix.With((char)value) is { } longer ? new(longer) : null;
                return next;
            }
        }
    }
}
