using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Files;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Composition;

/// <summary>The process cannot start as it was asked to. The message is the one line that its user sees.</summary>
public sealed class StartupException(string message) : Exception(message);

/// <summary>Says in one line why the process does not start; null for what is a bug and deserves its stack trace.</summary>
internal static class StartupFault
{
    public static string? Describe(Exception fault) => fault switch
    {
        StartupException or CheckpointException or DeviceUnavailableException or TooManyDevicesException or FfmpegNotFoundException or TemporaryFolderUnusableException
            or IsolationUnavailableException or FeatureStoreUnusableException or FileStoreUnusableException => OneLine(fault.Message),
        OptionsValidationException e => OneLine(string.Join("; ", e.Failures)),
        AggregateException e when e.InnerExceptions.Select(Describe).ToArray() is var lines && lines.All(line => line is not null) => string.Join("; ", lines),
        IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException } =>
            OneLine($"{fault.Message} Stop the other program or choose another address with --urls."),
        InvalidOperationException { Message: var message } when message.StartsWith("Unable to configure HTTPS endpoint", StringComparison.Ordinal) =>
            "https needs a certificate (Kestrel:Certificates:Default:Path and :Password). Configure one, or listen on http and put a proxy with TLS in front.",
        IOException or System.Net.Sockets.SocketException => OneLine(fault.Message),
        _ when ErrorMap.Map(fault, requestId: "") is { Status: not 500, Error.Message: var message } => OneLine(message),
        _ => null,
    };

    private static string OneLine(string text) =>
        string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
