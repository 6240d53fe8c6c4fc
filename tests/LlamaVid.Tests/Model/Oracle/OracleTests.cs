using LlamaVid.Model;
using LlamaVid.Tests.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Oracle;

/// <summary>Made-up checkpoints of all shapes, loaded from files and run in float32, against a restatement that shares no code with the product.</summary>
[Collection(AloneCollection.Name)]
public sealed class OracleTests
{
    /// <summary>Of the largest value.</summary>
    private const double Tolerance = 1e-4;

    private const int Steps = 3;
    private const string Question = "What is the man doing in the kitchen, and why?";

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 48)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Model_computes_what_the_restatement_computes(int seed)
    {
        using var folder = new TemporaryFolder();
        var checkpoint = RandomCheckpoint.Draw(seed);
        checkpoint.Write(folder);
        var recipe = checkpoint.Recipe;
        var (weights, random) = (new Numbers(checkpoint.Model), new Random(seed));

        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var model = LlamaVidModel.Load(new() { Path = folder.Path, Dtype = ModelDtype.Float32, Device = "cpu" });

        var crops = new byte[2 * 3 * recipe.ImageSize * recipe.ImageSize];
        random.NextBytes(crops);
        var features = model.EncodeFrames(crops, 2);
        Matrix[] expectedFeatures = [.. Enumerable.Range(0, 2).Select(frame => Features(checkpoint, crops, frame))];
        for (var frame = 0; frame < 2; frame++)
        {
            Close(expectedFeatures[frame], features[frame], "features");
            Close(expectedFeatures[frame], model.EncodeFrames(crops.AsSpan(frame * crops.Length / 2, crops.Length / 2), 1)[0], "features of the frame alone");
        }

        var question = model.EncodeQuestion(Question);
        int[] ids = [.. question.data<long>().Select(id => (int)id)];
        var tokens = model.FrameTokens(features, question, isMovie: false);
        Matrix[] expectedTokens = [.. expectedFeatures.Select(each => OracleFrames.Tokens(weights, recipe, each, ids))];
        for (var frame = 0; frame < 2; frame++)
        {
            Close(expectedTokens[frame], tokens[frame], "frame tokens");
            Close(expectedTokens[frame], model.FrameTokens(features.narrow(0, frame, 1), question, isMovie: false)[0], "frame tokens of the frame alone");
        }
        Assert.Equal(tokens.shape[1], model.TokensPerFrame);

        var withoutClass = recipe.HasClassToken ? expectedFeatures[1].Slice(1, expectedFeatures[1].Rows - 1) : expectedFeatures[1];
        Close(OracleFrames.Tokens(weights, recipe, withoutClass, ids), model.FrameTokens(features, question, isMovie: true)[1], "movie tokens");

        int[] before = [1, random.Next(3, recipe.Vocabulary), recipe.Vocabulary - 1];
        int[] after = [.. Enumerable.Range(0, 5).Select(_ => random.Next(3, recipe.Vocabulary))];
        CompareAnswers(model, recipe, weights,
            Matrix.Stack([OracleDecoder.Embed(weights, before), Plain(tokens.flatten(0, 1)), OracleDecoder.Embed(weights, after)]),
            cat([model.Embed(before), tokens.flatten(0, 1), model.Embed(after)]));
    }

    /// <summary>The prompt at once and in chunks, then a few tokens one by one: those that the restatement finds likeliest.</summary>
    private static void CompareAnswers(LlamaVidModel model, CheckpointRecipe recipe, Numbers weights, Matrix expected, Tensor embeddings)
    {
        var prompt = expected.Rows;
        var logits = OracleDecoder.Logits(weights, recipe, expected, prompt);
        Close(expected, embeddings, "embeddings");

        using (var chunked = model.NewCache(prompt))
            for (var start = 0; start < prompt; start += 7)
            {
                var count = Math.Min(7, prompt - start);
                Close(logits.Slice(start, count), model.Logits(model.Forward(embeddings.narrow(0, start, count), chunked, prompt)), "logits of a chunk");
            }

        using var cache = model.NewCache(prompt + Steps);
        var actual = model.Logits(model.Forward(embeddings, cache, prompt));
        Close(logits, actual, "logits");
        for (var step = 0; step < Steps; step++)
        {
            var last = logits.Row(logits.Rows - 1);
            double[] best = [.. last.OrderDescending().Take(2)];
            var id = Array.IndexOf(last, best[0]);
            if (best[0] - best[1] > Tolerance * last.Max(Math.Abs)) Assert.Equal(id, actual[^1].argmax().item<long>());

            expected = Matrix.Stack(expected, OracleDecoder.Embed(weights, [id]));
            logits = OracleDecoder.Logits(weights, recipe, expected, prompt);
            actual = model.Logits(model.Forward(model.Embed([id]), cache, cache.Length + 1));
            Close(logits.Slice(logits.Rows - 1, 1), actual, $"logits of step {step}");
        }
    }

    private static Matrix Features(RandomCheckpoint checkpoint, byte[] crops, int frame)
    {
        var (recipe, plane) = (checkpoint.Recipe, checkpoint.Recipe.ImageSize * checkpoint.Recipe.ImageSize);
        double[] means = [0.48145466, 0.4578275, 0.40821073], deviations = [0.26862954, 0.26130258, 0.27577711];
        double[][] pixels = [.. Enumerable.Range(0, 3).Select(channel => crops.AsSpan((3 * frame + channel) * plane, plane).ToArray()
            .Select(level => (level / 255.0 - means[channel]) / deviations[channel]).ToArray())];
        var weights = new Numbers(checkpoint.Tower);
        return recipe.Clip is { } clip
            ? OracleTower.Clip(weights, pixels, clip, recipe.SelectLayer, recipe.KeepsClassToken)
            : OracleTower.Eva(weights, pixels, recipe.ImageSize);
    }

    /// <summary>The numbers themselves: the decoder is compared on its own, since it may enlarge rounding of what comes before it a thousandfold.</summary>
    private static Matrix Plain(Tensor tensor)
    {
        var values = tensor.data<float>().ToArray();
        return Matrix.Of((int)tensor.shape[0], (int)tensor.shape[1], (r, c) => values[r * tensor.shape[1] + c]);
    }

    private static void Close(Matrix expected, Tensor actual, string name)
    {
        var values = expected.ToArray();
        using var wanted = tensor(values).reshape(expected.Rows, expected.Columns);
        TensorAssert.Close(wanted, actual, Tolerance * values.Max(Math.Abs), name);
    }
}
