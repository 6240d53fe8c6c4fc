using System.Text.Encodings.Web;
using System.Text.Json;

namespace LlamaVid.Engine;

/// <summary>What JSON looks like, in rules. Between its parts an answer may have a space, or a new line and an indent, and no more: blanks never run on for ever.</summary>
internal static class JsonRules
{
    private const int Deepest = 16, WholeDigits = 15, Indent = 20;

    /// <summary>White space that may stand between two parts.</summary>
    public static Rule Gap { get; } = Rule.Or(Rule.Nothing, Rule.Text(" "), Rule.Then(Rule.Text("\n"), Rule.Times(Rule.Text(" "), 0, Indent)));

    public static Rule Comma { get; } = Rule.Then(Rule.Text(","), Gap);

    public static Rule Null { get; } = Rule.Text("null");

    public static Rule Boolean { get; } = Rule.Or(Rule.Text("true"), Rule.Text("false"));

    private static readonly Rule Digit = new Rule.Bytes((byte)'0', (byte)'9');
    private static readonly Rule Sign = Rule.Optional(Rule.Text("-"));

    /// <summary>One character of a string, escaped where it must be and where it may be.</summary>
    public static Rule Character { get; } = Rule.Or(
        Utf8Rules.Of([(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10FFFF)]),
        Rule.Then(Rule.Text("\\"), Rule.Or([.. "\"\\/bfnrt".Select(letter => Rule.Text(letter.ToString())), Rule.Then(Rule.Text("u"), Escaped())])));

    public static Rule WholeNumber { get; } = Rule.Then(Sign, Rule.Or(Rule.Text("0"), Rule.Then(new Rule.Bytes((byte)'1', (byte)'9'), Rule.Times(Digit, 0, WholeDigits - 1))));

    public static Rule Number { get; } = Rule.Then(
        WholeNumber,
        Rule.Optional(Rule.Then(Rule.Text("."), Rule.Times(Digit, 1, WholeDigits))),
        Rule.Optional(Rule.Then(Rule.Or(Rule.Text("e"), Rule.Text("E")), Rule.Optional(Rule.Or(Rule.Text("+"), Rule.Text("-"))), Rule.Times(Digit, 1, 2))));

    /// <param name="max">characters; null for any number</param>
    public static Rule String(int min = 0, int? max = null) => Quoted(Rule.Times(Character, min, max));

    public static Rule Quoted(Rule content) => Rule.Then(Rule.Text("\""), content, Rule.Text("\""));

    /// <summary>Any value, nested so deep and no deeper.</summary>
    public static Rule Any { get; } = Nested();

    /// <summary>Any object, nested likewise.</summary>
    public static Rule AnyObject { get; } = Made(new ObjectRules([], Any).Whole);

    /// <param name="first">what the first items are</param>
    /// <param name="others">what all after them are; null: there are none</param>
    /// <param name="max">null for any number</param>
    public static Rule Array(IReadOnlyList<Rule> first, Rule? others, int min, int? max)
    {
        if (others is null) max = Math.Min(first.Count, max ?? int.MaxValue);
        var close = Rule.Then(Gap, Rule.Text("]"));
        var rest = others is null || max <= first.Count
            ? close
            : Rule.Then(Rule.Times(Rule.Then(Comma, others), Math.Max(0, min - Math.Max(1, first.Count)), max - Math.Max(1, first.Count)), close);
        for (var i = Math.Min(first.Count, max ?? int.MaxValue) - 1; i > 0; i--)
        {
            var more = Rule.Then(Comma, first[i], rest);
            rest = i >= min ? Rule.Or(close, more) : more;
        }
        var some = max == 0 ? null : Rule.Then(Gap, first.Count > 0 ? first[0] : others!, rest);
        var none = Rule.Then(Gap, Rule.Text("]"));
        return Rule.Then(Rule.Text("["), some is null ? none : min == 0 ? Rule.Or(none, some) : some);
    }

    /// <summary>Exactly this value, written without blanks.</summary>
    public static Rule Literal(JsonElement value) => Rule.Text(JsonSerializer.Serialize(value, Plain));

    /// <summary>Exactly this text, as a string.</summary>
    public static Rule Literal(string text) => Rule.Text(JsonSerializer.Serialize(text, Plain));

    private static Rule Nested()
    {
        var any = Rule.Or(String(), Number, Boolean, Null);
        for (var depth = 0; depth < Deepest; depth++)
            any = Rule.Or(String(), Number, Boolean, Null, Array([], any, 0, null), new ObjectRules([], any).Whole);
        return Made(any);
    }

    /// <summary>With nothing left to be made, so that all threads may read it.</summary>
    private static Rule Made(Rule rule) => RuleEnds.AllEnd(rule) ? rule : throw new InvalidOperationException("JSON has values without an end.");

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Four hexadecimal digits that are not half of a surrogate pair.</summary>
    private static Rule Escaped()
    {
        Rule hex = Hex("0123456789abcdefABCDEF"), low = Hex("01234567");
        return Rule.Or(Rule.Then(Hex("0123456789abcefABCEF"), hex, hex, hex), Rule.Then(Hex("dD"), low, hex, hex));

        static Rule Hex(string digits) => Rule.Or([.. digits.Select(digit => Rule.Text(digit.ToString()))]);
    }
}
