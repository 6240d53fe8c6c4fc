using LlamaVid.Training.Pretraining;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training.Pretraining;

public sealed class NotesTests
{
    private const int PerColor = 23, Counts = 8 * PerColor, Backgrounds = Counts + 5, Relations = Backgrounds + 8;

    private static readonly Actor Circle = new(Palette.Objects[0], Shape.Circle, 0.21, Motion.Still, 0.2, 0.8, 0, 0, 2.5);
    private static readonly Actor Square = new(Palette.Objects[5], Shape.Square, 0.34, Motion.Right, 0.3, 0.7, 0.05, 1.5, 6);
    private static readonly Scene Pair = new(Palette.Tints[0], 6, [Circle, Square]);

    [Fact]
    public void Objects_are_noted_when_they_appear_and_stay_noted_when_they_are_gone()
    {
        AssertNoted(second: 0, Circle, seen: true, now: true, first: true, last: true);
        AssertNoted(second: 0, Square, seen: false, now: false, first: false, last: false);
        AssertNoted(second: 2, Circle, seen: true, now: true, first: true, last: false);
        AssertNoted(second: 2, Square, seen: true, now: true, first: false, last: true);
        AssertNoted(second: 4, Circle, seen: true, now: false, first: true, last: false);
    }

    [Fact]
    public void Objects_that_appear_together_are_neither_first_nor_last()
    {
        var together = Pair with { Actors = [Circle, Square with { Appears = 0 }] };
        var notes = Write(together, 3, "How many objects are there?");
        Assert.Equal([0, 0], Of(notes, Circle)[3..5]);
        Assert.Equal([0, 0], Of(notes, Square)[3..5]);
        Assert.Equal([0, 0, 1, 0], notes[Counts..(Counts + 4)]);
    }

    [Fact]
    public void Motion_and_place_are_known_of_what_was_looked_at_only()
    {
        var notes = Write(Pair, 5, "Follow the blue square.");
        Assert.Equal([0, 0, 1, 0, 0], Of(notes, Square)[12..17]);
        Assert.All(Of(notes, Circle)[12..], note => Assert.Equal(Notes.Unknown, note));
        Assert.Equal(1, Of(notes, Circle)[8]);                                                       // its shape is in every content token
    }

    [Fact]
    public void Movement_is_unknown_after_one_look() =>
        Assert.All(Of(Write(Pair, 2, "Follow the blue square."), Square)[12..17], note => Assert.Equal(Notes.Unknown, note));

    [Fact]
    public void What_was_looked_at_is_remembered()
    {
        var notes = Write(Pair, 4, "Follow the red circle.");
        Assert.Equal([1, 1], Of(notes, Circle)[5..7]);
        Assert.Equal([0, 0], Of(notes, Square)[5..7]);
    }

    [Fact]
    public void Size_and_background_are_noted()
    {
        var notes = Write(Pair, 2, "How many objects are there?");
        Assert.Equal((0, 1), (Of(notes, Circle)[7], Of(notes, Square)[7]));
        Assert.Equal(1, notes[Backgrounds..Relations][Array.IndexOf(Palette.Backgrounds, Palette.Tints[0])]);
        Assert.Equal(1, notes[Backgrounds..Relations].Sum());
    }

    [Fact]
    public void The_first_of_two_that_are_asked_for_is_compared_with_the_other_once_both_were_looked_at()
    {
        Assert.Equal([-1, -1, -1, -1, -1], Asked(second: 1));
        Assert.Equal([0, 1, 0, 1, 0], Asked(second: 2));                                             // smaller, to the left, below
        Assert.Equal([0, 1, 0, -1, -1], Asked(second: 4));                                           // gone by now
        Assert.Equal([-1, -1, -1, -1, -1], Write(Pair, 2, "How many objects are there?")[Relations..]);

        static float[] Asked(int second) => Write(Pair, second, "Is the red circle above the blue square?")[Relations..];
    }

    private static void AssertNoted(int second, Actor actor, bool seen, bool now, bool first, bool last)
    {
        var notes = Of(Write(Pair, second, "How many objects are there?"), actor);
        Assert.Equal([seen, now, seen && !now, first, last], notes[..5].Select(note => note == 1));
        Assert.Equal(seen ? 1 : 0, notes[8..12].Sum());
    }

    private static float[] Of(float[] notes, Actor actor) => notes[(Array.IndexOf(Palette.Objects, actor.Paint) * PerColor)..][..PerColor];

    private static float[] Write(Scene scene, int second, string request)
    {
        var looks = new float[scene.Seconds * scene.Actors.Count];
        for (var i = 0; i <= second; i++) new AskedObjects(request).Weigh(scene, i, looks.AsSpan(i * scene.Actors.Count, scene.Actors.Count));
        var notes = new float[Notes.Count];
        Notes.Write(scene, second, looks, notes);
        return notes;
    }
}
