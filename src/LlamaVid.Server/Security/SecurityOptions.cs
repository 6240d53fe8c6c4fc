using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Security;

/// <summary>What a key may do. A route that names no right asks for <see cref="Generate"/>.</summary>
[Flags]
public enum Right
{
    None = 0,

    /// <summary>Ask questions, and everything that leads to answers.</summary>
    Generate = 1,

    /// <summary>Upload, list, read and delete files of its own.</summary>
    Files = 2,

    /// <summary>Read the metrics.</summary>
    Metrics = 4,

    /// <summary>Change how the server runs.</summary>
    Admin = 8,
}

/// <summary>Who may use the server. Without keys whoever reaches the port may.</summary>
public sealed class SecurityOptions : IValidatableObject
{
    public const string Section = "Security";

    /// <summary>Must be true to listen on anything but loopback without keys. Where there are keys it changes nothing.</summary>
    public bool AllowAnonymous { get; set; }

    /// <summary>Keys that stay until the process ends.</summary>
    [ValidateEnumeratedItems]
    public IList<KeyOptions> Keys { get; set; } = [];

    /// <summary>A JSON file <c>{"Keys": […]}</c> with more of them, read again whenever it changes.</summary>
    public string KeysFile { get; set; } = "";

    /// <summary>Wrong keys that one address may present before it is answered 429 instead of 401; right keys are taken all the same. 0 for no limit.</summary>
    [Range(0, 1_000_000)]
    public int WrongKeysPerMinute { get; set; } = 60;

    /// <summary>Whether the documentation can be read without a key, so that a browser can open <c>/swagger</c>.</summary>
    public bool PublicDocumentation { get; set; }

    /// <summary>Sites whose pages may use the server, as in <c>https://app.example</c>; <c>*</c> for all.</summary>
    public IList<string> CorsOrigins { get; set; } = [];

    /// <summary>Addresses or networks of proxies whose <c>X-Forwarded-For</c> is believed.</summary>
    public IList<string> TrustedProxies { get; set; } = [];

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var fault in KeyOptions.Faults(Keys)) yield return new(fault);
        foreach (var origin in CorsOrigins)
            if (origin != "*" && !(Uri.TryCreate(origin, UriKind.Absolute, out var site) && site.GetLeftPart(UriPartial.Authority) == origin))
                yield return new($"{Section}:CorsOrigins has '{origin}'; write https://app.example, without a path, or * for all sites.", [nameof(CorsOrigins)]);
        foreach (var proxy in TrustedProxies)
            if (NetworkOf(proxy) is null)
                yield return new($"{Section}:TrustedProxies has '{proxy}'; write an address or a network, as in 10.0.0.7 or 10.0.0.0/24.", [nameof(TrustedProxies)]);
    }

    internal static IPNetwork? NetworkOf(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new(address, address.GetAddressBytes().Length * 8) : null;
}

/// <summary>One key, as <c>LlamaVid.Server key NAME</c> writes it.</summary>
public sealed class KeyOptions
{
    /// <summary>Stands for the key in the log, and owns its files and jobs.</summary>
    [RegularExpression("[A-Za-z0-9_.-]{1,64}", ErrorMessage = "must be 1 to 64 letters, digits, dots, dashes or underscores")]
    public string Name { get; set; } = "";

    /// <summary>SHA-256 of the key. The key itself is nowhere.</summary>
    [RegularExpression("[0-9A-Fa-f]{64}", ErrorMessage = "must be 64 hexadecimal digits; 'LlamaVid.Server key NAME' makes a key and writes them")]
    public string Sha256 { get; set; } = "";

    public Right Rights { get; set; } = Right.Generate | Right.Files;

    /// <summary>Models that it may ask. Empty: all.</summary>
    public IList<string> Models { get; set; } = [];

    /// <summary>Requests per minute, of any kind, evenly refilled; 0 for no limit.</summary>
    [Range(0, 1_000_000)]
    public int RequestsPerMinute { get; set; }

    /// <summary>Requests at a time, streams included; 0 for no limit.</summary>
    [Range(0, 100_000)]
    public int MaxConcurrent { get; set; }

    /// <summary>What is wrong with keys beyond a single value of one of them.</summary>
    internal static IEnumerable<string> Faults(IEnumerable<KeyOptions> keys)
    {
        var all = keys.ToArray();
        foreach (var (i, key) in all.Index())
            if (key.Name.Length == 0 || key.Sha256.Length == 0)
                yield return $"Keys:{i} needs a Name and a Sha256; 'LlamaVid.Server key NAME' makes a key and writes them";
            else if (key.Name.Equals(ClientIdentity.Anonymous, StringComparison.OrdinalIgnoreCase))
                yield return $"Keys:{i}:Name is '{key.Name}', which stands for callers without a key. Choose another";
        foreach (var name in Twice(all, key => key.Name))
            yield return $"Two keys have the name '{name}'. Give each its own";
        if (Twice(all, key => key.Sha256).Any())
            yield return "Two keys have the same Sha256. Make a key for each";
    }

    private static IEnumerable<string> Twice(IEnumerable<KeyOptions> keys, Func<KeyOptions, string> value) =>
        keys.Select(value).Where(text => text.Length > 0).GroupBy(text => text, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).Select(group => group.Key);
}
