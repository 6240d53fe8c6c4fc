using System.CommandLine;
using LlamaVid.Model;

namespace LlamaVid.Training.Evaluation;

/// <summary>The words of <c>evaluate</c> and the order they make. Does no work itself.</summary>
internal static class EvaluateCommand
{
    public const string ServerKey = "LLAMAVID_API_KEY", JudgeKey = "OPENAI_API_KEY";

    private static readonly Dictionary<string, AnnotationFormat> Formats = new()
    {
        ["questions"] = AnnotationFormat.Questions,
        ["msvd"] = AnnotationFormat.Msvd,
        ["msrvtt"] = AnnotationFormat.Msrvtt,
        ["activitynet"] = AnnotationFormat.ActivityNet,
        ["video-chatgpt"] = AnnotationFormat.VideoChatGpt,
    };

    public static Command Create(TextWriter output, TextWriter error)
    {
        var model = new Option<string?>("--model") { Description = "The checkpoint that answers: a folder in the official layout." };
        var server = new Option<string?>("--server") { Description = $"Or a server that answers, for example http://127.0.0.1:8080. Its key, if any: {ServerKey}." };
        var serverModel = new Option<string?>("--server-model") { Description = "The server's model; the first that it lists when left out." };
        var dtype = new Option<ModelDtype>("--dtype") { Description = "Of the model; auto as the server chooses.", DefaultValueFactory = _ => ModelDtype.Auto };
        var quantization = new Option<Quantization>("--quantization") { Description = "Bits of its linear layers' weights.", DefaultValueFactory = _ => Quantization.None };
        var data = new Option<string>("--data") 
        {
            Description = "The folder of the videos, with questions.jsonl unless --annotations names files.", Required = true,
        };
        var format = new Option<string>("--format") { Description = "What the annotations are.", DefaultValueFactory = _ => "questions" }
            .AcceptOnlyFromAmong([.. Formats.Keys]);
        var annotations = new Option<string[]>("--annotations") { Description = "The annotation files.", AllowMultipleArgumentsPerToken = true };
        var judge = new Option<string?>("--judge-url") { Description = $"A model behind OpenAI's API that grades answers. Its key: {JudgeKey}." };
        var judgeModel = new Option<string?>("--judge-model") { Description = "The judge's model; the first that it lists when left out." };
        var limit = Positive("--limit", "Only the first so many videos.");
        var maxTokens = Positive("--max-tokens", "Longest answer, in tokens.");
        var onError = new Option<string>("--on-error") 
        {
            Description = "What a broken sample does: stop, or skip it and count it.", DefaultValueFactory = _ => "stop",
        }.AcceptOnlyFromAmong("stop", "skip");
        var ablation = new Option<bool>("--ablation") { Description = "Also without the context token, with 1, 4 and 16 content tokens, shuffled questions, and few frames." };
        var seed = new Option<long>("--seed") { Description = "Which other question conditions the context token when questions are shuffled." };
        var json = new Option<bool>("--json") { Description = "The last line of the output is one line of JSON." };
        var plot = new Option<string?>("--plot") { Description = "An SVG file for accuracy by type; further plots go beside it." };
        var answers = new Option<string?>("--answers") { Description = "A file for a line of JSON per question with the answer that was given." };

        var command = new Command("evaluate", "Asks a model every question about a folder of videos and scores the answers (docs/evaluation.md).")
        {
            model, server, serverModel, dtype, quantization, data, format, annotations, judge, judgeModel, limit, maxTokens, onError, ablation, seed, json, plot, answers,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(model) is null == result.GetValue(server) is null) result.AddError("Name either --model or --server.");
            if (result.GetValue(ablation) && result.GetValue(server) is not null)
                result.AddError("--ablation changes tokens inside the model; it needs --model.");
            if (result.GetResult(format)?.Tokens is [{ Value: "video-chatgpt" }] && result.GetValue(judge) is null)
                result.AddError("video-chatgpt has free answers, which only a judge can score; name --judge-url.");
            foreach (var url in new[] { result.GetValue(server), result.GetValue(judge) })
                if (url is not null && !IsAddress(url)) result.AddError($"'{url}' is not an address; write http://HOST:PORT or https://HOST.");
        });
        command.SetAction((parsed, cancellationToken) => EvaluationRun.RunAsync(
            new(
                Path.GetFullPath(parsed.GetRequiredValue(data)), Formats[parsed.GetRequiredValue(format)], parsed.GetValue(annotations) ?? [],
                parsed.GetValue(limit),
                parsed.GetValue(maxTokens) ?? DefaultMaxTokens, parsed.GetValue(onError) == "skip" ? OnError.Skip : OnError.Stop)
            {
                Model = parsed.GetValue(model) is { } folder
                    ? new() { Path = folder, Dtype = parsed.GetValue(dtype), Quantization = parsed.GetValue(quantization) }
                    : null,
                Server = At(parsed.GetValue(server), parsed.GetValue(serverModel), ServerKey),
                Judge = At(parsed.GetValue(judge), parsed.GetValue(judgeModel), JudgeKey),
                Ablation = parsed.GetValue(ablation),
                Seed = parsed.GetValue(seed),
                Json = parsed.GetValue(json),
                Plot = parsed.GetValue(plot),
                Answers = parsed.GetValue(answers),
            },
            output, error, cancellationToken));
        return command;
    }

    private const int DefaultMaxTokens = 512;                               // as the server's own default

    private static Endpoint? At(string? url, string? model, string keyVariable) =>
        url is null ? null : new(new(url), model, Environment.GetEnvironmentVariable(keyVariable));

    private static bool IsAddress(string url) => Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);

    private static Option<int?> Positive(string name, string description)
    {
        var option = new Option<int?>(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out var count) && count < 1)
                result.AddError($"{name} is {count}; it must be 1 or more.");
        });
        return option;
    }
}
