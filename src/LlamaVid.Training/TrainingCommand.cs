using System.CommandLine;
using System.CommandLine.Invocation;
using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Training.Checkpoints;
using LlamaVid.Training.Data;
using LlamaVid.Training.Loop;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training;

/// <summary>The command line: words to orders, faults to one line and an exit code. Does no work itself.</summary>
internal static class TrainingCommand
{
    /// <summary>Time to save a run that is asked to stop: a state of a 7B model has 100 GB.</summary>
    private static readonly TimeSpan LongestFarewell = TimeSpan.FromMinutes(10);

    /// <returns>0; 1 for a fault that was said in one line; 130 when interrupted.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        var root = new RootCommand("Draws data for LLaMA-VID and trains on it.") { Prepare(output, error) };
        foreach (var command in Stages.StageCommands.All(output, error)) root.Add(command);
        var parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            await error.WriteLineAsync(OneLine(string.Join(' ', parsed.Errors.Select(fault => fault.Message)))).ConfigureAwait(false);
            return 1;
        }
        try
        {
            var invocation = new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = LongestFarewell };
            return await parsed.InvokeAsync(invocation, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        catch (Exception fault) when (OneLine(fault) is { } line)
        {
            await error.WriteLineAsync(line).ConfigureAwait(false);
            return 1;
        }
    }

    private static Command Prepare(TextWriter output, TextWriter error)
    {
        var folder = new Option<string>("--out") { Description = "New or empty folder for the data.", Required = true };
        var clips = Count("--clips", "Clips of 4 to 10 s.");
        clips.Required = true;
        var films = Count("--long", "Long films of 60 to 400 s.");
        var seed = new Option<long>("--seed") { Description = "The same seed and split give the same data.", Required = true };
        var split = new Option<string>("--split") { Description = "A name; other splits hold other videos.", DefaultValueFactory = _ => "train" };

        var command = new Command("prepare", "Draws videos of Shapes World with questions and answers (docs/shapes-world.md).")
        {
            folder, clips, films, seed, split,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var order = new PrepareOrder(
                Path.GetFullPath(parsed.GetRequiredValue(folder)), parsed.GetRequiredValue(clips), parsed.GetValue(films),
                parsed.GetRequiredValue(seed), parsed.GetRequiredValue(split));
            await Preparation.RunAsync(order, output, error, cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static Option<int> Count(string name, string description)
    {
        var option = new Option<int>(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, out var count) && count is not (>= 0 and <= 999_999))
                result.AddError($"{name} is {count}; it must be from 0 to 999999.");
        });
        return option;
    }

    private static string? OneLine(Exception fault) => fault switch
    {
        FolderNotEmptyException or EncodingFailedException or IOException or UnauthorizedAccessException or CheckpointException
            or DeviceUnavailableException or FfmpegNotFoundException or TemporaryFolderUnusableException or RunExistsException or RunMismatchException or DivergedException
            or DataFileException or SampleException or NoSamplesException or NotRepresentableException =>
            OneLine(fault.Message),
        _ => null,
    };

    private static string OneLine(string text) => string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries));
}
