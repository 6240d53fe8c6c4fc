using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using OpenAI;
using OpenAI.Chat;

namespace LlamaVid.Training.Evaluation;

/// <summary>Clients of models behind OpenAI's API. Knows no prompts.</summary>
internal static class Endpoints
{
    private const string NoKey = "none";                                    // servers that need no key still get one from the client
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    /// <exception cref="EvaluationFaultException">no model was named and the endpoint lists none</exception>
    public static async Task<ChatClient> ChatAsync(Endpoint endpoint, CancellationToken cancellationToken)
    {
        var client = new OpenAIClient(
            new ApiKeyCredential(endpoint.Key is { Length: > 0 } key ? key : NoKey),
            new OpenAIClientOptions { Endpoint = Base(endpoint.Url), NetworkTimeout = Timeout });
        return client.GetChatClient(endpoint.Model ?? await FirstModelAsync(client, endpoint.Url, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>What a request can fail with that is the endpoint's fault: refusals, broken connections, timeouts, and replies that are no JSON.</summary>
    public static bool IsFault(Exception fault, CancellationToken cancellationToken) => fault switch
    {
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        ClientResultException or AggregateException or IOException or HttpRequestException or JsonException or InvalidOperationException or FormatException
            or KeyNotFoundException or ArgumentException => true,
        _ => false,
    };

    /// <summary>An address without a path means the usual one.</summary>
    private static Uri Base(Uri url) => url.AbsolutePath == "/" ? new(url, "/v1") : url;

    private static async Task<string> FirstModelAsync(OpenAIClient client, Uri url, CancellationToken cancellationToken)
    {
        try
        {
            var models = await client.GetOpenAIModelClient().GetModelsAsync(cancellationToken).ConfigureAwait(false);
            return models.Value.FirstOrDefault()?.Id ?? throw new EvaluationFaultException(url.ToString(), "it lists no models; name one.");
        }
        catch (Exception fault) when (IsFault(fault, cancellationToken))
        {
            throw new EvaluationFaultException(url.ToString(), $"its models could not be listed: {fault.Message}", fault);
        }
    }
}
