namespace LlamaVid.Training.Data;

/// <summary>
/// Several samples as one padded rectangle of rows, told in numbers: which row of text or of visual tokens stands where, and what is learnt
/// where. No tensors.
/// </summary>
/// <remarks>
/// Rows are those of all texts, one after the other, then those of all visual tokens. Padding repeats row 0: no position before it looks at it.
/// </remarks>
internal sealed class Batch
{
    public int Sequences { get; private init; }

    /// <summary>Positions of the longest sequence, S.</summary>
    public int Length { get; private init; }

    /// <summary>The ids of all texts.</summary>
    public required IReadOnlyList<int> TextIds { get; init; }

    /// <summary>[B · S] the row that stands at each position.</summary>
    public required long[] Rows { get; init; }

    /// <summary>Positions, counted through the whole rectangle, whose next token is learnt.</summary>
    public required long[] LearntAt { get; init; }

    /// <summary>The tokens to learn there.</summary>
    public required long[] Targets { get; init; }

    /// <summary>Passes through the frame tokenizer, in the order of the visual rows.</summary>
    public required IReadOnlyList<(Features Media, long[] Question, bool IsMovie)> Uses { get; init; }

    public static Batch Of(IReadOnlyList<Prepared> samples, int tokensPerFrame)
    {
        var (textIds, sequences, labels, uses) = (new List<int>(), new List<List<long>>(), new List<List<int>>(), new List<(Features, long[], bool)>());
        var visual = 0L;                                                        // rows of visual tokens so far
        foreach (var sample in samples)
        {
            var (places, learnt) = (new List<long>(), new List<int>());
            foreach (var (id, label) in sample.Text.Ids.Zip(sample.Text.Labels))
            {
                var isPlaceholder = id == Encoded.PlaceholderId;
                var count = !isPlaceholder || sample.IsMovie ? 1 : sample.Media!.Frames * tokensPerFrame;
                for (var i = 0; i < count; i++)
                {
                    places.Add(isPlaceholder ? ~visual++ : textIds.Count);
                    learnt.Add(isPlaceholder ? Encoded.Ignored : label);
                }
                if (!isPlaceholder) textIds.Add(id);
            }
            // Placeholders of a movie that were cut off leave tokens that nobody places.
            if (sample is { IsMovie: true, Media: not null }) visual += (long)sample.Media.Frames * tokensPerFrame - sample.Text.Placeholders;
            sequences.Add(places);
            labels.Add(learnt);
            uses.AddRange(sample.Uses.Select(use => (use.Media, use.Question, sample.IsMovie)));
        }

        var length = sequences.Max(places => places.Count);
        var rows = new long[samples.Count * length];
        var (at, targets) = (new List<long>(), new List<long>());
        for (var b = 0; b < samples.Count; b++)
            for (var i = 0; i < sequences[b].Count; i++)
            {
                var place = sequences[b][i];
                rows[b * length + i] = place >= 0 ? place : textIds.Count + ~place;
                if (i == 0 || labels[b][i] == Encoded.Ignored) continue;
                at.Add((long)b * length + i - 1);
                targets.Add(labels[b][i]);
            }
        return new()
        {
            Sequences = samples.Count, Length = length, TextIds = textIds, Rows = rows, LearntAt = [.. at], Targets = [.. targets], Uses = uses,
        };
    }
}
