using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Errors;

/// <summary>The request names a model that is not served here.</summary>
public sealed class ModelNotFoundException(string model, string served)
    : Exception($"The model '{InvalidRequestException.Shortened(model)}' does not exist; '{served}' is served.");

/// <summary>The body is compressed.</summary>
public sealed class CompressedBodyException(string encoding)
    : Exception($"The body is sent with Content-Encoding '{InvalidRequestException.Shortened(encoding)}'; bodies are read as they are. Send it uncompressed.");

/// <summary>Bodies of other requests take all the memory there is for bodies.</summary>
public sealed class BodiesOverloadedException(long limit)
    : Exception($"Bodies of other requests take the {limit} bytes that there are for them (Server:MaxBufferedBytes). Try again later, or send the video as a form or by its address.");

/// <summary>A page of another site sent this through somebody's browser.</summary>
public sealed class ForeignOriginException(string origin)
    : Exception($"The request comes from a page of '{InvalidRequestException.Shortened(origin)}', which may not use this server. Its operator can allow it (Security:CorsOrigins).");

/// <summary>The server was addressed by a name that is not this machine's.</summary>
public sealed class ForeignHostException(string host)
    : Exception($"This server has no keys and answers to localhost only, not to '{InvalidRequestException.Shortened(host)}'. Its operator can make a key, or set Security:AllowAnonymous.");

/// <summary>Every worker has failed at this moment; they begin anew, or the process is about to end.</summary>
public sealed class NoWorkerException(int workers)
    : Exception($"None of the {workers} workers takes requests at this moment; those that failed begin anew. Try again in a moment, or another server.");

/// <summary>The body is of a type that the route does not read.</summary>
public sealed class UnsupportedContentTypeException(string? contentType, string supported)
    : Exception($"The content type is {(string.IsNullOrEmpty(contentType) ? "missing" : $"'{InvalidRequestException.Shortened(contentType)}'")}; send {supported}.");
