using System.Globalization;
using System.Security.Claims;
using System.Text.Encodings.Web;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Requests;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Security;

/// <summary>Finds out whose key a request carries. Decides nothing about what it may do.</summary>
/// <remarks>
/// <c>Authorization: Bearer KEY</c>, or <c>x-api-key</c> or <c>api-key</c>, which some clients cannot change. Never the address, which ends in logs, and never what a browser
/// sends by itself. Where there are no keys, everybody is known as anonymous and a key is not looked at.
/// </remarks>
internal sealed class ApiKeyHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, KeyRing keys, WrongKeys wrong)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "ApiKey";

    private const int LongestKey = 512;

    private static readonly string[] OtherHeaders = ["x-api-key", "api-key"];

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (keys.IsEmpty) return Task.FromResult(Known(null));
        return Task.FromResult(Presented() switch
        {
            null => AuthenticateResult.NoResult(),
            { Length: > LongestKey } => AuthenticateResult.Fail("too long"),
            var presented => keys.Find(presented) is { } key ? Known(key) : AuthenticateResult.Fail("unknown"),
        });
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var wasGiven = (await HandleAuthenticateOnceAsync()).Failure is not null;
        if (wasGiven && wrong.Book(ClientIdentity.NetworkOf(Context)) is { } wait)
        {
            Response.Headers.RetryAfter = Math.Max(1, Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            await WriteAsync(new TooManyWrongKeysException());
            return;
        }
        Response.Headers.WWWAuthenticate = "Bearer";
        await WriteAsync(new InvalidApiKeyException(wasGiven));
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => WriteAsync(RightPolicy.Refusal(Context));

    private AuthenticateResult Known(ApiKey? key)
    {
        ClientIdentity.Set(Context, key);
        var identity = new ClaimsIdentity([new(ClaimTypes.Name, ClientIdentity.Of(Context))], SchemeName);
        return AuthenticateResult.Success(new(new ClaimsPrincipal(identity), SchemeName));
    }

    private string? Presented()
    {
        var bearer = Request.Headers.Authorization.ToString();
        if (bearer.Length > 0) return bearer.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? bearer["Bearer ".Length..].Trim() : bearer;
        return OtherHeaders.Select(name => Request.Headers[name].ToString()).FirstOrDefault(value => value.Length > 0);
    }

    private Task WriteAsync(Exception refusal)
    {
        var (status, error) = ErrorMap.Map(refusal, RequestIds.Of(Context));
        return OpenAiExceptionHandler.WriteAsync(Context, status, error, Context.RequestAborted);
    }
}
