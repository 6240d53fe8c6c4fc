using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>
/// What somebody who watches a scene should have in mind after each second, whatever is asked later: what was seen so far, in which order, where first, and how it
/// moved. Knows no words and no model.
/// </summary>
/// <remarks>
/// A single word as an answer teaches too little to find the way to it. These are asked of the language model halfway through its layers, at every frame; the rest only
/// has to read them. Everything is a chance from 0 to 1; <see cref="Unknown"/> is what cannot be known because nobody looked.
/// <code>
/// for each colour: seen · now · gone · first of all · last so far · looked at first · looked at so far · large · shape 4 · motion 5 · first column 3 · first row 3
/// how many so far 4 · time 1 · background 8 · the one of two that is looked at most, against the other: larger · left, above when first together · left, above now
/// </code>
/// </remarks>
internal static class Notes
{
    public const float Unknown = -1;

    private const int ShapeAt = 8, MotionAt = ShapeAt + 4, PlaceAt = MotionAt + 5, PerColor = PlaceAt + 2 * Concepts.Places;
    private const int Relations = 5;
    private const float MotionWeight = 5, RelationWeight = 5;
    private const double LeastWay = 0.08;                                  // between two centres, for one to be on a side of the other
    private const float Glance = 0.15f;                                    // less attention than this is not looking

    private static readonly int CountAt = Palette.Objects.Length * PerColor;
    private static readonly int TimeAt = CountAt + 4;

    private static readonly int BackgroundAt = TimeAt + 1;
    private static readonly int RelationsAt = BackgroundAt + Palette.Backgrounds.Length;

    public static readonly int Count = RelationsAt + Relations;

    /// <summary>How much each note counts. Motions of several objects at once are 32 things to learn apart, and drown among the others; so do the few relations.</summary>
    public static float[] Weights() =>
        [.. Enumerable.Range(0, Count).Select(i => i >= RelationsAt ? RelationWeight : i < CountAt && i % PerColor is >= MotionAt and < PlaceAt ? MotionWeight : 1)];

    /// <param name="looks">[seconds, actors], how much of the attention each had at each second so far</param>
    /// <param name="into">[<see cref="Count"/>], zeros</param>
    public static void Write(Scene scene, int second, ReadOnlySpan<float> looks, Span<float> into)
    {
        var actors = scene.Actors;
        var seen = Enumerable.Range(0, actors.Count).Where(i => actors[i].Appears <= second).ToArray();
        foreach (var i in seen) Write(scene, i, second, looks, into.Slice(Array.IndexOf(Palette.Objects, actors[i].Paint) * PerColor, PerColor));
        into[CountAt + seen.Length] = 1;
        into[TimeAt] = (second + 1f) / SceneDraw.LongestSeconds;
        into[BackgroundAt + Array.IndexOf(Palette.Backgrounds, scene.Background)] = 1;
        WriteRelations(scene, second, looks, into[RelationsAt..]);
    }

    /// <summary>Of two that were looked at, one of them more.</summary>
    private static void WriteRelations(Scene scene, int second, ReadOnlySpan<float> looks, Span<float> into)
    {
        into.Fill(Unknown);
        var actors = scene.Actors;
        var least = new float[actors.Count];                               // an object that is alone has all of a look that is meant for everything
        for (var i = 0; i <= second; i++)
            for (var j = 0; j < actors.Count; j++)
                if (looks[i * actors.Count + j] is >= Glance and var look) least[j] = least[j] > 0 ? Math.Min(least[j], look) : look;
        int[] two = [.. Enumerable.Range(0, actors.Count).Where(i => least[i] > 0).OrderByDescending(i => least[i])];
        if (two.Length != 2 || least[two[0]] - least[two[1]] < Glance) return;

        var (one, other) = (actors[two[0]], actors[two[1]]);
        if (one.IsLarge != other.IsLarge) into[0] = one.IsLarge ? 1 : 0;
        var together = Enumerable.Range(0, second + 1).Where(i => one.IsVisible(i) && other.IsVisible(i)).ToArray();
        if (together.Length == 0) return;
        Sides(together[0], into[1..3]);
        if (together[^1] == second) Sides(second, into[3..5]);

        void Sides(int time, Span<float> sides)
        {
            var ((x, y), (otherX, otherY)) = (one.At(time), other.At(time));
            if (Math.Abs(x - otherX) >= LeastWay) sides[0] = x < otherX ? 1 : 0;
            if (Math.Abs(y - otherY) >= LeastWay) sides[1] = y < otherY ? 1 : 0;
        }
    }

    private static void Write(Scene scene, int index, int second, ReadOnlySpan<float> looks, Span<float> into)
    {
        var (actor, count) = (scene.Actors[index], scene.Actors.Count);
        var start = (int)Math.Ceiling(actor.Appears);
        var last = Math.Min(second, (int)Math.Ceiling(actor.Disappears) - 1);
        var others = scene.Actors.Where(other => other != actor && other.Appears <= second).ToArray();
        into[0] = 1;
        into[1] = actor.IsVisible(second) ? 1 : 0;
        into[2] = 1 - into[1];
        into[3] = others.All(other => other.Appears > actor.Appears) ? 1 : 0;
        into[4] = others.All(other => other.Appears < actor.Appears) ? 1 : 0;
        into[5] = looks[index];
        for (var i = 0; i <= second; i++) into[6] = Math.Max(into[6], looks[i * count + index]);
        into[7] = actor.IsLarge ? 1 : 0;
        into[ShapeAt + (int)actor.Shape] = 1;

        if (looks[start * count + index] < Glance) into[PlaceAt..].Fill(Unknown);
        else
        {
            var (x, y) = actor.At(start);
            Concepts.Place(into.Slice(PlaceAt, Concepts.Places), x);
            Concepts.Place(into.Slice(PlaceAt + Concepts.Places, Concepts.Places), y);
        }
        var isFollowed = last > start;
        for (var i = start; i <= last; i++) isFollowed &= looks[i * count + index] >= Glance;
        if (isFollowed) into[MotionAt + (int)actor.Motion] = 1;
        else into.Slice(MotionAt, PlaceAt - MotionAt).Fill(Unknown);
    }
}
