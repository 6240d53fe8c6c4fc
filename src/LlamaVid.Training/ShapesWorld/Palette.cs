namespace LlamaVid.Training.ShapesWorld;

/// <summary>A named RGB colour as it is drawn, before the codec.</summary>
internal sealed record Paint(string Name, byte Red, byte Green, byte Blue);

/// <summary>The eight colours of objects and the eight of backgrounds; no name is in both lists. Knows nothing of shapes.</summary>
internal static class Palette
{
    /// <summary>Their order is the order in which a description names objects.</summary>
    public static readonly Paint[] Objects =
    [
        new("red", 220, 30, 30), new("orange", 245, 140, 20), new("yellow", 245, 225, 40), new("green", 40, 170, 50),
        new("cyan", 50, 205, 225), new("blue", 45, 80, 230), new("purple", 145, 50, 200), new("pink", 250, 130, 190),
    ];

    /// <summary>Backgrounds of scenes that a film does not ask about.</summary>
    public static readonly Paint[] Neutrals = [new("black", 12, 12, 12), new("gray", 120, 120, 120), new("white", 240, 240, 240)];

    /// <summary>Each occurs once in a film and names one scene of it.</summary>
    public static readonly Paint[] Tints =
        [new("navy", 15, 20, 85), new("maroon", 90, 15, 25), new("olive", 85, 85, 20), new("teal", 10, 85, 85), new("tan", 205, 180, 145)];

    public static readonly Paint[] Backgrounds = [.. Neutrals, .. Tints];
}
