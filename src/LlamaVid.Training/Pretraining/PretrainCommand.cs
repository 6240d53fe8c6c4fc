using System.CommandLine;

namespace LlamaVid.Training.Pretraining;

/// <summary>The command <c>pretrain</c>: options to an order.</summary>
internal static class PretrainCommand
{
    public static Command Create(TextWriter output, TextWriter error)
    {
        var defaults = new PretrainOrder("");
        var folder = new Option<string>("--out") { Description = "Folder for the checkpoint; its folder run holds state and log of each part.", Required = true };
        var tower = Steps("--tower-steps", "Steps of the vision tower.", defaults.TowerSteps);
        var text = Steps("--text-steps", "Steps of the text decoder.", defaults.TextSteps);
        var language = Steps("--language-steps", "Steps of the language model.", defaults.LanguageSteps);
        var content = Steps("--content-steps", "Steps of the content projector.", defaults.ContentSteps);
        var seed = new Option<long>("--seed") { Description = "Decides every weight and every lesson.", DefaultValueFactory = _ => defaults.Seed };
        var resume = new Option<bool>("--resume") { Description = "Continue what the folder holds." };
        var only = new Option<string?>("--only")
        {
            Description = "Train this part and nothing else, in a folder that a run without it finishes with --resume. The text decoder needs the finished tower; the language model needs nothing.",
        };
        only.AcceptOnlyFromAmong(PretrainRun.Tower, PretrainRun.TextDecoder, PretrainRun.Language);
        var command = new Command("pretrain", "Makes tokenizers, vision tower, text decoder and language model of the default model, from which align starts.")
        {
            folder, tower, text, language, content, seed, resume, only,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var order = new PretrainOrder(Path.GetFullPath(parsed.GetRequiredValue(folder)))
            {
                TowerSteps = parsed.GetValue(tower), TextSteps = parsed.GetValue(text), LanguageSteps = parsed.GetValue(language), ContentSteps = parsed.GetValue(content),
                Seed = parsed.GetValue(seed), Resume = parsed.GetValue(resume), Only = parsed.GetValue(only),
            };
            PretrainRun.Run(order, error, cancellationToken);
            await output.WriteLineAsync(order.Only is { } part ? $"{order.Out}: {part}" : $"{order.Out}: tower, text decoder and language model; align comes next").ConfigureAwait(false);
        });
        return command;
    }

    private static Option<long> Steps(string name, string description, long steps)
    {
        var option = new Option<long>(name) { Description = $"{description} Default: {steps}.", DefaultValueFactory = _ => steps };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && long.TryParse(text, out var count) && count is not (>= 1 and <= 1_000_000_000))
                result.AddError($"{name} is {count}; it must be from 1 to 1000000000.");
        });
        return option;
    }
}
