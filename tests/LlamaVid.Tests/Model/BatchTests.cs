using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model;

/// <summary>What is computed together is what each would be alone.</summary>
[Collection(AloneCollection.Name)]
public sealed class BatchTests
{
    private const double Tolerance = 1e-4;

    private readonly LlamaVidModel _model = Models.Load(Repository.TinyModel);

    [Fact]
    public void Sequences_in_one_pass_get_the_logits_of_each_alone()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        int[][] prompts = [[1, 5, 9, 13, 20], [1, 7], [1, 30, 31, 32, 33, 34, 35, 36]];
        var alone = prompts.Select(ids => Logits(ids)).ToArray();

        var caches = prompts.Select(_ => _model.NewCache(16)).ToArray();
        var first = _model.Forward(_model.Embed([.. prompts.SelectMany(ids => ids[..^1])]),
            [.. prompts.Select((ids, i) => new SequenceChunk(caches[i], ids.Length - 1, ids.Length))]);
        var last = _model.Logits(_model.Forward(_model.Embed([.. prompts.Select(ids => ids[^1])]),
            [.. prompts.Select((ids, i) => new SequenceChunk(caches[i], 1, ids.Length))]));

        var start = 0;
        for (var i = 0; i < prompts.Length; start += prompts[i].Length - 1, i++)
        {
            TensorAssert.Close(alone[i][..^1], _model.Logits(first.narrow(0, start, prompts[i].Length - 1)), Tolerance, "prompt");
            TensorAssert.Close(alone[i][^1], last[i], Tolerance, "next position");
        }
        foreach (var cache in caches) cache.Dispose();
    }

    [Fact]
    public void Whole_padded_sequences_get_the_logits_of_each_alone()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        int[] longer = [1, 5, 9, 13, 20], shorter = [1, 7, 8];

        var together = _model.Logits(_model.Forward(stack([_model.Embed(longer), _model.Embed([.. shorter, 0, 0])])));

        TensorAssert.Close(Logits(longer), together[0], Tolerance, "longer");
        TensorAssert.Close(Logits(shorter), together[1].narrow(0, 0, shorter.Length), Tolerance, "shorter");
    }

    [Fact]
    public void Frames_with_a_question_each_get_the_tokens_of_each_alone()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var size = 3 * _model.Preprocessor!.ImageSize * _model.Preprocessor.ImageSize;
        var features = _model.EncodeFrames([.. Enumerable.Range(0, 2 * size).Select(i => (byte)(i * 104729 >> 3))], 2);
        Tensor first = _model.EncodeQuestion("What happens?"), second = _model.EncodeQuestion("Which colour is the large circle on the left?");

        var padding = second.shape[0] - first.shape[0];
        var ids = stack([cat([first, zeros(padding, int64)]), second]);
        var isText = stack([cat([ones_like(first, ScalarType.Bool), zeros(padding, ScalarType.Bool)]), ones_like(second, ScalarType.Bool)]);
        var together = _model.FrameTokens(features, ids, isText);

        TensorAssert.Close(_model.FrameTokens(features.narrow(0, 0, 1), first, isMovie: false)[0], together[0], Tolerance, "first");
        TensorAssert.Close(_model.FrameTokens(features.narrow(0, 1, 1), second, isMovie: false)[0], together[1], Tolerance, "second");
    }

    private Tensor Logits(int[] ids)
    {
        using var cache = _model.NewCache(ids.Length);
        return _model.Logits(_model.Forward(_model.Embed(ids), cache, ids.Length));
    }
}
