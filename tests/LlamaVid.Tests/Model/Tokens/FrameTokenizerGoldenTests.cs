using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Tokens;

/// <summary>Text decoder, context attention and pooling apart, on the cases that keep every intermediate.</summary>
[Collection(AloneCollection.Name)]
public sealed class FrameTokenizerGoldenTests
{
    private const double Tolerance = 1e-4;

    [Theory]
    [InlineData("short_video")]
    [InlineData("grid2_video")]
    [InlineData("eva56_video")]
    [InlineData("clip_raw_bert_video")]
    [InlineData("clip_qformer_pretrain_image")]
    public void Every_stage_gives_the_official_numbers(string name)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var golden = GoldenCase.Open(name);
        var model = Models.Load(golden.Checkpoint);
        var (tokenizer, (crops, frames)) = (model.FrameTokenizer!, golden.Crops());
        var features = model.EncodeFrames(crops, frames);
        var patches = tokenizer.Patches(features);

        var asked = tokenizer.Ask(features, golden["att.bert_ids"], golden["att.bert_mask"].to(ScalarType.Bool));
        TensorAssert.Close(golden["att.bert_layer.2"].narrow(1, 0, asked.shape[1]), asked, Tolerance, "text decoder");
        TensorAssert.Close(golden["att.ctx_embed"], tokenizer.Attend(asked, patches), Tolerance, "context attention");
        TensorAssert.Close(golden["att.vis_pooled"], tokenizer.Pool(patches), Tolerance, "content pooling");
    }

    [Fact]
    public void Another_question_on_the_same_features_changes_the_context_token_only()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var model = Models.Load(Repository.TinyModel);
        var size = model.Preprocessor!.ImageSize;
        var features = model.EncodeFrames([.. Enumerable.Range(0, 2 * 3 * size * size).Select(i => (byte)(i * 7919))], 2);

        var first = model.FrameTokens(features, model.EncodeQuestion("What colour is it?"), isMovie: false);
        var second = model.FrameTokens(features, model.EncodeQuestion("How many circles?"), isMovie: false);

        Assert.False(first.select(1, 0).allclose(second.select(1, 0)));
        TensorAssert.Close(first.select(1, 1), second.select(1, 1), 0);
    }

    [Fact]
    public void A_batch_of_frames_gives_the_tokens_of_each_frame_alone()
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var model = Models.Load(Repository.TinyModel);
        var size = 3 * model.Preprocessor!.ImageSize * model.Preprocessor.ImageSize;
        byte[] crops = [.. Enumerable.Range(0, 5 * size).Select(i => (byte)(i * 104729 >> 3))];
        var question = model.EncodeQuestion("What happens?");

        var together = model.FrameTokens(model.EncodeFrames(crops, 5), question, isMovie: false);
        for (var i = 0; i < 5; i++)
            TensorAssert.Close(together[i], model.FrameTokens(model.EncodeFrames(crops.AsSpan(i * size, size), 1), question, isMovie: false)[0], 1e-5);
    }
}
