using System.Globalization;
using System.Text;

namespace LlamaVid.Engine;

/// <summary>From a regular expression to the rule of the texts that it matches: literals, sets, groups, alternatives and counts; anchors at the ends only.</summary>
internal sealed class PatternReader
{
    private const int Longest = 2_000, MostTimes = 1_000, Deepest = 50;

    private readonly string _pattern;
    private readonly Func<CharacterSet, Rule> _write;
    private readonly Func<string, FormatNotSupportedException> _refused;
    private int _at, _depth;
    private bool _hasBareAlternatives;

    private PatternReader(string pattern, Func<CharacterSet, Rule> write, Func<string, FormatNotSupportedException> refused)
    {
        if (pattern.Length > Longest) throw refused($"has {pattern.Length} characters; the limit is {Longest}.");
        (_pattern, _write, _refused) = (pattern, write, refused);
    }

    /// <summary>A plain text that matches from its beginning to its end.</summary>
    public static Rule Whole(string pattern) => new PatternReader(pattern, set => set.Plain(), why => new("", why)).Read(mustFill: true);

    /// <summary>A string's content of which some part matches, as JSON Schema has it.</summary>
    public static Rule Within(SchemaPlace place) => new PatternReader(place.Text(), set => set.InString(), place.Refused).Read(mustFill: false);

    private Rule Read(bool mustFill)
    {
        var (fromStart, toEnd) = (Take('^') || mustFill, mustFill);
        var body = Alternatives();
        if (_at < _pattern.Length && Take('$') && _at == _pattern.Length) toEnd = true;
        if (_at < _pattern.Length) throw Refused("is not understood there");
        if (_hasBareAlternatives && (fromStart || toEnd) && !mustFill) throw _refused("has alternatives beside an anchor. Put them in a group: ^(a|b)$.");
        var any = Rule.Times(_write(new([(0, 0x10FFFF)])), 0, null);
        return Rule.Then(fromStart ? Rule.Nothing : any, body, toEnd ? Rule.Nothing : any);
    }

    private Rule Alternatives()
    {
        if (++_depth > Deepest) throw Refused("is nested too deep");
        var ways = new List<Rule> { Sequence() };
        while (Take('|')) ways.Add(Sequence());
        if (_depth == 1 && ways.Count > 1) _hasBareAlternatives = true;
        _depth--;
        return Rule.Or([.. ways]);
    }

    private Rule Sequence()
    {
        var parts = new List<Rule>();
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')') && !(_pattern[_at] == '$' && _at == _pattern.Length - 1)) parts.Add(Counted(Atom()));
        return Rule.Then([.. parts]);
    }

    private Rule Counted(Rule part)
    {
        if (_at == _pattern.Length) return part;
        var counted = part;
        if (Take('*')) counted = Rule.Times(part, 0, null);
        else if (Take('+')) counted = Rule.Times(part, 1, null);
        else if (Take('?')) counted = Rule.Optional(part);
        else if (Take('{'))
        {
            var min = Number();
            var max = Take(',') ? _at < _pattern.Length && _pattern[_at] == '}' ? null : Number() : (int?)min;
            if (!Take('}') || max < min) throw Refused("is no count");
            counted = Rule.Times(part, min, max);
        }
        else return part;
        Take('?');                                                          // lazy or not, the same texts match
        if (_at < _pattern.Length && _pattern[_at] is '*' or '+' or '{') throw Refused("is not understood there");
        return counted;
    }

    private Rule Atom()
    {
        var character = Character();
        switch (character)
        {
            case '(':
                if (Take('?') && !Take(':')) throw Refused("is a kind of group that is not understood");
                var group = Alternatives();
                return Take(')') ? group : throw Refused("is not closed by ')'");
            case '[': return _write(Set());
            case '.': return _write(CharacterSet.Point);
            case '\\': return _write(Escape());
            case '*' or '+' or '?' or '{' or '}' or ']' or '^' or '$': throw Refused("is not understood there", 1);
            default: return _write(CharacterSet.Of(character));
        }
    }

    private CharacterSet Set()
    {
        var (negated, set) = (Take('^'), new CharacterSet([]));
        while (!Take(']'))
        {
            var from = Member();
            if (_at + 1 < _pattern.Length && _pattern[_at] == '-' && _pattern[_at + 1] != ']' && from is { Ranges: [var (low, same)] } && low == same)
            {
                _at++;
                if (Member() is not { Ranges: [var (high, alone)] } || high != alone || high < low) throw Refused("is no range");
                from = new([(low, high)]);
            }
            set = set.With(from);
        }
        set = negated ? set.Others : set;
        return set.Ranges.Count > 0 ? set : throw Refused("is an empty set");
    }

    private CharacterSet Member()
    {
        var character = Character();
        return character == '\\' ? Escape() : CharacterSet.Of(character);
    }

    private CharacterSet Escape()
    {
        var character = Character();
        return character switch
        {
            'd' => CharacterSet.Digits,
            'D' => CharacterSet.Digits.Others,
            'w' => CharacterSet.Word,
            'W' => CharacterSet.Word.Others,
            's' => CharacterSet.Blank,
            'S' => CharacterSet.Blank.Others,
            't' => CharacterSet.Of('\t'),
            'n' => CharacterSet.Of('\n'),
            'r' => CharacterSet.Of('\r'),
            'f' => CharacterSet.Of('\f'),
            'v' => CharacterSet.Of('\v'),
            'x' => CharacterSet.Of(Hexadecimal(2)),
            'u' => CharacterSet.Of(Hexadecimal(4)),
            < 128 when char.IsAsciiLetterOrDigit((char)character) => throw Refused("is an escape that is not understood", 2),
            _ => CharacterSet.Of(character),
        };
    }

    private int Hexadecimal(int digits)
    {
        if (_at + digits > _pattern.Length || !int.TryParse(_pattern.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) || value is >= 0xD800 and <= 0xDFFF)
            throw Refused("is no character");
        _at += digits;
        return value;
    }

    private int Number()
    {
        var from = _at;
        while (_at < _pattern.Length && char.IsAsciiDigit(_pattern[_at])) _at++;
        return int.TryParse(_pattern.AsSpan(from, _at - from), NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= MostTimes
            ? value
            : throw Refused($"is no count from 0 to {MostTimes}");
    }

    private int Character()
    {
        if (_at >= _pattern.Length) throw Refused("is where it breaks off");
        var rune = Rune.GetRuneAt(_pattern, _at);
        _at += rune.Utf16SequenceLength;
        return rune.Value;
    }

    private bool Take(char expected)
    {
        if (_at >= _pattern.Length || _pattern[_at] != expected) return false;
        _at++;
        return true;
    }

    private FormatNotSupportedException Refused(string what, int back = 0) => _refused($"is not understood: character {_at - back} {what}.");
}
