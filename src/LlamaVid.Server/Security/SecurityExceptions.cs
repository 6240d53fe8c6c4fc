namespace LlamaVid.Server.Security;

/// <summary>The request carries no key that is known here. Nothing of what it carried is repeated.</summary>
public sealed class InvalidApiKeyException(bool wasGiven)
    : Exception($"{(wasGiven ? "The API key is not known here" : "This server asks for an API key")}. Send 'Authorization: Bearer KEY' with a key from the server's operator.");

/// <summary>From where this comes too many keys have come that are not known here. Right ones are taken all the same.</summary>
public sealed class TooManyWrongKeysException()
    : Exception("Too many API keys that are not known here have come from this address (Security:WrongKeysPerMinute). Send a key from the server's operator, or try again after the time that Retry-After names.");

/// <summary>The key is known but may not do this.</summary>
public sealed class MissingRightException(string client, Right right)
    : Exception($"The key '{client}' lacks the right '{right.ToString().ToLowerInvariant()}' that this route asks for. Use another key, or ask the server's operator for the right (Rights).");

/// <summary>The key is known but may not ask the model that is served.</summary>
public sealed class ModelNotAllowedException(IEnumerable<string> models)
    : Exception($"This key may ask {string.Join(", ", models)} only, and another model is served here. Use another key, or ask the server's operator for the model (Models).");

/// <summary>A key has used up what it may send.</summary>
public sealed class ClientLimitException : Exception
{
    private ClientLimitException(string message) : base(message) { }

    public static ClientLimitException OfPace(int limit) =>
        new($"This key has sent its {limit} requests per minute (RequestsPerMinute). Try again after the time that Retry-After names.");

    public static ClientLimitException OfConcurrency(int limit) =>
        new($"{limit} requests of this key are being answered, and that is its limit (MaxConcurrent). Wait for one of them to end.");
}
