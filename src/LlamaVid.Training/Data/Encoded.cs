namespace LlamaVid.Training.Data;

/// <summary>A sample as the model is trained on it. Holds no tensors.</summary>
/// <param name="Ids">text ids, with <see cref="PlaceholderId"/> where visual tokens go</param>
/// <param name="Labels">as long as <paramref name="Ids"/>: the id where it is learnt, else <see cref="Ignored"/></param>
/// <param name="Questions">what the text decoder reads, one text per human turn</param>
internal sealed record Encoded(int[] Ids, int[] Labels, string[] Questions)
{
    /// <summary>IMAGE_TOKEN_INDEX of the official code.</summary>
    public const int PlaceholderId = -200;

    /// <summary>IGNORE_INDEX of the official code.</summary>
    public const int Ignored = -100;

    public int Placeholders => Ids.Count(id => id == PlaceholderId);

    /// <summary>The first <paramref name="length"/> ids, as the official collator cuts before visual tokens are put in.</summary>
    public Encoded Cut(int length) => Ids.Length <= length ? this : new(Ids[..length], Labels[..length], Questions);
}
