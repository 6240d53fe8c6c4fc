using LlamaVid.Server.Security;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Composition;

[OptionsValidator]
internal sealed partial class SecurityOptionsValidator : IValidateOptions<SecurityOptions>;

/// <summary>Who may do what, and how much of it. Covers every request, known route or not; a route can only ask for another right.</summary>
internal static class SecurityModule
{
    public static IServiceCollection AddSecurity(this IServiceCollection services)
    {
        services.AddOptionsWithValidateOnStart<SecurityOptions, SecurityOptionsValidator>().BindConfiguration(SecurityOptions.Section);
        services.AddSingleton(provider => new KeyRing(
            provider.GetRequiredService<IOptions<SecurityOptions>>().Value, provider.GetRequiredService<ILogger<KeyRing>>()));
        services.AddSingleton(provider => new WrongKeys(
            provider.GetRequiredService<IOptions<SecurityOptions>>().Value.WrongKeysPerMinute, provider.GetRequiredService<TimeProvider>()));
        // The core alone: the rest would make a key ring on disk, for cookies that nobody has.
        services.AddWebEncoders().AddAuthenticationCore(options => options.DefaultScheme = ApiKeyHandler.SchemeName);
        new AuthenticationBuilder(services).AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, null);
        services.AddSingleton<IAuthorizationHandler, RightPolicy>();
        services.AddAuthorizationBuilder().SetFallbackPolicy(new AuthorizationPolicyBuilder().AddRequirements(new RightPolicy.Requirement()).Build());
        return services.AddCors().AddRateLimiter(ClientLimits.Configure);
    }

    public static void UseSecurity(this WebApplication app)
    {
        app.Services.GetRequiredService<KeyRing>();                // a keys file that cannot be read ends the start
        var options = app.Services.GetRequiredService<IOptions<SecurityOptions>>().Value;
        if (options.TrustedProxies.Count > 0) app.UseForwardedHeaders(RequestGuards.Proxies(options));
        app.Use(RequestGuards.AddHeadersAsync);
        app.Use(RequestGuards.RefuseCompressedBodies);
        app.UseMiddleware<BrowserGuard>();
        if (options.CorsOrigins.Count > 0)
            app.UseCors(cors => cors.WithOrigins([.. options.CorsOrigins]).AllowAnyHeader().AllowAnyMethod().WithExposedHeaders("x-request-id", "Retry-After"));
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseRateLimiter();
    }
}
