using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Errors;

/// <summary>The request names a model that is not served here.</summary>
public sealed class ModelNotFoundException(string model, string served)
    : Exception($"The model '{InvalidRequestException.Shortened(model)}' does not exist; '{served}' is served.");

/// <summary>The body is of a type that the route does not read.</summary>
public sealed class UnsupportedContentTypeException(string? contentType, string supported)
    : Exception($"The content type is {(string.IsNullOrEmpty(contentType) ? "missing" : $"'{InvalidRequestException.Shortened(contentType)}'")}; send {supported}.");
