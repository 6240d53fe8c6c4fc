namespace LlamaVid.Training.ShapesWorld;

/// <summary>A question that has exactly one right answer, and that answer.</summary>
/// <param name="Type">the family it is scored with</param>
internal sealed record Question(string Type, string Text, string Answer);

/// <summary>Words that questions, answers and captions share. Knows no scene.</summary>
internal static class Wording
{
    public static readonly string[] Numbers = ["one", "two", "three"];

    /// <summary>Rows from the top, columns from the left.</summary>
    private static readonly string[] Cells = ["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"];

    public static string Cell(double x, double y) => Cells[Third(y) * 3 + Third(x)];

    public static string WithArticle(string name) => (name[0] is 'a' or 'e' or 'i' or 'o' or 'u' ? "an " : "a ") + name;

    public static string Upper(string sentence) => char.ToUpperInvariant(sentence[0]) + sentence[1..];

    public static string Lower(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];

    /// <summary>What the object does, as the end of a sentence about it.</summary>
    public static string Does(Motion motion) => motion switch
    {
        Motion.Left => "moves left",
        Motion.Right => "moves right",
        Motion.Up => "moves up",
        Motion.Down => "moves down",
        _ => "stays still",
    };

    public static string Direction(Motion motion) => motion == Motion.Still ? "it stays still" : Does(motion)["moves ".Length..];

    private static int Third(double place) => place < 1 / 3.0 ? 0 : place < 2 / 3.0 ? 1 : 2;
}
