using LlamaVid.Server.Composition;
using LlamaVid.Server.Features.Ask;

// LlamaVid.Server [--Section:Name VALUE]...                   serves
// LlamaVid.Server ask VIDEO "QUESTION" [--Section:Name VALUE] answers once on the command line
try
{
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
