using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training;

/// <summary>The rules of docs/shapes-world.md hold for every scene that is drawn, and everything it promises does occur.</summary>
public sealed class SceneDrawTests
{
    private static readonly Film[] Videos = [.. Drawn.Clips(1500), .. Drawn.Films(20)];
    private static readonly Scene[] Scenes = [.. Videos.SelectMany(video => video.Scenes)];

    [Fact]
    public void Objects_differ_in_colour_and_in_shape() => Assert.All(Scenes, scene =>
    {
        Assert.InRange(scene.Actors.Count, 1, 3);
        Assert.Distinct(scene.Actors.Select(actor => actor.Paint));
        Assert.Distinct(scene.Actors.Select(actor => actor.Shape));
    });

    [Fact]
    public void Objects_stay_inside_the_frame_as_long_as_they_are_visible() => EachActor((_, actor) =>
    {
        foreach (var (x, y) in new[] { actor.At(actor.Appears), actor.At(actor.Disappears) })
        {
            var border = 0.55 * actor.Size + 0.0199;
            Assert.InRange(x, border, 1 - border);
            Assert.InRange(y, border, 1 - border);
        }
    });

    [Fact]
    public void Every_object_is_seen_at_three_whole_seconds_and_a_moving_one_goes_a_third_of_the_frame_between_them() => EachActor((scene, actor) =>
    {
        var seen = Enumerable.Range(0, scene.Seconds).Where(second => actor.IsVisible(second)).ToArray();
        Assert.True(seen.Length >= 3, $"{actor} is seen {seen.Length} times");
        var ((fromX, fromY), (toX, toY)) = (actor.At(seen[0]), actor.At(seen[^1]));
        var (right, down) = (toX - fromX, toY - fromY);
        var (along, across) = actor.Motion switch
        {
            Motion.Left => (-right, down),
            Motion.Right => (right, down),
            Motion.Up => (-down, right),
            Motion.Down => (down, right),
            _ => (0.3, Math.Abs(right) + Math.Abs(down)),
        };
        Assert.InRange(along, 0.2999, 0.5601);
        Assert.Equal(0, across, 9);
        if (actor.Motion != Motion.Still) Assert.InRange(actor.Speed, 0.0359, 0.2241);
    });

    [Fact]
    public void Objects_do_not_touch_at_whole_seconds()
    {
        foreach (var scene in Scenes)
            for (var second = 0; second < scene.Seconds; second++)
            {
                var there = scene.Actors.Where(actor => actor.IsVisible(second)).ToArray();
                foreach (var a in there)
                    foreach (var b in there.Where(b => b != a))
                    {
                        var ((ax, ay), (bx, by)) = (a.At(second), b.At(second));
                        Assert.True(Math.Max(Math.Abs(ax - bx), Math.Abs(ay - by)) >= 0.55 * (a.Size + b.Size) + 0.0199);
                    }
            }
    }

    [Fact]
    public void Sizes_rates_lengths_and_encodings_are_in_the_documented_ranges_and_reach_their_ends()
    {
        EachActor((_, actor) => Assert.True(actor.Size is >= 0.20 and <= 0.23 or >= 0.32 and <= 0.36));
        Assert.Equal([112, 128, 144, 160, 176, 192, 208, 224], Videos.Select(video => video.Side).Distinct().Order());
        Assert.Equal([5, 6, 7, 8, 9, 10], Clips.Select(video => video.Rate).Distinct().Order());
        Assert.Equal([2, 3, 4, 5], Videos.Except(Clips).Select(video => video.Rate).Distinct().Order());
        Assert.Equal([4, 5, 6, 7, 8, 9, 10], Scenes.Select(scene => scene.Seconds).Distinct().Order());
        Assert.All(Videos.Except(Clips), film => Assert.InRange(film.Seconds, 60, 409));
        Assert.Equal(Enumerable.Range(18, 13), Videos.Select(video => video.Encoding.Crf).Distinct().Order());
        Assert.Equal(Enumerable.Range(1, 50), Videos.Select(video => video.Encoding.Gop).Distinct().Order());
        Assert.Equal(["fast", "medium", "ultrafast", "veryfast"], Videos.Select(video => video.Encoding.Preset).Distinct().Order());
        Assert.Equal(["yuv420p", "yuv444p"], Videos.Select(video => video.Encoding.PixelFormat).Distinct().Order());
    }

    [Fact]
    public void A_film_shows_each_named_background_once() => Assert.All(Videos.Except(Clips), film =>
        Assert.All(Palette.Tints, tint => Assert.Single(film.Scenes, scene => scene.Background == tint)));

    [Fact]
    public void Another_split_seed_or_number_is_another_video_and_the_same_is_the_same()
    {
        static string Told(Film film) => System.Text.Json.JsonSerializer.Serialize(Truth.Of(film).Scenes);
        var told = Told(FilmDraw.Clip("train", 1, 7));
        Assert.Equal(told, Told(FilmDraw.Clip("train", 1, 7)));
        Assert.Distinct([told, Told(FilmDraw.Clip("test", 1, 7)), Told(FilmDraw.Clip("train", 2, 7)), Told(FilmDraw.Clip("train", 1, 8))]);
    }

    private static IEnumerable<Film> Clips => Videos.Where(video => video.Scenes.Count == 1);

    private static void EachActor(Action<Scene, Actor> check)
    {
        foreach (var scene in Scenes)
            foreach (var actor in scene.Actors)
                check(scene, actor);
    }
}
