using LlamaVid.Server.Composition;

namespace LlamaVid.Server.Tests.Composition;

/// <summary>A wrong option stops the process before it listens, and says which one, its value, what is accepted and the cure.</summary>
public sealed class SettingsTests
{
    [Theory]
    [InlineData("Model:Path is '': a checkpoint folder is needed")]
    [InlineData("'serve' is not an option. Options are written --Section:Name VALUE, as in --Model:Path DIR.", "serve")]
    [InlineData("--Model:Path has no value. Options are written --Section:Name VALUE.", "--Model:Path")]
    [InlineData("'Modl' is not an option. Known are Model:*, Media:*, Engine:*, Server:*, Security:*, Files:*, Jobs:*, Telemetry:*, Defaults:* and Urls, Kestrel, Serilog, AllowedHosts.", "--Modl:Path", "x")]
    [InlineData("Engine:MaxWaitinRequests is not an option; Engine has MaxWaitingRequests, QueueTimeout, RequestTimeout, DefaultMaxTokens, MaxFramesPerStep, MaxPrefillTokensPerStep, MaxStepStretch, MaxRequestsPerClient, MaxRunningSequences, Devices, KvCacheTokens, FeatureCacheMegabytes, FeatureStorePath, FeatureStoreMegabytes", "--Model:Path", "x", "--Engine:MaxWaitinRequests", "3")]
    [InlineData("Engine:MaxWaitingRequests is '-3': The field Engine:MaxWaitingRequests must be between 0 and 100000.", "--Model:Path", "x", "--Engine:MaxWaitingRequests", "-3")]
    [InlineData("Engine:MaxWaitingRequests is 'many'; it must be a whole number", "--Model:Path", "x", "--Engine:MaxWaitingRequests", "many")]
    [InlineData("Engine:QueueTimeout is 'soon'; it must be a time like 00:10:00", "--Model:Path", "x", "--Engine:QueueTimeout=soon")]
    [InlineData("Model:Dtype is 'int4'; it must be one of Auto, Float32, BFloat16, Float16", "--Model:Path", "x", "--Model:Dtype", "int4")]
    [InlineData("Model:Device is 'gpu': must be auto, cpu or cuda:N, or GPUs that hold the model together, as in cuda:0+cuda:1", "--Model:Path", "x", "--Model:Device", "gpu")]
    [InlineData("Engine:Devices is 'cpu;cpu': must be devices with commas between them, as in cuda:0,cuda:1", "--Model:Path", "x", "--Engine:Devices", "cpu;cpu")]
    [InlineData("Model:Device is 'cuda:0+cpu': must be auto, cpu or cuda:N, or GPUs that hold the model together, as in cuda:0+cuda:1", "--Model:Path", "x", "--Model:Device", "cuda:0+cpu")]
    [InlineData("Model:Device is 'cuda:0+': must be auto, cpu or cuda:N, or GPUs that hold the model together, as in cuda:0+cuda:1", "--Model:Path", "x", "--Model:Device", "cuda:0+")]
    [InlineData("Model:Device is 'cuda:0+cuda:1+cuda:00': names a device twice; entries that are spelled alike share one model, all others need devices of their own", "--Model:Path", "x", "--Model:Device", "cuda:0+cuda:1+cuda:00")]
    [InlineData("Engine:Devices is 'cuda:0+auto': must be devices with commas between them, as in cuda:0,cuda:1", "--Model:Path", "x", "--Engine:Devices", "cuda:0+auto")]
    [InlineData("Engine:Devices is 'cuda:0+cuda:1,cuda:1': names a device twice; entries that are spelled alike share one model, all others need devices of their own", "--Model:Path", "x", "--Engine:Devices", "cuda:0+cuda:1,cuda:1")]
    [InlineData("Engine:Devices is 'cuda,cuda:0': names a device twice; entries that are spelled alike share one model, all others need devices of their own", "--Model:Path", "x", "--Engine:Devices", "cuda,cuda:0")]
    [InlineData("Engine:Devices is 'cpu,cpu+cpu': names a device twice; entries that are spelled alike share one model, all others need devices of their own", "--Model:Path", "x", "--Engine:Devices", "cpu,cpu+cpu")]
    [InlineData("Engine:Devices is 'auto,cuda:1': names a device twice; entries that are spelled alike share one model, all others need devices of their own", "--Model:Path", "x", "--Engine:Devices", "auto,cuda:1")]
    [InlineData("Defaults:Conversation is 'x': must be vicuna_v1, imgsp_v1, llava_v1, llava_v0 or plain", "--Model:Path", "x", "--Defaults:Conversation", "x")]
    [InlineData("Security:AllowAnonymous is 'maybe'; it must be true or false", "--Model:Path", "x", "--Security:AllowAnonymous", "maybe")]
    [InlineData("'http://0.0.0.0:8123' can be reached from other machines and there are no keys (Security:Keys, Security:KeysFile). Make one with 'LlamaVid.Server key NAME', use http://127.0.0.1:8123, or allow it with --Security:AllowAnonymous true.", "--Model:Path", "x", "--urls", "http://0.0.0.0:8123")]
    [InlineData("Serilog: The value Loud is not a valid Serilog level.", "--Model:Path", "x", "--Serilog:MinimumLevel:Default", "Loud")]
    [InlineData("Serilog: Unable to find a method called Fil.", "--Model:Path", "x", "--Serilog:WriteTo:0:Name", "Fil")]
    [InlineData("Serilog: Unable to find a method called File for supplied arguments: pth.", "--Model:Path", "x", "--Serilog:WriteTo:1:Name", "File", "--Serilog:WriteTo:1:Args:pth", "y")]
    [InlineData("Serilog: System.RuntimeType: unable to open file sink for /proc/x/y (Final, unspecified events)",
        "--Model:Path", "x", "--Serilog:WriteTo:1:Name", "File", "--Serilog:WriteTo:1:Args:path", "/proc/x/y")]
    [InlineData("'here' (Urls) is not an address to listen on. Write it like http://127.0.0.1:8080.", "--Model:Path", "x", "--urls", "here")]
    public void Wrong_options(string message, params string[] args) =>
        Assert.Equal(message, Assert.Throws<StartupException>(() => LlamaVidApp.Build(args)).Message);

