namespace LlamaVid.Training.ShapesWorld;

/// <summary>Draws whole videos: a clip of one scene, or a long film. The same split, seed and number give the same video.</summary>
internal static class FilmDraw
{
    public const int SmallestSide = 112, LargestSide = 224, SideStep = 16;
    public const int ShortestFilmSeconds = 60, LongestFilmSeconds = 400;

    private static readonly string[] Presets = ["ultrafast", "veryfast", "fast", "medium"];

    public static Film Clip(string split, long seed, int number)
    {
        var dice = new Dice(split, seed, "clip", number);
        var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
        return Make(dice, $"clip-{number:000000}.mp4", rate: dice.Between(5, 10), [scene]);
    }

    public static Film Long(string split, long seed, int number)
    {
        var dice = new Dice(split, seed, "film", number);
        var wanted = dice.Between(ShortestFilmSeconds, LongestFilmSeconds);
        var scenes = new List<Scene>();
        for (var seconds = 0; seconds < wanted; seconds += scenes[^1].Seconds)
            scenes.Add(SceneDraw.Draw(dice, dice.Pick(Palette.Neutrals)));

        var marked = dice.Deal([.. Enumerable.Range(0, scenes.Count)], Palette.Tints.Length);
        for (var i = 0; i < marked.Length; i++) scenes[marked[i]] = scenes[marked[i]] with { Background = Palette.Tints[i] };
        return Make(dice, $"film-{number:000000}.mp4", rate: dice.Between(2, 5), scenes);
    }

    private static Film Make(Dice dice, string video, int rate, IReadOnlyList<Scene> scenes)
    {
        var side = SmallestSide + SideStep * dice.Between(0, (LargestSide - SmallestSide) / SideStep);
        var encoding = new Encoding(dice.Between(18, 30), dice.Pick(Presets), dice.Between(1, 50), dice.Chance(80) ? "yuv420p" : "yuv444p");
        return new(video, side, rate, scenes, encoding);
    }
}
