namespace LlamaVid.Training.Data;

/// <summary>A sample ready for a batch: ids, labels, the questions' word pieces, and where its features are.</summary>
/// <param name="Questions">word pieces of the n-th question, which conditions the tokens of the n-th placeholder</param>
/// <param name="Media">null for a sample of text alone</param>
/// <param name="IsMovie">every placeholder takes one visual token of the first question, and frames lose their class token</param>
internal sealed record Prepared(Encoded Text, long[][] Questions, Features? Media, bool IsMovie, int ModalityLength)
{
    /// <summary>Features and question of every pass through the frame tokenizer that the ids need, in the order of their placeholders.</summary>
    public IEnumerable<(Features Media, long[] Question)> Uses =>
        Media is null ? [] : Questions.Take(IsMovie ? 1 : Text.Placeholders).Select(question => (Media, question));
}
