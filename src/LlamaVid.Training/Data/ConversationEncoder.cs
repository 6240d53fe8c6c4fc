using LlamaVid.Model.Text;

namespace LlamaVid.Training.Data;

/// <summary>
/// Conversations to ids, labels and the text decoder's questions, exactly as the official preprocessing makes them. Knows no media beyond their
/// placeholders.
/// </summary>
internal sealed class ConversationEncoder(LlamaTokenizer tokenizer)
{
    private const string Mark = "<image>";

    private readonly Conversation _conversation = Conversation.Of(ConversationKind.ImgspV1);

    /// <summary>Stage 1 (<c>plain_guided</c>): the visual tokens and the caption; the request only conditions the context tokens.</summary>
    /// <exception cref="SampleFault">It is not one request with media and one caption.</exception>
    public Encoded Plain(Sample sample)
    {
        if (sample.Turns is not [var request, var caption])
            throw new SampleFault($"it has {sample.Turns.Count} turns; alignment takes one request and one caption.");
        if (sample.Media is null || !request.Text.Contains(Mark, StringComparison.Ordinal))
            throw new SampleFault($"alignment needs an image or video and {Mark} in the request.");
        if (caption.Text.Contains(Mark, StringComparison.Ordinal)) throw new SampleFault($"its caption holds {Mark}.");
        var ids = Encode(Mark + caption.Text + Conversation.Of(ConversationKind.Plain).AfterAssistant);
        var masked = Encode(Mark).Count;
        return new([.. ids], [.. ids.Select((id, i) => i < masked ? Encoded.Ignored : id)], [Question(request.Text)]);
    }

    /// <summary>Stage 2 (<c>imgsp_v1</c>): the answers of all turns, every human turn with the media again.</summary>
    /// <param name="isBehind">whether the placeholder that turn i gets by itself stands behind its text; officially a coin</param>
    /// <exception cref="SampleFault">Placeholders do not fit the media, or the labels cannot be placed.</exception>
    public Encoded Instruct(Sample sample, Func<int, bool> isBehind)
    {
        RequirePlaceholder(sample);
        var texts = sample.Turns.Select(turn => InFront(turn.Text)).ToArray();
        string[] questions = [.. texts.Where((_, i) => i % 2 == 0).Select(Question)];
        var isSeen = false;
        for (var i = 0; i < texts.Length; i++)
        {
            var has = texts[i].Contains(Mark, StringComparison.Ordinal);
            isSeen |= has;
            if (i % 2 == 0 && isSeen && !has) texts[i] = isBehind(i) ? $"{texts[i]}\n{Mark}" : $"{Mark}\n{texts[i]}";
        }
        return Masked(texts, questions);
    }

    /// <summary>Stage 3: the media of a one-question sample stand as one placeholder per visual token, with what is said in the movie between them.</summary>
    /// <param name="inputs">the movie's own text: one <c>&lt;image&gt;</c> per frame, each followed by its subtitles</param>
    /// <param name="tokensPerFrame">placeholders per frame</param>
    /// <exception cref="SampleFault">There is more than one question, or the labels cannot be placed.</exception>
    public Encoded Movie(Sample sample, string inputs, int tokensPerFrame)
    {
        RequirePlaceholder(sample);
        if (sample.Turns is not [var question, var answer])
            throw new SampleFault($"it has {sample.Turns.Count} turns; a movie takes one question and one answer.");
        inputs = inputs.Replace("...", "", StringComparison.Ordinal)
            .Replace(Mark, string.Concat(Enumerable.Repeat(Mark, tokensPerFrame)), StringComparison.Ordinal);
        string[] texts = [question.Text.Replace(Mark, inputs, StringComparison.Ordinal), answer.Text.Replace(Mark, inputs, StringComparison.Ordinal)];
        return Masked(texts, [Strip(Bare(question.Text).Replace(Mark, "", StringComparison.Ordinal))]);
    }

    /// <summary>tokenizer_image_token: every stretch between placeholders is tokenised alone and loses its beginning-of-sequence id.</summary>
    private List<int> Encode(string text)
    {
        var ids = new List<int>();
        foreach (var part in text.Split(Mark))
        {
            var encoded = tokenizer.Encode(part);
            var hasBos = encoded is [var first, ..] && first == tokenizer.BosId;
            if (ids.Count == 0)
            {
                ids.AddRange(encoded);
                continue;
            }
            ids.Add(Encoded.PlaceholderId);
            ids.AddRange(hasBos ? encoded.Skip(1) : encoded);
        }
        return ids;
    }

    /// <summary>Only answers and what ends them are learnt; the counts of a round's ids decide where they are.</summary>
    private Encoded Masked(string[] texts, string[] questions)
    {
        var text = _conversation.System + _conversation.AfterSystem + string.Concat(texts.Select((value, i) =>
        {
            var role = i % 2 == 0 ? ChatRole.User : ChatRole.Assistant;
            return _conversation.Before(role, value.Length == 0) + value + _conversation.After(role, value.Length == 0);
        }));
        var ids = Encode(text);
        int[] labels = [.. ids];
        labels[0] = Encoded.Ignored;
        var at = 1;
        var answer = $"{_conversation.AfterUser}{_conversation.Assistant}: ";
        foreach (var round in text.Split(_conversation.AfterAssistant))
        {
            if (round.Length == 0 || round.Split(answer) is not [var asked, _]) break;
            var (length, masked) = (Encode(round).Count, Encode(asked + answer).Count - 2);
            for (var i = at; i < Math.Min(at + masked, labels.Length); i++) labels[i] = Encoded.Ignored;
            at += length;
        }
        var total = ids.Count(id => id != 0);
        if (at != total)
            throw new SampleFault($"its labels cannot be placed: the rounds have {at} ids and the conversation {total}; "
                + $"a text holds \"{_conversation.AfterAssistant}\" or \"{answer.Trim()}\", or an answer is empty.");
        return new([.. ids], labels, questions);
    }

    private static void RequirePlaceholder(Sample sample)
    {
        var has = sample.Turns.Any(turn => turn.IsHuman && turn.Text.Contains(Mark, StringComparison.Ordinal));
        if (sample.Media is null && sample.Turns.Any(turn => turn.Text.Contains(Mark, StringComparison.Ordinal)))
            throw new SampleFault($"it has {Mark} and neither an image nor a video.");
        if (sample.Media is not null && !has) throw new SampleFault($"it has an image or video and no question with {Mark}.");
        if (sample.Turns.Any(turn => !turn.IsHuman && turn.Text.Contains(Mark, StringComparison.Ordinal))) throw new SampleFault($"an answer holds {Mark}.");
    }

    /// <summary>preprocess_multimodal: one placeholder, in front, on a line of its own.</summary>
    private static string InFront(string text) =>
        text.Contains(Mark, StringComparison.Ordinal) ? Strip($"{Mark}\n{Strip(text.Replace(Mark, "", StringComparison.Ordinal))}") : text;

    private static string Question(string text) =>
        text.Replace(Mark, "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal);

    /// <summary>Without the sentences that the movie script writes around a film: there the text decoder reads the question alone.</summary>
    private static string Bare(string text) =>
        text.Replace(PromptBuilder.MovieStart, "", StringComparison.Ordinal).Replace(PromptBuilder.MovieEnd, "", StringComparison.Ordinal);

    private static string Strip(string text) => PythonText.TrimStart(PythonText.TrimEnd(text));
}
