using System.CommandLine;
using System.Text.Json.Nodes;
using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>The words of <c>accuracy</c>: how far each precision is from float32 on any checkpoint.</summary>
internal static class AccuracyCommand
{
    public static Command Create()
    {
        var model = new Option<string>("--model") { Description = "The checkpoint; the embedded model when left out.", DefaultValueFactory = _ => ProjectFiles.DefaultModel };
        var precisions = new Option<string>("--precisions") { Description = "Compared with float32.", DefaultValueFactory = _ => "bf16,int8,int4" };
        var prompts = new Option<int>("--prompts") { Description = "Different prompts.", DefaultValueFactory = _ => 32 };
        var tokens = new Option<int>("--tokens") { Description = "Greedy tokens after each.", DefaultValueFactory = _ => 32 };
        var file = new Option<string?>("--out") { Description = "A file for the document." };
        var command = new Command("accuracy", "Compares each precision with float32: error of the logits, and greedy tokens.") { model, precisions, prompts, tokens, file };
        command.SetAction(parsed =>
        {
            var machine = Machine.Here();
            var (folder, most, length) = (parsed.GetRequiredValue(model), parsed.GetValue(prompts), parsed.GetValue(tokens));
            var table = new Table(("precision", 12), ("logit error", 12), ("top-1", 8), ("greedy", 8), ("whole", 8));
            var exact = Accuracy.Run(folder, Precision.Of("f32"), most, length);
            var results = new JsonObject();
            foreach (var precision in parsed.GetRequiredValue(precisions).Split(',').Select(Precision.Of))
            {
                var accuracy = Accuracy.Of(exact, Accuracy.Run(folder, precision, most, length));
                results[precision.Name] = Report.Json(accuracy);
                table.Row(precision.Name, accuracy.LogitError, accuracy.Top1, accuracy.GreedyTokens, accuracy.GreedyAnswers);
            }
            Report.End("accuracy", machine, new { Model = Path.GetFileName(folder), Prompts = most, Tokens = length }, new() { ["accuracy"] = results }, parsed.GetValue(file));
        });
        return command;
    }
}
