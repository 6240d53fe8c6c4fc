using System.Collections;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Reflection;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Server.Files;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using LlamaVid.Server.Telemetry;

namespace LlamaVid.Server.Composition;

/// <summary>Where options come from (file, environment, command line, later wins), and that none of them is misspelt or out of its range.</summary>
internal static class Settings
{
    public const string Prefix = "LLAMAVID__";

    public static readonly IReadOnlyDictionary<string, Type> Sections = new Dictionary<string, Type>(StringComparer.OrdinalIgnoreCase)
    {
        [ModelOptions.Section] = typeof(ModelOptions), [MediaOptions.Section] = typeof(MediaOptions), [EngineOptions.Section] = typeof(EngineOptions),
        [ServerOptions.Section] = typeof(ServerOptions), [SecurityOptions.Section] = typeof(SecurityOptions),
        [FilesOptions.Section] = typeof(FilesOptions), [JobOptions.Section] = typeof(JobOptions), [TelemetryOptions.Section] = typeof(TelemetryOptions),
        [RequestDefaultsOptions.Section] = typeof(RequestDefaultsOptions),
    };

    /// <summary>Sections of the libraries this server is made of; they check themselves.</summary>
    private static readonly string[] Foreign = ["Urls", "Kestrel", "Serilog", "AllowedHosts"];

    public static void AddSettings(this IConfigurationBuilder configuration, string[] args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            var key = args[i];
            if (!key.StartsWith("--", StringComparison.Ordinal) || key.Length == 2)
                throw new StartupException($"'{key}' is not an option. Options are written --Section:Name VALUE, as in --Model:Path DIR.");
            if (!key.Contains('=') && ++i == args.Length)
                throw new StartupException($"{key} has no value. Options are written --Section:Name VALUE.");
        }
        var given = new ConfigurationBuilder().AddEnvironmentVariables(Prefix).AddCommandLine(args).Build();
        foreach (var section in given.GetChildren())
            if (!Sections.ContainsKey(section.Key) && !Foreign.Contains(section.Key, StringComparer.OrdinalIgnoreCase))
                throw new StartupException(
                    $"'{section.Key}' is not an option. Known are {string.Join(", ", Sections.Keys.Select(name => $"{name}:*"))} and {string.Join(", ", Foreign)}.");
        configuration
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
            .AddConfiguration(given);
    }

    /// <summary>Refuses a key that no property reads and a value that its property does not take, by name and value.</summary>
    public static void RequireValid(IConfiguration configuration)
    {
        var faults = Sections.SelectMany(section => Faults(section.Key, section.Value, configuration.GetSection(section.Key))).ToArray();
        if (faults.Length > 0)
            throw new StartupException(string.Join("; ", faults));
    }

    /// <summary>Options from a file of their own, as strictly.</summary>
    /// <exception cref="StartupException">a key that no property reads, or a value that its property does not take</exception>
    public static T Read<T>(IConfiguration file, string name) where T : new()
    {
        var faults = Faults(name, typeof(T), file).ToArray();
        return faults.Length > 0 ? throw new StartupException(string.Join("; ", faults)) : file.Get<T>() ?? new();
    }

    /// <summary>Without keys whoever reaches the port may use the server, so a port that others reach must be asked for.</summary>
    public static void RequireKeysOrLoopback(IConfiguration configuration)
    {
        var security = configuration.GetSection(SecurityOptions.Section).Get<SecurityOptions>() ?? new();
        var isOpen = security is { AllowAnonymous: false, Keys.Count: 0, KeysFile.Length: 0 };
        var urls = (configuration["Urls"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Concat(configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => endpoint["Url"] ?? ""));
        foreach (var url in urls)
        {
            var address = Parse(url);
            if (isOpen && !address.IsUnixPipe && !IsLoopback(address.Host))
                throw new StartupException(
                    $"'{url}' can be reached from other machines and there are no keys (Security:Keys, Security:KeysFile). Make one with 'LlamaVid.Server key NAME', use http://127.0.0.1:{address.Port}, or allow it with --Security:AllowAnonymous true.");
        }
    }

    private static BindingAddress Parse(string url)
    {
        try
        {
            var address = BindingAddress.Parse(url);
            return address.IsUnixPipe || address.Port <= ushort.MaxValue
                ? address
                : throw new StartupException($"'{url}' (Urls) has no port between 1 and {ushort.MaxValue}. Write it like http://127.0.0.1:8080.");
        }
        catch (FormatException)
        {
            throw new StartupException($"'{url}' (Urls) is not an address to listen on. Write it like http://127.0.0.1:8080.");
        }
    }

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address);

    private static IEnumerable<string> Faults(string section, Type options, IConfiguration entries) =>
        entries.GetChildren().SelectMany(entry => ListOf(options, entry.Key) is { } item
            ? entry.GetChildren().SelectMany(each => Faults($"{section}:{entry.Key}:{each.Key}", item, each)).Concat(Fault(section, options, entry) is { } fault ? [fault] : [])
            : Fault(section, options, entry) is { } single ? [single] : []);

    /// <summary>What a list of groups of options holds; null for everything else.</summary>
    private static Type? ListOf(Type options, string property) =>
        options.GetProperty(property, BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase)?.PropertyType is { IsGenericType: true } list
            && list.GetGenericArguments()[0] is { IsClass: true } item && item != typeof(string) ? item : null;

    private static string? Fault(string section, Type options, IConfigurationSection entry)
    {
        var name = $"{section}:{entry.Key}";
        var settable = options.GetProperties().Where(property => property.CanWrite).ToArray();
        if (settable.FirstOrDefault(property => property.Name.Equals(entry.Key, StringComparison.OrdinalIgnoreCase)) is not { } property)
            return $"{name} is not an option; {section} has {string.Join(", ", settable.Select(known => known.Name))}";
        if (property.PropertyType != typeof(string) && typeof(IEnumerable).IsAssignableFrom(property.PropertyType))
            return entry.Value is { Length: > 0 } ? $"{name} is a list; write {name}:0 for its first entry" : null;
        if (entry.GetChildren().Any())
            return $"{name} takes one value, not several";
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (!TryConvert(entry.Value ?? "", type, out var value))
            return $"{name} is '{entry.Value}'; it must be {Expected(type)}";
        var broken = property.GetCustomAttributes<ValidationAttribute>().FirstOrDefault(rule => !rule.IsValid(value));
        return broken is null ? null : $"{name} is '{entry.Value}': {broken.FormatErrorMessage(name)}";
    }

    private static bool TryConvert(string text, Type type, out object? value)
    {
        value = null;
        try
        {
            value = TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text);
            return !type.IsEnum || Enum.IsDefined(type, value!) || type.IsDefined(typeof(FlagsAttribute)) && !int.TryParse(text, out _);
        }
        catch (Exception fault) when (fault is FormatException or ArgumentException or NotSupportedException or OverflowException)
        {
            return false;
        }
    }

    private static string Expected(Type type) =>
        type.IsEnum ? $"{(type.IsDefined(typeof(FlagsAttribute)) ? "some" : "one")} of {string.Join(", ", Enum.GetNames(type))}"
        : type == typeof(bool) ? "true or false"
        : type == typeof(TimeSpan) ? "a time like 00:10:00"
        : type == typeof(int) || type == typeof(long) ? "a whole number"
        : "a number";
}
