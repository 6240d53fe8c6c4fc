namespace LlamaVid.Benchmarks.Measures;

/// <summary>Rows of text under a heading, each column as wide as its widest cell; written to standard error as they come.</summary>
/// <param name="columns">a heading and the least width of its column each</param>
internal sealed class Table(params (string Heading, int Width)[] columns)
{
    private bool _begun;

    public void Row(params object?[] cells)
    {
        if (!_begun) Write([.. columns.Select(column => column.Heading)]);
        _begun = true;
        Write([.. cells.Select(Text)]);
    }

    private void Write(string[] cells) => Console.Error.WriteLine(string.Join("  ", cells.Select((cell, i) => cell.PadLeft(columns[i].Width))));

    private static string Text(object? cell) => cell switch
    {
        null => "-",
        double number => number.ToString(Math.Abs(number) >= 100 ? "0" : Math.Abs(number) >= 1 ? "0.0" : "0.000"),
        _ => cell.ToString()!,
    };
}
