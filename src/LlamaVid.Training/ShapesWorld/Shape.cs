namespace LlamaVid.Training.ShapesWorld;

internal enum Shape { Circle, Square, Triangle, Cross }

/// <summary>What the shapes look like: signed distances, in frame widths. Knows nothing of pixels.</summary>
internal static class Geometry
{
    /// <summary>No shape of size s reaches further from its centre than this times s, to any side.</summary>
    public const double Reach = 0.55;

    private static readonly double SqrtOf5 = Math.Sqrt(5);

    public static readonly Shape[] Shapes = Enum.GetValues<Shape>();

    /// <summary>Distance of a point from the outline, negative inside; all shapes of one size have areas between 0.60 and 0.71 size².</summary>
    /// <param name="x">from the object's centre to the right</param>
    /// <param name="y">from the object's centre downwards</param>
    public static double Distance(this Shape shape, double x, double y, double size)
    {
        var (u, v) = (Math.Abs(x), Math.Abs(y));
        return shape switch
        {
            Shape.Circle => Math.Sqrt(x * x + y * y) - 0.46 * size,
            Shape.Square => Math.Max(u, v) - 0.42 * size,
            Shape.Triangle => Math.Max(y - 0.55 * size, (2 * u - y - 0.55 * size) / SqrtOf5),
            _ => Math.Min(Math.Max(u - 0.5 * size, v - 0.2 * size), Math.Max(u - 0.2 * size, v - 0.5 * size)),
        };
    }

    /// <summary>Area of a shape of size 1.</summary>
    public static double UnitArea(this Shape shape) => shape switch
    {
        Shape.Circle => Math.PI * 0.46 * 0.46,
        Shape.Square => 0.84 * 0.84,
        Shape.Triangle => 1.1 * 1.1 / 2,
        _ => 0.4 + 0.4 - 0.16,
    };

    public static string Word(this Shape shape) => shape switch
    {
        Shape.Circle => "circle",
        Shape.Square => "square",
        Shape.Triangle => "triangle",
        _ => "cross",
    };
}
