using System.CommandLine;
using System.Globalization;

namespace LlamaVid.Benchmarks;

/// <summary>Options that take numbers or words with commas between them.</summary>
internal static class NumberList
{
    public static Option<double[]> Option(string name, string description, string fallback) => new(name)
    {
        Description = $"{description} Default {fallback}.",
        DefaultValueFactory = _ => Read(fallback)!,
        CustomParser = result =>
        {
            if (Read(result.Tokens[0].Value) is { } numbers) return numbers;
            result.AddError($"{name} is '{result.Tokens[0].Value}'; it must be numbers above 0 with commas between them, as {fallback}, or none.");
            return [];
        },
    };

    private static double[]? Read(string text)
    {
        if (text == "none") return [];
        var numbers = text.Split(',').Select(part => double.TryParse(part, CultureInfo.InvariantCulture, out var number) ? number : double.NaN).ToArray();
        return numbers.All(number => number > 0 && double.IsFinite(number)) ? numbers : null;
    }
}
