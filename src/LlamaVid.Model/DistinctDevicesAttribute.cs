using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;

namespace LlamaVid.Model;

/// <summary>Devices with commas between them, each alone or several joined by <c>+</c>: no GPU is named in two ways or twice, so that its memory is counted once. Does not ask what the machine has.</summary>
/// <remarks>Entries that are spelled alike are one model with several workers. <c>auto</c> may be any device, so nothing else stands beside it.</remarks>
[AttributeUsage(AttributeTargets.Property)]
public sealed partial class DistinctDevicesAttribute : ValidationAttribute
{
    public DistinctDevicesAttribute() => ErrorMessage = "names a device twice; entries that are spelled alike share one model, all others need devices of their own";

    public override bool IsValid(object? value)
    {
        var named = (value as string ?? "").Split(',').Distinct().SelectMany(DevicesOf).ToArray();
        return named.Length == 1 || named.Distinct().Count() == named.Length && !named.Contains("auto");
    }

    /// <summary>A group of CPUs is the CPU: its parts share one memory.</summary>
    private static IEnumerable<string> DevicesOf(string entry) =>
        entry.Split('+') is var parts && parts.All(part => part == "cpu") ? ["cpu"] : parts.Select(part => part == "cuda" ? "cuda:0" : LeadingZero.Replace(part, ":"));

    [GeneratedRegex(":0(?=[0-9])")]
    private static partial Regex LeadingZero { get; }
}
