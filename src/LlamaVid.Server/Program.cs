using LlamaVid.Server.Composition;
using LlamaVid.Server.Features.Ask;
using LlamaVid.Server.Security;

const string Usage = """
    LlamaVid.Server --Model:Path DIR [--urls http://127.0.0.1:8080] [--Section:Name VALUE]...
        serves; every option is in appsettings.json with its default
    LlamaVid.Server ask VIDEO "QUESTION" --Model:Path DIR [--max_tokens 64] [--fps 1] [--Section:Name VALUE]...
        answers once on the command line
    LlamaVid.Server key NAME
        makes an API key and writes what the server is to know of it
    """;
try
{
    if (args.Any(arg => arg is "--help" or "-h"))
    {
        Console.WriteLine(Usage);
        return 0;
    }
    if (args is ["ask", .. var rest])
    {
        using var interrupted = new CancellationTokenSource();
        Console.CancelKeyPress += (_, press) =>
        {
            press.Cancel = true;
            interrupted.Cancel();
        };
        await AskCommand.RunAsync(rest, Console.Out, Console.Error, Console.IsErrorRedirected, interrupted.Token);
        return 0;
    }
    if (args is ["key", .. var names])
    {
        KeyCommand.Run(names, Console.Out, Console.Error);
        return 0;
    }

    await using var app = LlamaVidApp.Build(args);
    await app.RunToEndAsync();
    return 0;
}
catch (OperationCanceledException)
{
    return 130;
}
catch (Exception fault) when (StartupFault.Describe(fault) is { } line)
{
    await Console.Error.WriteLineAsync(line);
    return 1;
}
