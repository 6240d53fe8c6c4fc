using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Long drawn videos of one frame per second, kept in the cache. As large as QCIF is wide.</summary>
internal static class FilmFile
{
    private const int Side = 176, Crf = 23, Gop = 50;

    /// <param name="frames">as many seconds</param>
    public static async Task<string> MakeAsync(int frames, CancellationToken cancellationToken)
    {
        var name = $"film-{frames}.mp4";
        var path = Path.Combine(ProjectFiles.Cache, name);
        if (File.Exists(path)) return path;

        var unfinished = $"unfinished-{name}";
        await VideoWriter.WriteAsync([new(unfinished, Side, 1, Scenes(frames), new(Crf, "ultrafast", Gop, "yuv420p"))], ProjectFiles.Cache, cancellationToken);
        File.Move(Path.Combine(ProjectFiles.Cache, unfinished), path);
        return path;
    }

    private static List<Scene> Scenes(int seconds)
    {
        var dice = new Dice("benchmark", 1, "film", seconds);
        var scenes = new List<Scene>();
        for (var left = seconds; left > 0; left -= scenes[^1].Seconds)
        {
            var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Neutrals));
            scenes.Add(scene with { Seconds = Math.Min(left, scene.Seconds) });
        }
        return scenes;
    }
}
