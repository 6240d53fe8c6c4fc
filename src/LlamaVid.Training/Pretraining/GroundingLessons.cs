using LlamaVid.Model.Vision;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>Painted frames with requests about their scene, and for each the patches that it is about. Knows no model.</summary>
internal sealed class GroundingLessons(ImagePreprocessor preprocessor, int patchesPerSide)
{
    private const int FramesPerScene = 3, RequestsPerFrame = 6;
    private const int NamedScenePercent = 35;

    public int PatchCount => patchesPerSide * patchesPerSide;

    public Batch Draw(long seed, long number, int scenes)
    {
        var plane = 3 * preprocessor.ImageSize * preprocessor.ImageSize;
        var frames = scenes * FramesPerScene;
        var batch = new Batch(frames, new byte[frames * plane], [], [], []);
        for (var i = 0; i < scenes; i++)
        {
            var dice = new Dice("grounding", seed, $"lessons {number}", i);
            var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
            var requests = FilmQuestions.About(new("", 0, 0, [scene], new(0, "", 0, "")), dice).Select(question => question.Text)
                .Concat(Captions.Of(scene).Select(caption => caption.Request)).ToArray();
            var canvas = new Canvas(FilmDraw.SmallestSide + FilmDraw.SideStep * dice.Between(0, (FilmDraw.LargestSide - FilmDraw.SmallestSide) / FilmDraw.SideStep));
            for (var j = 0; j < FramesPerScene; j++)
            {
                var (frame, time) = (i * FramesPerScene + j, dice.Between(0, scene.Seconds - 1));
                canvas.Paint(scene, time);
                CodecNoise.Apply(canvas.Rgb24, canvas.Side, dice);
                preprocessor.Prepare(canvas.Rgb24, canvas.Side, canvas.Side, ImageFit.Crop, batch.Crops.AsSpan(frame * plane, plane));
                foreach (var request in dice.Deal(requests, Math.Min(RequestsPerFrame, requests.Length)))
                    Add(batch, frame, scene, time, InScene(request, scene, dice));
            }
        }
        return batch;
    }

    /// <summary>As films ask it: of this scene, or of one that this frame does not belong to.</summary>
    private static string InScene(string request, Scene scene, Dice dice)
    {
        if (!request.EndsWith('?') || !dice.Chance(NamedScenePercent)) return request;
        var named = Palette.Tints.Contains(scene.Background) && dice.Chance(60) ? scene.Background : dice.Pick(Palette.Tints);
        return $"In the {named.Name} scene, {Wording.Lower(request)}";
    }

    private void Add(Batch batch, int frame, Scene scene, int time, string request)
    {
        Span<int> owners = stackalloc int[PatchCount];
        Span<float> outline = stackalloc float[PatchCount * PatchOwners.Points];
        Span<float> weights = stackalloc float[scene.Actors.Count];
        PatchOwners.Find(scene, time, patchesPerSide, owners, outline);
        new AskedObjects(request).Weigh(scene, time, weights);

        var rest = 1 - Sum(weights);
        foreach (var owner in owners)
            batch.Targets.Add((owner == PatchOwners.Nobody ? rest : weights[owner]) / owners.Count(owner));
        batch.Requests.Add(request);
        batch.FrameOf.Add(frame);
    }

    private static float Sum(ReadOnlySpan<float> weights)
    {
        var sum = 0f;
        foreach (var weight in weights) sum += weight;
        return sum;
    }

    /// <param name="Frames">T</param>
    /// <param name="Crops">[T, 3, S, S]</param>
    /// <param name="Requests">R of them</param>
    /// <param name="FrameOf">[R] which frame each is about</param>
    /// <param name="Targets">[R, P], each row sums to 1</param>
    internal sealed record Batch(int Frames, byte[] Crops, List<string> Requests, List<long> FrameOf, List<float> Targets);
}
