using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Requests;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Features.Ask;

/// <summary><c>ask VIDEO "QUESTION"</c>: the engine in this process, the answer on one writer, the stages before it on another. No HTTP.</summary>
internal static class AskCommand
{
    private static readonly string[] Pictures = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"];

    public static async Task RunAsync(string[] args, TextWriter output, TextWriter notes, bool notesAreKept, CancellationToken cancellationToken)
    {
        if (args is not [var video, var question, .. var options] || video.StartsWith("--", StringComparison.Ordinal))
            throw new StartupException("Write: ask VIDEO \"QUESTION\" [--max_tokens 64] [--fps 1] [--Model:Path DIR].");

        var (fields, settings) = Split(options);
        var configuration = new ConfigurationManager();
        configuration.AddSettings(settings);
        Settings.RequireValid(configuration);
        await using var services = new ServiceCollection()
            .AddSingleton<IConfiguration>(configuration).AddLogging().AddMedia().AddEngine().AddRequests()
            .BuildServiceProvider();
        services.GetRequiredService<IStartupValidator>().Validate();
        var request = Request(services.GetRequiredService<RequestReader>(), video, question, fields);

        if (request.Generation.Choices > 1)
            throw new StartupException("The command line writes one answer; --n is for the server.");

        await notes.WriteLineAsync("loading the model");
        var engine = services.GetRequiredService<GenerationEngine>();
        await engine.StartAsync().WaitAsync(cancellationToken);
        await using var generation = engine.Submit(request.Generation);
        var progress = new ProgressLine(notes, notesAreKept);
        var text = new AnswerText();
        await foreach (var @event in generation.Events.WithCancellation(cancellationToken))
        {
            switch (@event)
            {
                case GenerationEvent.Progress step:
                    await progress.ShowAsync(step);
                    break;
                case GenerationEvent.Token token:
                    await progress.EndAsync();
                    await output.WriteAsync(text.Push(token.Text));
                    await output.FlushAsync(cancellationToken);
                    break;
                case GenerationEvent.Finished finished:
                    await output.WriteLineAsync(text.Push(finished.Text));
                    return;
                case GenerationEvent.Failed failed:
                    await progress.EndAsync();
                    throw failed.Error;
            }
        }
    }

    private static ChatRequest Request(RequestReader reader, string video, string question, JsonObject fields)
    {
        var draft = reader.NewDraft();
        var kind = Pictures.Contains(Path.GetExtension(video), StringComparer.OrdinalIgnoreCase) ? MediaKind.Image : MediaKind.Video;
        if (Uri.TryCreate(video, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp))
            draft.QuestionPart.Media = new(new MediaSource.Remote(url), kind, "VIDEO");
        else if (File.Exists(video))
            draft.QuestionPart.Media = new(new MediaSource.LocalFile(Path.GetFullPath(video)), kind, "VIDEO");
        else
            throw new StartupException($"There is no file '{video}'.");
        fields["question"] = question;
        RequestReader.Read(JsonSerializer.SerializeToUtf8Bytes(fields), AskFields.Json, draft);
        return reader.Finish(draft);
    }

    /// <summary>Names with a colon are the server's options, the others are fields of the request.</summary>
    private static (JsonObject Fields, string[] Settings) Split(string[] options)
    {
        var fields = new JsonObject();
        var settings = new List<string>();
        for (var i = 0; i < options.Length; i++)
        {
            var name = options[i].StartsWith("--", StringComparison.Ordinal) ? options[i][2..] : "";
            if (AskFields.Json.Find(name) is null)
            {
                settings.Add(options[i]);
                if (!options[i].Contains('=') && i + 1 < options.Length)
                    settings.Add(options[++i]);
            }
            else if (++i < options.Length)
                fields[name] = AskFields.FromText(name, options[i]);
            else
                throw new StartupException($"--{name} has no value.");
        }
        return (fields, [.. settings]);
    }
}

/// <summary>One line that says what is being done; written over where nobody keeps it, one line per stage elsewhere.</summary>
internal sealed class ProgressLine(TextWriter writer, bool isKept)
{
    private WorkStage? _stage;

    public async Task ShowAsync(GenerationEvent.Progress step)
    {
        var done = step.Total is { } total ? $"{step.Done}/{total}" : $"{step.Done}";
        var line = $"{step.Stage.ToString().ToLowerInvariant()} {done}";
        if (!isKept)
            await writer.WriteAsync($"\r\x1b[K{line}");
        else if (step.Stage != _stage || step.Done == step.Total)
            await writer.WriteLineAsync(line);
        _stage = step.Stage;
        await writer.FlushAsync();
    }

    /// <summary>Gives the line back before something else is written.</summary>
    public async Task EndAsync()
    {
        if (_stage is null)
            return;
        _stage = null;
        if (!isKept)
            await writer.WriteAsync("\r\x1b[K");
        await writer.FlushAsync();
    }
}
