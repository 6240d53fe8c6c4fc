using LlamaVid.Model;
using LlamaVid.Tests.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Oracle;

/// <summary>Sixteen-bit models give nearly the answer of the float32 one, and every model gives the same answer twice, to the bit.</summary>
[Collection(AloneCollection.Name)]
public sealed class PrecisionTests
{
    /// <summary>Of the logits of all positions with those of float32: bfloat16 keeps 8 bits and float16 11, through four networks.</summary>
    private static double LeastSimilarity(ModelDtype dtype) => dtype == ModelDtype.BFloat16 ? 0.99 : 0.999;

    public static TheoryData<int, ModelDtype> Models
    {
        get
        {
            var data = new TheoryData<int, ModelDtype>();
            foreach (var seed in new[] { 1, 2, 5, 6, 10, 12 })
            {
                data.Add(seed, ModelDtype.BFloat16);
                data.Add(seed, ModelDtype.Float16);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Sixteen_bits_answer_nearly_as_thirty_two(int seed, ModelDtype dtype)
    {
        using var folder = new TemporaryFolder();
        RandomCheckpoint.Draw(seed).Write(folder);
        var expected = Run(folder.Path, ModelDtype.Float32, seed);
        var actual = Run(folder.Path, dtype, seed);

        Assert.All(actual, value => Assert.True(float.IsFinite(value)));
        Assert.InRange(Cosine(expected, actual), LeastSimilarity(dtype), 1 + 1e-9);
    }

    [Theory]
    [InlineData(ModelDtype.Float32)]
    [InlineData(ModelDtype.BFloat16)]
    [InlineData(ModelDtype.Float16)]
    public void The_default_model_answers_in_every_precision_and_twice_alike(ModelDtype dtype)
    {
        var logits = Run(Repository.TinyModel, dtype, 1);
        Assert.All(logits, value => Assert.True(float.IsFinite(value)));
        Assert.Equal(logits, Run(Repository.TinyModel, dtype, 1));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public void The_same_input_twice_gives_the_same_bits(int seed)
    {
        using var folder = new TemporaryFolder();
        RandomCheckpoint.Draw(seed).Write(folder);
        Assert.Equal(Run(folder.Path, ModelDtype.Float32, seed), Run(folder.Path, ModelDtype.Float32, seed));
    }

    /// <summary>Two frames, a question and a few greedy steps.</summary>
    /// <returns>the logits of the whole prompt; of every greedy step it is only checked that they are finite</returns>
    private static float[] Run(string folder, ModelDtype dtype, int seed)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var model = LlamaVidModel.Load(new() { Path = folder, Dtype = dtype, Device = "cpu" });
        var crops = new byte[2 * 3 * model.Preprocessor!.ImageSize * model.Preprocessor.ImageSize];
        new Random(seed).NextBytes(crops);
        var tokens = model.FrameTokens(model.EncodeFrames(crops, 2), model.EncodeQuestion("Who is it?"), isMovie: false).flatten(0, 1);
        var prompt = cat([model.Embed([1, 50, 60]), tokens, model.Embed([70, 80])]);

        using var cache = model.NewCache((int)prompt.shape[0] + 3);
        var logits = model.Logits(model.Forward(prompt, cache, (int)prompt.shape[0]));
        for (var (last, step) = (logits, 0); step < 3; step++)
        {
            last = model.Logits(model.Forward(model.Embed([(int)last[^1].argmax().item<long>()]), cache, cache.Length + 1));
            Assert.True(last.isfinite().all().item<bool>());
        }
        return logits.data<float>().ToArray();
    }

    private static double Cosine(float[] a, float[] b) => Dot(a, b) / Math.Sqrt(Dot(a, a) * Dot(b, b));

    private static double Dot(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
}
