using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// What there is to know about a place of a picture, as numbers that stay meaningful when places are averaged: that is all that becomes of a
/// patch on its way into a visual token. Knows no pixels and no model.
/// </summary>
/// <remarks>
/// <code>
/// colour 8 · shape 4 · large, small 2 · column 5 · row 5 · colour × column 24 · colour × row 24 · colour × size 8 · colour × shape 32 · nothing 1 · background 8
/// </code>
/// An average over two objects still says which of them is where, and how large, by its colour. Places are hats: 1 at an anchor, falling to 0 at its neighbours.
/// </remarks>
internal static class Concepts
{
    private const int Fine = 5, Coarse = 3;
    private const double FirstFine = 0.15, FineStep = 0.175, FirstCoarse = 0.2, CoarseStep = 0.3;

    private static readonly int Colors = Palette.Objects.Length;
    private static readonly int Shapes = Geometry.Shapes.Length;

    private static readonly int ShapeAt = Colors;
    private static readonly int SizeAt = ShapeAt + Shapes;
    private static readonly int ColumnAt = SizeAt + 2;
    private static readonly int RowAt = ColumnAt + Fine;
    private static readonly int ColorColumnAt = RowAt + Fine;
    private static readonly int ColorRowAt = ColorColumnAt + Colors * Coarse;
    private static readonly int ColorSizeAt = ColorRowAt + Colors * Coarse;
    private static readonly int ColorShapeAt = ColorSizeAt + Colors;
    private static readonly int NothingAt = ColorShapeAt + Colors * Shapes;
    private static readonly int BackgroundAt = NothingAt + 1;

    /// <summary>Of the coarse places of one axis.</summary>
    public const int Places = Coarse;

    public static readonly int Count = BackgroundAt + Palette.Backgrounds.Length;

    /// <summary>Adds a place where an object is.</summary>
    /// <param name="into">[<see cref="Count"/>]</param>
    /// <param name="centre">of the object, in frame widths</param>
    public static void Add(Span<float> into, Actor actor, (double X, double Y) centre, Paint background, float weight)
    {
        var (color, shape) = (Array.IndexOf(Palette.Objects, actor.Paint), (int)actor.Shape);
        into[color] += weight;
        into[ShapeAt + shape] += weight;
        into[SizeAt + (actor.IsLarge ? 0 : 1)] += weight;
        Hats(into.Slice(ColumnAt, Fine), centre.X, FirstFine, FineStep, weight);
        Hats(into.Slice(RowAt, Fine), centre.Y, FirstFine, FineStep, weight);
        Hats(into.Slice(ColorColumnAt + color * Coarse, Coarse), centre.X, FirstCoarse, CoarseStep, weight);
        Hats(into.Slice(ColorRowAt + color * Coarse, Coarse), centre.Y, FirstCoarse, CoarseStep, weight);
        into[ColorSizeAt + color] += actor.IsLarge ? weight : -weight;
        into[ColorShapeAt + color * Shapes + shape] += weight;
        AddBackground(into, background, weight);
    }

    /// <summary>Adds all that a mean over the whole picture is meant to tell: what its objects are, each counted once, but not where.</summary>
    public static void AddContent(Span<float> into, Scene scene, double time)
    {
        foreach (var actor in scene.Actors)
        {
            if (!actor.IsVisible(time)) continue;
            var (color, shape) = (Array.IndexOf(Palette.Objects, actor.Paint), (int)actor.Shape);
            into[color] += 1;
            into[ShapeAt + shape] += 1;
            into[SizeAt + (actor.IsLarge ? 0 : 1)] += 1;
            into[ColorSizeAt + color] += actor.IsLarge ? 1 : -1;
            into[ColorShapeAt + color * Shapes + shape] += 1;
        }
        AddNothing(into, scene.Background, 1);
    }

    /// <summary>Adds a place where only the background is.</summary>
    public static void AddNothing(Span<float> into, Paint background, float weight)
    {
        into[NothingAt] += weight;
        AddBackground(into, background, weight);
    }

    /// <summary>Writes where something is along one axis.</summary>
    /// <param name="into">[<see cref="Places"/>]</param>
    public static void Place(Span<float> into, double place) => Hats(into, place, FirstCoarse, CoarseStep, 1);

    private static void AddBackground(Span<float> into, Paint background, float weight) =>
        into[BackgroundAt + Array.IndexOf(Palette.Backgrounds, background)] += weight;

    private static void Hats(Span<float> into, double place, double first, double step, float weight)
    {
        var at = Math.Clamp((place - first) / step, 0, into.Length - 1);
        var low = Math.Min((int)at, into.Length - 2);
        into[low] += (float)(1 - (at - low)) * weight;
        into[low + 1] += (float)(at - low) * weight;
    }
}
