using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using LlamaVid.Model;
using LlamaVid.Training.Evaluation.Answering;
using LlamaVid.Training.Evaluation.Reports;
using LlamaVid.Training.Evaluation.Samples;
using LlamaVid.Training.Evaluation.Scoring;

namespace LlamaVid.Training.Evaluation;

/// <summary>One evaluation from its files to its report. Knows the order of work only.</summary>
internal static class EvaluationRun
{
    private const int JudgedAtOnce = 4;
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="EvaluationFaultException">a fault, where the run is to stop at one, or nothing can be scored</exception>
    public static async Task RunAsync(EvaluateOrder order, TextWriter output, TextWriter notes, CancellationToken cancellationToken)
    {
        var faults = new Faults(order.OnError, notes);
        var samples = SampleReader.Read(order, faults);
        var truth = DrawnTruth.Read(order.Data, samples);
        var (answerer, variants) = await AnswererAsync(order, cancellationToken).ConfigureAwait(false);
        using (answerer)
        {
            var started = Stopwatch.GetTimestamp();
            var answers = await new Asking(answerer, samples, variants, order.Seed, faults, notes).RunAsync(cancellationToken).ConfigureAwait(false);
            var perQuestion = Stopwatch.GetElapsedTime(started).TotalSeconds / samples.Count / variants.Count;
            if (order.Judge is { } judge) await JudgeAsync(judge, answers, faults, cancellationToken).ConfigureAwait(false);

            var report = Report.Of(variants, answers, truth, order.Format == AnnotationFormat.Questions, faults.Count, perQuestion);
            if (order.Answers is { } file) await WriteAnswersAsync(file, answers, cancellationToken).ConfigureAwait(false);
            if (report.Plain.Overall.Count == 0) throw new EvaluationFaultException(order.Data, $"no question has a score; {faults.Count} were skipped.");
            ReportTable.Write(report, output);
            if (order.Plot is { } plot)
                foreach (var written in ReportPlots.Write(report, plot)) await output.WriteLineAsync($"plot: {written}").ConfigureAwait(false);
            if (order.Json) await output.WriteLineAsync(ReportJson.Line(report)).ConfigureAwait(false);
        }
    }

    private static async Task<(IAnswerer, IReadOnlyList<Variant>)> AnswererAsync(EvaluateOrder order, CancellationToken cancellationToken)
    {
        if (order.Server is { } server)
            return (new ServerAnswerer(await Endpoints.ChatAsync(server, cancellationToken).ConfigureAwait(false), order.MaxTokens), [Variant.Plain]);
        var model = LlamaVidModel.Load(order.Model!);
        var answerer = new LocalAnswerer(model, order.MaxTokens);
        return (answerer, order.Ablation ? [Variant.Plain, .. Ablation.Of(model)] : [Variant.Plain]);
    }

    /// <summary>Puts verdicts to the plain answers; one that the judge has no verdict on loses its score and is counted.</summary>
    private static async Task JudgeAsync(Endpoint endpoint, ScoredAnswer[,] answers, Faults faults, CancellationToken cancellationToken)
    {
        var judge = new Judge(await Endpoints.ChatAsync(endpoint, cancellationToken).ConfigureAwait(false));
        var options = new ParallelOptions { MaxDegreeOfParallelism = JudgedAtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(Enumerable.Range(0, answers.GetLength(1)), options, async (index, token) =>
        {
            var answer = answers[0, index];
            if (!answer.IsScored) return;
            try
            {
                answers[0, index] = answer with { Verdicts = await judge.JudgeAsync(answer.Sample, answer.Replies, token).ConfigureAwait(false) };
            }
            catch (EvaluationFaultException fault)
            {
                faults.Report(fault);
                answers[0, index] = answer with { Fault = fault.Problem };
            }
        }).ConfigureAwait(false);
    }

    /// <summary>A line per question with what was answered to it as it is, for looking at mistakes.</summary>
    private static async Task WriteAnswersAsync(string file, ScoredAnswer[,] answers, CancellationToken cancellationToken)
    {
        var lines = Enumerable.Range(0, answers.GetLength(1)).Select(index => answers[0, index]).Select(answer => JsonSerializer.Serialize(
            new
            {
                video = Path.GetFileName(answer.Sample.Video),
                type = answer.Sample.Type,
                question = answer.Sample.Question,
                answer = answer.Sample.Answer,
                pred = answer.Replies,
                right = answer.IsScored ? (bool?)answer.IsRight : null,
                fault = answer.Fault,
            }, Relaxed));
        await File.WriteAllLinesAsync(file, lines, cancellationToken).ConfigureAwait(false);
    }
}
