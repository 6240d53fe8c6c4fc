using LlamaVid.Server.Hosting;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Security;

/// <summary>Which right a route asks for, and who has it. One rule for all requests: what nobody has thought of asks for <see cref="Right.Generate"/>.</summary>
internal sealed class RightPolicy(EngineHost engine, KeyRing keys, IOptions<SecurityOptions> options) : AuthorizationHandler<RightPolicy.Requirement>
{
    public sealed record Requirement : IAuthorizationRequirement;

    /// <summary>The right that a route asks for; <see cref="Right.None"/> for any key.</summary>
    public sealed record Asked(Right Right);

    private Right AnonymousRights => options.Value.AllowAnonymous ? ~Right.Admin : ~Right.None;      // on loopback only the machine's own users call

    protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, Requirement requirement)
    {
        if (context.Resource is not HttpContext http) return Task.CompletedTask;
        if (options.Value.PublicDocumentation && IsDocumentation(http.Request.Path)) context.Succeed(requirement);
        if (context.User.Identity is { IsAuthenticated: true })
        {
            var (key, right) = (ClientIdentity.KeyOf(http), RightOf(http));
            var has = key is null && keys.IsEmpty ? AnonymousRights : key?.Rights ?? Right.None;
            if (has.HasFlag(right) && (right != Right.Generate || key?.MayAsk(engine.ModelName) != false))
                context.Succeed(requirement);
        }
        return Task.CompletedTask;
    }

    public static Exception Refusal(HttpContext context)
    {
        var (key, right) = (ClientIdentity.KeyOf(context), RightOf(context));
        return key is not null && key.Rights.HasFlag(right) ? new ModelNotAllowedException(key.Models) : new MissingRightException(ClientIdentity.Of(context), right);
    }

    private static bool IsDocumentation(PathString path) => path.StartsWithSegments("/swagger") || path.StartsWithSegments("/openapi");

    /// <summary>No route (404, pages) and no such method (405) ask for any key.</summary>
    private static Right RightOf(HttpContext context) =>
        context.GetEndpoint() is not RouteEndpoint route ? Right.None : route.Metadata.GetMetadata<Asked>()?.Right ?? Right.Generate;
}

internal static class RightPolicyRoutes
{
    /// <summary>The route asks for this right instead of <see cref="Right.Generate"/>.</summary>
    public static TBuilder RequireRight<TBuilder>(this TBuilder route, Right right) where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(new RightPolicy.Asked(right));

    /// <summary>Whoever has a key may use the route, whatever its rights.</summary>
    public static TBuilder AllowAnyKey<TBuilder>(this TBuilder route) where TBuilder : IEndpointConventionBuilder => route.RequireRight(Right.None);
}
