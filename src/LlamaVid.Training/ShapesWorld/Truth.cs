namespace LlamaVid.Training.ShapesWorld;

/// <summary>What a video shows, as a line of truth.jsonl has it: the scenes as they were drawn, and what is seen at each whole second.</summary>
internal sealed record Truth(
    string Video, int Side, int Rate, int Seconds, Encoding Encoding, IReadOnlyList<Truth.OfScene> Scenes, IReadOnlyList<Truth.Sample> Samples)
{
    /// <param name="Start">second of the video at which the scene begins; times of its objects count from there</param>
    internal sealed record OfScene(int Start, int Seconds, string Background, IReadOnlyList<OfActor> Objects);

    internal sealed record OfActor(string Color, string Shape, double Size, string Motion, double X, double Y, double Speed, double Appears, double Disappears);

    internal sealed record Sample(int Time, string Background, IReadOnlyList<Seen> Objects);

    /// <summary>A visible object: centre and size in frame widths.</summary>
    internal sealed record Seen(string Color, string Shape, double X, double Y, double Size);

    public static Truth Of(Film film)
    {
        var (scenes, samples) = (new List<OfScene>(), new List<Sample>());
        foreach (var scene in film.Scenes)
        {
            var start = samples.Count;
            scenes.Add(new(start, scene.Seconds, scene.Background.Name, [.. scene.Actors.Select(Whole)]));
            for (var second = 0; second < scene.Seconds; second++)
            {
                var visible = scene.Actors.Where(actor => actor.IsVisible(second));
                samples.Add(new(start + second, scene.Background.Name, [.. visible.Select(actor => At(actor, second))]));
            }
        }
        return new(film.Video, film.Side, film.Rate, film.Seconds, film.Encoding, scenes, samples);
    }

    private static OfActor Whole(Actor actor) => new(
        actor.Paint.Name, actor.Shape.Word(), actor.Size, actor.Motion.ToString().ToLowerInvariant(),
        actor.X, actor.Y, Math.Round(actor.Speed, 5), actor.Appears, actor.Disappears);

    private static Seen At(Actor actor, int second)
    {
        var (x, y) = actor.At(second);
        return new(actor.Paint.Name, actor.Shape.Word(), Math.Round(x, 4), Math.Round(y, 4), actor.Size);
    }
}
