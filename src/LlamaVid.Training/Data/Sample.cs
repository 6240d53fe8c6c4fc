namespace LlamaVid.Training.Data;

/// <summary>
/// One entry of a data file as it is written there: an id, at most one picture, video or movie, and turns. Nothing of it has been opened or
/// tokenised.
/// </summary>
/// <param name="Number">place in the file, from 0; with the id it names the sample in every message</param>
internal sealed record Sample(int Number, string Id, SampleMedia? Media, IReadOnlyList<SampleTurn> Turns)
{
    /// <summary>Words, as the official length grouping counts them; negative for a sample without media.</summary>
    public int ModalityLength
    {
        get
        {
            var words = Turns.Sum(turn => turn.Text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length);
            return Media is null ? -words : words;
        }
    }
}

internal sealed record SampleTurn(bool IsHuman, string Text);

/// <param name="Path">full path</param>
internal sealed record SampleMedia(string Path, SampleMediaKind Kind);

/// <summary>A picture, a video whose frames are decoded, or a movie whose features were computed before.</summary>
internal enum SampleMediaKind { Picture, Video, Movie }