    [Theory]
    [InlineData("cpu")]
    [InlineData("cuda")]
    [InlineData("cuda:0")]
    [InlineData("cuda:15")]
    [InlineData("cpu+cpu+cpu")]
    [InlineData("cuda:0+cuda:1")]
    public async Task Devices_are_known(string device)
    {
        await using var app = LlamaVidApp.Build("--Model:Path", "x", "--Model:Device", device);
        Assert.NotNull(app);
    }

    [Theory]
    [InlineData("cpu,cpu")]
    [InlineData("cpu+cpu,cpu+cpu")]
    [InlineData("auto,auto")]
    [InlineData("cpu,cuda")]
    [InlineData("cuda:0+cuda:1,cuda:2+cuda:3,cuda:0+cuda:1")]
    public async Task Workers_are_known(string devices)
    {
        await using var app = LlamaVidApp.Build("--Model:Path", "x", "--Engine:Devices", devices);
        Assert.NotNull(app);
    }

    [Theory]
    [InlineData("http://localhost:0")]
    [InlineData("http://[::1]:0")]
    [InlineData("http://127.0.0.1:0;http://127.0.0.2:0")]
    public async Task Loopback_needs_no_permission(string urls)
    {
        await using var app = LlamaVidApp.Build("--Model:Path", "x", "--urls", urls);
        Assert.NotNull(app);
    }

    [Fact]
    public async Task Other_addresses_can_be_allowed()
    {
        await using var app = LlamaVidApp.Build("--Model:Path", "x", "--urls", "http://0.0.0.0:0", "--Security:AllowAnonymous", "true");
        Assert.NotNull(app);
    }

    [Fact]
    public void The_file_that_is_shipped_names_every_option_of_ours()
    {
        using var file = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "appsettings.json")));
        var missing = from section in Settings.Sections
                      from property in section.Value.GetProperties().Where(property => property.CanWrite)
                      where !file.RootElement.TryGetProperty(section.Key, out var values) || !values.TryGetProperty(property.Name, out _)
                      select $"{section.Key}:{property.Name}";
        Assert.Empty(missing);
    }

    [Fact]
    public void The_file_that_is_shipped_holds_the_defaults()
    {
        var configuration = new Microsoft.Extensions.Configuration.ConfigurationManager();
        configuration.AddSettings([]);
        foreach (var (section, type) in Settings.Sections)
        {
            var (fresh, bound) = (Activator.CreateInstance(type)!, Activator.CreateInstance(type)!);
            Microsoft.Extensions.Configuration.ConfigurationBinder.Bind(configuration.GetSection(section), bound);
            Assert.All(type.GetProperties().Where(property => property.CanWrite && property.PropertyType.IsValueType), property => Assert.Equal(property.GetValue(fresh), property.GetValue(bound)));
        }
    }
}
