using LlamaVid.Training.Evaluation.Samples;

namespace LlamaVid.Training.Evaluation.Scoring;

/// <summary>What a judge is asked: the published criteria of the Video-ChatGPT evaluation, in this project's words.</summary>
/// <param name="Aspect">the criterion's name in reports</param>
/// <param name="NeedsMatch">the judge says yes or no as well as a score</param>
internal sealed record JudgeQuestion(string Aspect, string Task, bool NeedsMatch)
{
    private static readonly JudgeQuestion Match = new("match", """
        decide whether the given answer means the same as the right answer. Synonyms and other wordings of the same meaning count as a match;
        what matters is the meaning, not the form
        """, NeedsMatch: true);

    private static readonly JudgeQuestion[] Generic =
    [
        new("correctness", """
            grade how correct the facts of the given answer are. Nothing in it may contradict the right answer or be made up;
            synonyms and other wordings are fine
            """, NeedsMatch: false),
        new("detail", """
            grade how detailed the given answer is: whether it covers all main points of the right answer, and whether it names
            particulars of this video instead of generalities
            """, NeedsMatch: false),
        new("context", """
            grade how well the given answer fits the whole of what the video is about: its main themes and mood, without anything that does not belong there
            """, NeedsMatch: false),
    ];

    private static readonly JudgeQuestion Temporal = new("temporal", """
        grade how well the given answer keeps the order in which things happen in the video, as the right answer tells it.
        Other wordings are fine as long as the order is the same
        """, NeedsMatch: false);

    private static readonly JudgeQuestion Consistency = new("consistency", """
        grade how consistent the two given answers are. They answer two wordings of one question, so both must agree with the right answer and
        with each other, without contradiction or notable difference
        """, NeedsMatch: false);

    public string System =>
        $"You grade answers that a program gave to questions about videos. You see the question, the right answer and the given answer, and you {Task}.";

    private string Form => NeedsMatch
        ? """Reply with a dictionary and nothing else, in the form {'pred': 'yes', 'score': 4}: 'pred' is 'yes' or 'no', 'score' is a whole number from 0 to 5, 5 being best."""
        : """Reply with a dictionary and nothing else, in the form {'score': 4}: a whole number from 0 to 5, 5 being best.""";

    public static IReadOnlyList<JudgeQuestion> About(Sample sample) => sample.Type switch
    {
        _ when sample.Twin is not null => [Consistency],
        VideoChatGptFiles.Generic => Generic,
        VideoChatGptFiles.Temporal => [Temporal],
        _ => [Match],
    };

    public string Ask(Sample sample, IReadOnlyList<string> answers) => sample.Twin is null
        ? $"Question: {sample.Question}\nRight answer: {sample.Answer}\nGiven answer: {answers[0]}\n\n{Form}"
        : $"Question: {sample.Question}\nThe same in other words: {sample.Twin}\nRight answer: {sample.Answer}\n"
            + $"Given answer to the question: {answers[0]}\nGiven answer to the other wording: {answers[1]}\n\n{Form}";
}
