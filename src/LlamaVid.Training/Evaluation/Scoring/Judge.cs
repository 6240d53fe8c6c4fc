using System.ClientModel;
using LlamaVid.Training.Evaluation.Samples;
using OpenAI.Chat;

namespace LlamaVid.Training.Evaluation.Scoring;

/// <summary>Another model that grades answers, behind OpenAI's API. A verdict that cannot be read is asked for again, then it is a fault.</summary>
internal sealed class Judge(ChatClient client)
{
    private const int Attempts = 3, ShownReply = 80;

    /// <summary>All verdicts on one sample, by aspect.</summary>
    /// <exception cref="EvaluationFaultException">the endpoint failed, or its replies are no verdicts</exception>
    public async Task<IReadOnlyDictionary<string, Verdict>> JudgeAsync(Sample sample, IReadOnlyList<string> answers, CancellationToken cancellationToken)
    {
        var verdicts = new Dictionary<string, Verdict>();
        foreach (var question in JudgeQuestion.About(sample))
            verdicts[question.Aspect] = await AskAsync(sample, question, question.Ask(sample, answers), cancellationToken).ConfigureAwait(false);
        return verdicts;
    }

    private async Task<Verdict> AskAsync(Sample sample, JudgeQuestion question, string asked, CancellationToken cancellationToken)
    {
        var reply = "";
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            reply = await ReplyAsync(sample, question, asked, cancellationToken).ConfigureAwait(false);
            if (Verdict.Parse(reply, question.NeedsMatch) is { } verdict) return verdict;
        }
        throw new EvaluationFaultException(sample.Place,
            $"the judge's reply on {question.Aspect} is no verdict, {Attempts} times: '{(reply.Length > ShownReply ? reply[..ShownReply] + "…" : reply)}'.");
    }

    private async Task<string> ReplyAsync(Sample sample, JudgeQuestion question, string asked, CancellationToken cancellationToken)
    {
        try
        {
            ChatCompletion reply = await client.CompleteChatAsync(
                [new SystemChatMessage(question.System), new UserChatMessage(asked)], cancellationToken: cancellationToken).ConfigureAwait(false);
            return string.Concat(reply.Content.Select(part => part.Text));
        }
        catch (Exception fault) when (Endpoints.IsFault(fault, cancellationToken))
        {
            throw new EvaluationFaultException(sample.Place, $"the judge failed: {fault.Message}", fault);
        }
    }
}
