using System.ComponentModel;
using System.Text.Json.Serialization;

namespace LlamaVid.Server.Errors;

/// <summary>OpenAI's error object: <c>{"error":{"message","type","param","code"}}</c>.</summary>
internal sealed record ErrorResponse(Error Error);

internal sealed record Error(
    [property: Description("What was wrong, the limit, and what to do.")] string Message,
    [property: Description("The family: invalid_request_error, authentication_error, not_found_error, timeout_error, rate_limit_error, server_error.")] string Type,
    [property: Description("The JSON path of the field at fault."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    [property: Description("The exact fault, for programs."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Code);
