using System.Text.RegularExpressions;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training;

/// <summary>Answers a question by reading its words and the written truth, moment by moment. Shares no code with the generator's questions.</summary>
internal static class Witness
{
    private static readonly string[] Columns = ["left", "", "right"], Rows = ["top", "", "bottom"];

    /// <summary>Every answer for which something speaks; a sound question has exactly one.</summary>
    public static string[] Answers(string question, Truth.OfScene scene) => [.. Answer(question, scene).Distinct()];

    private static IEnumerable<string> Answer(string question, Truth.OfScene scene)
    {
        var objects = scene.Objects;
        var when = question.EndsWith(" at the start?", StringComparison.Ordinal) ? Enumerable.Repeat(0.0, 1)
            : question.EndsWith(" at the end?", StringComparison.Ordinal) ? Enumerable.Range(0, 100).Select(i => scene.Seconds - 1 + i / 100.0)
            : Enumerable.Range(0, scene.Seconds * 100).Select(i => i / 100.0);
        var words = question.Replace(" at the start?", "?", StringComparison.Ordinal).Replace(" at the end?", "?", StringComparison.Ordinal);

        if (Match(@"^What colou?r is the background\?$", words) is not null) return [scene.Background];
        if (Match(@"^What colou?r is the (\w+)\?$", words) is [var ofShape]) return objects.Where(o => o.Shape == ofShape).Select(o => o.Color);
        if ((Match(@"^What shape is the (\w+) object\?$", words) ?? Match(@"^Which shape is (\w+)\?$", words)) is [var ofColor])
            return objects.Where(o => o.Color == ofColor).Select(o => o.Shape);
        if (Match(@"^Which (?:direction|way) does the (\w+ \w+) move\?$", words) is [var mover]) return [Direction(Find(mover))];
        if (Match(@"^Where is the (\w+ \w+)\?$", words) is [var placed])
            return when.Where(t => question != words || Shows(Find(placed), t)).Select(t => Shows(Find(placed), t) ? Cell(Find(placed), t) : "not there");
        if (Match(@"^How many (?:objects|shapes) are there\?$", words) is not null) return [new[] { "zero", "one", "two", "three" }[objects.Count]];
        if (Match(@"^Is there an? (\w+) object\?$", words) is [var color]) return [YesNo(objects.Any(o => o.Color == color))];
        if (Match(@"^Is there an? (\w+ \w+)\?$", words) is [var both]) return [YesNo(objects.Any(o => Name(o) == both))];
        if (Match(@"^Is there an? (\w+)\?$", words) is [var shape]) return [YesNo(objects.Any(o => o.Shape == shape))];
        if (Match(@"^Which is (larger|smaller), the (\w+ \w+) or the (\w+ \w+)\?$", words) is [var which, var one, var other])
        {
            var ratio = Find(one).Size / Find(other).Size;
            return ratio is > 0.75 and < 1.33 ? ["about equal"] : ["the " + (ratio > 1 == (which == "larger") ? one : other)];
        }
        if (Match(@"^Is the (\w+ \w+) (to the left of|to the right of|above|below) the (\w+ \w+)\?$", words) is [var a, var relation, var b])
            return when.Where(t => question != words || (Shows(Find(a), t) && Shows(Find(b), t))).Select(t => Holds(Find(a), relation, Find(b), t));
        if (Match(@"^Which object (appears first|appears last|disappears)\?$", words) is [var kind])
            return kind switch
            {
                "appears first" => objects.Where(o => o.Appears == objects.Min(x => x.Appears)),
                "appears last" => objects.Where(o => o.Appears == objects.Max(x => x.Appears)),
                _ => objects.Where(o => !Shows(o, scene.Seconds - 0.01)),
            } is var those ? those.Select(o => "the " + Name(o)) : [];
        if (Match(@"^Does the (\w+ \w+) appear before the (\w+ \w+)\?$", words) is [var early, var late])
            return Find(early).Appears == Find(late).Appears ? ["together"] : [YesNo(Find(early).Appears < Find(late).Appears)];
        if (Match(@"^(Describe the video\.|What happens in the video\?)$", words) is not null) return [Description(scene)];
        return [];

        Truth.OfActor Find(string name) => objects.Single(o => Name(o) == name);
    }

    private static string Description(Truth.OfScene scene)
    {
        string[] order = ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"];
        var opening = scene.Objects.Count switch { 1 => "There is one object", 2 => "There are two objects", _ => "There are three objects" };
        var text = $"{opening} on {(scene.Background == "olive" ? "an" : "a")} {scene.Background} background.";
        foreach (var color in order)
            foreach (var o in scene.Objects.Where(o => o.Color == color))
                text += $" {(color == "orange" ? "An" : "A")} {Name(o)} {(Direction(o) == "it stays still" ? "stays still" : "moves " + Direction(o))}.";
        return text;
    }

    private static string Direction(Truth.OfActor o)
    {
        var ((x, y), (toX, toY)) = (At(o, o.Appears), At(o, o.Disappears));
        return toX - x > 0.25 ? "right" : x - toX > 0.25 ? "left" : toY - y > 0.25 ? "down" : y - toY > 0.25 ? "up" : "it stays still";
    }

    private static string Cell(Truth.OfActor o, double t)
    {
        var (x, y) = At(o, t);
        var name = $"{Rows[(int)(y * 3)]} {Columns[(int)(x * 3)]}".Trim();
        return name.Length > 0 ? name : "center";
    }

    private static string Holds(Truth.OfActor a, string relation, Truth.OfActor b, double t)
    {
        if (!Shows(a, t) || !Shows(b, t)) return "not there";
        var ((ax, ay), (bx, by)) = (At(a, t), At(b, t));
        var lead = relation switch { "to the left of" => bx - ax, "to the right of" => ax - bx, "above" => by - ay, _ => ay - by };
        return Math.Abs(lead) < 0.149 ? "hardly" : YesNo(lead > 0);
    }

    private static (double X, double Y) At(Truth.OfActor o, double t)
    {
        var (dx, dy) = o.Motion switch { "left" => (-1, 0), "right" => (1, 0), "up" => (0, -1), "down" => (0, 1), _ => (0, 0) };
        return (o.X + dx * o.Speed * (t - o.Appears), o.Y + dy * o.Speed * (t - o.Appears));
    }

    private static bool Shows(Truth.OfActor o, double t) => t >= o.Appears && t < o.Disappears;

    private static string Name(Truth.OfActor o) => $"{o.Color} {o.Shape}";

    private static string YesNo(bool holds) => holds ? "yes" : "no";

    private static string[]? Match(string pattern, string text) =>
        Regex.Match(text, pattern) is { Success: true } match ? [.. match.Groups.Values.Skip(1).Select(group => group.Value)] : null;
}
