namespace LlamaVid.Training.ShapesWorld;

/// <summary>Paints one moment of a scene as RGB bytes [side, side, 3]. Knows nothing of files.</summary>
internal sealed class Canvas(int side)
{
    private readonly byte[] _rgb24 = new byte[side * side * 3];

    public int Side => side;

    public byte[] Rgb24 => _rgb24;

    /// <param name="time">seconds of the scene</param>
    public void Paint(Scene scene, double time)
    {
        var background = scene.Background;
        for (var i = 0; i < _rgb24.Length; i += 3) (_rgb24[i], _rgb24[i + 1], _rgb24[i + 2]) = (background.Red, background.Green, background.Blue);
        foreach (var actor in scene.Actors)
            if (actor.IsVisible(time))
                Paint(actor, actor.At(time));
    }

    private void Paint(Actor actor, (double X, double Y) centre)
    {
        var reach = Geometry.Reach * actor.Size + 1.0 / side;
        var (left, right) = Span(centre.X, reach);
        var (top, bottom) = Span(centre.Y, reach);
        for (var row = top; row < bottom; row++)
            for (var column = left; column < right; column++)
            {
                var distance = actor.Shape.Distance((column + 0.5) / side - centre.X, (row + 0.5) / side - centre.Y, actor.Size);
                var coverage = Math.Clamp(0.5 - distance * side, 0, 1);
                if (coverage > 0) Blend(_rgb24.AsSpan((row * side + column) * 3, 3), actor.Paint, coverage);
            }
    }

    private (int First, int End) Span(double centre, double reach) =>
        (Math.Max(0, (int)Math.Floor((centre - reach) * side)), Math.Min(side, (int)Math.Ceiling((centre + reach) * side)));

    private static void Blend(Span<byte> pixel, Paint paint, double coverage)
    {
        pixel[0] = Mix(pixel[0], paint.Red, coverage);
        pixel[1] = Mix(pixel[1], paint.Green, coverage);
        pixel[2] = Mix(pixel[2], paint.Blue, coverage);
    }

    private static byte Mix(byte under, byte over, double coverage) => (byte)(under + coverage * (over - under) + 0.5);
}
