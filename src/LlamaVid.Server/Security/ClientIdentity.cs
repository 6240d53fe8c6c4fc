using System.Net;

namespace LlamaVid.Server.Security;

/// <summary>Who sent a request: the bearer of a key, or nobody in particular where there are no keys.</summary>
internal static class ClientIdentity
{
    public const string Anonymous = "anonymous";

    /// <summary>The name that owns what the caller makes, the same tomorrow and after a restart. Never a secret.</summary>
    public static string Of(HttpContext context) => KeyOf(context)?.Name ?? Anonymous;

    /// <summary>Whose share of the engine a request counts for: a key has one wherever it is used, callers without one have one for each address.</summary>
    public static string ShareOf(HttpContext context) =>
        KeyOf(context)?.Name ?? $"{Anonymous}@{NetworkOf(context)}";

    public static ApiKey? KeyOf(HttpContext context) => context.Features.Get<ApiKey>();

    public static void Set(HttpContext context, ApiKey? key) => context.Features.Set(key);

    /// <summary>The caller's address, or its network: an IPv6 caller has a whole /64 of addresses to choose from.</summary>
    public static IPAddress NetworkOf(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;     // none: a socket of this machine
        if (address.IsIPv4MappedToIPv6) return address.MapToIPv4();
        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6) return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new(bytes);
    }
}
