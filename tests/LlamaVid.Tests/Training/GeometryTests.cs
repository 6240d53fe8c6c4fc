using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training;

/// <summary>Pixels against the formulas of docs/shapes-world.md.</summary>
public sealed class GeometryTests
{
    private static readonly Paint Black = new("black", 0, 0, 0), White = new("white", 255, 255, 255);

    [Theory]
    [InlineData("circle", 0.665)]
    [InlineData("square", 0.706)]
    [InlineData("triangle", 0.605)]
    [InlineData("cross", 0.640)]
    public void A_shape_covers_its_area(string name, double unitArea)
    {
        foreach (var (side, size) in new[] { (112, 0.20), (160, 0.23), (224, 0.36) })
        {
            var covered = Coverage(Named(name), side, size, 0.4931, 0.5127).Sum() / (side * side);
            Assert.InRange(covered / (unitArea * size * size), 0.98, 1.02);
        }
    }

    [Fact]
    public void A_shape_stays_within_its_reach_and_comes_near_it()
    {
        foreach (var shape in Geometry.Shapes)
        {
            const int side = 224;
            const double size = 0.36;
            var coverage = Coverage(shape, side, size, 0.5, 0.5);
            var reach = Enumerable.Range(0, side * side).Where(i => coverage[i] > 0.5)
                .Max(i => Math.Max(Math.Abs((i % side + 0.5) / side - 0.5), Math.Abs((i / side + 0.5) / side - 0.5)));
            Assert.InRange(reach / size, 0.40, Geometry.Reach + 0.5 / side / size);
        }
    }

    [Fact]
    public void The_triangles_tip_is_at_the_top_and_its_base_below()
    {
        var rows = Coverage(Shape.Triangle, 112, 0.36, 0.5, 0.5).Chunk(112).Select(row => row.Sum()).ToArray();
        Assert.True(rows[38] < 5 && rows[76] > 30, $"row 38 covers {rows[38]} pixels, row 76 {rows[76]}");
    }

    [Fact]
    public void An_edge_pixel_is_a_blend_by_its_coverage()
    {
        // The square's right edge is at 56 + 0.42 * 0.32 * 112 = 71.0528: the pixel from 71 to 72 has its middle 0.4472 pixels outside.
        var canvas = new Canvas(112);
        canvas.Paint(new(new("under", 10, 100, 200), 4, [new(new("over", 110, 0, 200), Shape.Square, 0.32, Motion.Still, 0.5, 0.5, 0, 0, 4)]), 0);
        Assert.Equal([15, 95, 200], canvas.Rgb24.AsSpan((56 * 112 + 71) * 3, 3).ToArray());
        Assert.Equal([110, 0, 200], canvas.Rgb24.AsSpan((56 * 112 + 70) * 3, 3).ToArray());
        Assert.Equal([10, 100, 200], canvas.Rgb24.AsSpan((56 * 112 + 72) * 3, 3).ToArray());
    }

    [Fact]
    public void Later_objects_lie_over_earlier_ones_and_hidden_ones_are_not_painted()
    {
        Actor Still(Paint paint, double appears, double disappears) => new(paint, Shape.Square, 0.3, Motion.Still, 0.5, 0.5, 0, appears, disappears);
        var scene = new Scene(Black, 4, [Still(Palette.Objects[0], 0, 4), Still(Palette.Objects[5], 0.5, 2.5)]);
        Assert.Equal(Palette.Objects[0], Middle(scene, 0.4));
        Assert.Equal(Palette.Objects[5], Middle(scene, 0.5));
        Assert.Equal(Palette.Objects[5], Middle(scene, 2.4));
        Assert.Equal(Palette.Objects[0], Middle(scene, 2.5));
    }

    private static Paint Middle(Scene scene, double time)
    {
        var canvas = new Canvas(112);
        canvas.Paint(scene, time);
        var rgb = canvas.Rgb24.AsSpan((56 * 112 + 56) * 3, 3).ToArray();
        return Palette.Objects.Append(Black).Single(paint => paint.Red == rgb[0] && paint.Green == rgb[1] && paint.Blue == rgb[2]);
    }

    private static double[] Coverage(Shape shape, int side, double size, double x, double y)
    {
        var canvas = new Canvas(side);
        canvas.Paint(new(Black, 4, [new(White, shape, size, Motion.Still, x, y, 0, 0, 4)]), 0);
        return [.. canvas.Rgb24.Chunk(3).Select(pixel => pixel[0] / 255.0)];
    }

    private static Shape Named(string name) => Geometry.Shapes.Single(shape => shape.Word() == name);
}
