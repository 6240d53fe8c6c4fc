namespace LlamaVid.Server.Security;

/// <summary>Who sent a request: what it keeps on the server is its own.</summary>
internal static class ClientIdentity
{
    private const string Anonymous = "anonymous";

    public static string Of(HttpContext context) => Anonymous;
}
