using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>Which object, if any, each patch of a frame belongs to. Knows geometry, not pixels.</summary>
internal static class PatchOwners
{
    public const int Nobody = -1;

    private const int PointsPerSide = 4;

    /// <summary>Points at which a patch is looked at.</summary>
    public const int Points = PointsPerSide * PointsPerSide;

    private const int FewestPoints = 3;                                 // of 16: a patch that an object hardly touches is background

    /// <param name="owners">[side × side], row by row: the index of an actor, or <see cref="Nobody"/></param>
    /// <param name="outline">[side × side, <see cref="Points"/>]: 1 where a point shows an object</param>
    public static void Find(Scene scene, double time, int side, Span<int> owners, Span<float> outline)
    {
        var count = scene.Actors.Count;
        Span<int> points = stackalloc int[count];
        Span<int> best = stackalloc int[count];
        Span<int> bestAt = stackalloc int[count];
        best.Clear();
        for (var patch = 0; patch < side * side; patch++)
        {
            points.Clear();
            Count(scene, time, patch % side, patch / side, side, points, outline.Slice(patch * Points, Points));
            owners[patch] = Nobody;
            for (var i = 0; i < count; i++)
            {
                if (points[i] > best[i]) (best[i], bestAt[i]) = (points[i], patch);
                if (points[i] >= FewestPoints && (owners[patch] == Nobody || points[i] > points[owners[patch]])) owners[patch] = i;
            }
        }
        for (var i = 0; i < count; i++)
            if (best[i] > 0) owners[bestAt[i]] = i;
    }

    /// <summary>How many points of the patch show each actor; later actors hide earlier ones.</summary>
    private static void Count(Scene scene, double time, int column, int row, int side, Span<int> points, Span<float> outline)
    {
        for (var point = 0; point < Points; point++)
        {
            var x = (column + (point % PointsPerSide + 0.5) / PointsPerSide) / side;
            var y = (row + (point / PointsPerSide + 0.5) / PointsPerSide) / side;
            for (var i = scene.Actors.Count - 1; i >= 0; i--)
            {
                var actor = scene.Actors[i];
                if (!actor.IsVisible(time)) continue;
                var (centreX, centreY) = actor.At(time);
                if (actor.Shape.Distance(x - centreX, y - centreY, actor.Size) > 0) continue;
                points[i]++;
                outline[point] = 1;
                break;
            }
        }
    }
}
