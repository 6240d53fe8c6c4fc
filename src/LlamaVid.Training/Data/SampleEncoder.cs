using LlamaVid.Model;
using LlamaVid.Training.Loop;
using LlamaVid.Training.Stages;

namespace LlamaVid.Training.Data;

/// <summary>From a sample and its features to ids and word pieces, as its stage writes it.</summary>
internal sealed class SampleEncoder(LlamaVidModel model, Stage stage, int maxLength, long seed)
{
    private readonly ConversationEncoder _conversations = new(model.Tokenizer);

    /// <exception cref="SampleFault">The sample does not fit its form, its media or the longest length.</exception>
    public Prepared Prepare(Sample sample, Features? media)
    {
        var isMovie = media is not null && stage.Form != SampleForm.Plain && (stage.Form == SampleForm.Movie || sample.Media!.Kind == SampleMediaKind.Movie);
        var whole = stage.Form == SampleForm.Plain ? _conversations.Plain(sample)
            : isMovie ? _conversations.Movie(sample, media!.Inputs(), model.TokensPerFrame)
            : _conversations.Instruct(sample, turn => Seeds.Below(2, seed, sample.Number, turn) == 1);
        if (isMovie && whole.Placeholders != media!.Frames * model.TokensPerFrame)
            throw new SampleFault($"its movie has {media.Frames} frames of {model.TokensPerFrame} tokens and its text {whole.Placeholders} placeholders.");

        var text = whole.Cut(maxLength);
        if (text.Labels.Skip(1).All(label => label == Encoded.Ignored))
            throw new SampleFault($"nothing of its answer is within the first {maxLength} of its {whole.Ids.Length} ids.");
        return new(text, media is null ? [] : [.. whole.Questions.Select(Words)], media, isMovie, sample.ModalityLength);
    }

    private long[] Words(string question)
    {
        using var words = model.EncodeQuestion(question).cpu();
        return words.data<long>().ToArray();
    }
}
