using LlamaVid.Model.Vision;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>Single frames of freshly drawn scenes with what is to be known about each patch. Nothing is encoded; every index gives the same frame always.</summary>
internal sealed class PaintedFrames(ImagePreprocessor preprocessor, int patchesPerSide, string split)
{
    private const int FramesPerScene = 4;

    public int PatchCount => patchesPerSide * patchesPerSide;

    /// <param name="number">of the batch</param>
    /// <param name="scenes">each gives four frames</param>
    public Batch Draw(long seed, long number, int scenes)
    {
        var frames = scenes * FramesPerScene;
        var batch = new Batch(frames, new byte[frames * 3 * preprocessor.ImageSize * preprocessor.ImageSize],
            new float[frames * PatchCount * Concepts.Count], new float[frames * PatchCount],
            new float[frames * PatchCount * PatchOwners.Points], new float[frames * Concepts.Count]);
        Span<int> owners = stackalloc int[PatchCount];
        for (var i = 0; i < scenes; i++)
        {
            var dice = new Dice(split, seed, $"frames {number}", i);
            var scene = DrawScene(dice);
            var canvas = new Canvas(FilmDraw.SmallestSide + FilmDraw.SideStep * dice.Between(0, (FilmDraw.LargestSide - FilmDraw.SmallestSide) / FilmDraw.SideStep));
            for (var j = 0; j < FramesPerScene; j++)
            {
                var time = dice.Between(0, scene.Seconds - 1);
                canvas.Paint(scene, time);
                CodecNoise.Apply(canvas.Rgb24, canvas.Side, dice);
                Take(batch, i * FramesPerScene + j, scene, time, canvas, owners);
            }
        }
        return batch;
    }

    /// <summary>Two of three have three objects: a patch of background teaches little.</summary>
    private static Scene DrawScene(Dice dice)
    {
        var isFull = dice.Chance(67);
        while (true)
        {
            var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
            if (!isFull || scene.Actors.Count == 3) return scene;
        }
    }

    private void Take(Batch batch, int at, Scene scene, int time, Canvas canvas, Span<int> owners)
    {
        var plane = 3 * preprocessor.ImageSize * preprocessor.ImageSize;
        preprocessor.Prepare(canvas.Rgb24, canvas.Side, canvas.Side, ImageFit.Crop, batch.Crops.AsSpan(at * plane, plane));
        PatchOwners.Find(scene, time, patchesPerSide, owners, batch.Outline.AsSpan(at * PatchCount * PatchOwners.Points, PatchCount * PatchOwners.Points));
        Concepts.AddContent(batch.Kinds.AsSpan(at * Concepts.Count, Concepts.Count), scene, time);
        for (var patch = 0; patch < PatchCount; patch++)
        {
            var row = at * PatchCount + patch;
            var concepts = batch.Concepts.AsSpan(row * Concepts.Count, Concepts.Count);
            if (owners[patch] == PatchOwners.Nobody) Concepts.AddNothing(concepts, scene.Background, 1);
            else Concepts.Add(concepts, scene.Actors[owners[patch]], scene.Actors[owners[patch]].At(time), scene.Background, 1);
            batch.IsObject[row] = owners[patch] == PatchOwners.Nobody ? 0 : 1;
        }
    }

    /// <param name="Frames">T</param>
    /// <param name="Crops">[T, 3, S, S]</param>
    /// <param name="Concepts">[T, P, K]</param>
    /// <param name="IsObject">[T, P], 1 where an object is</param>
    /// <param name="Outline">[T, P, 16], 1 where a point of the patch shows an object</param>
    /// <param name="Kinds">[T, K], what a content token is meant to tell</param>
    internal sealed record Batch(int Frames, byte[] Crops, float[] Concepts, float[] IsObject, float[] Outline, float[] Kinds);
}
