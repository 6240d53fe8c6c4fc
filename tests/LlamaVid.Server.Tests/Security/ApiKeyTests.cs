using System.Text.RegularExpressions;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>A server with keys: every address there is, asked without a key, with a wrong one and with the right one.</summary>
public sealed partial class ApiKeyTests(ApiKeyTests.Guarded guarded) : IClassFixture<ApiKeyTests.Guarded>
{
    public sealed class Guarded : IAsyncLifetime
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("lv").FullName;

        public RunningServer Server { get; private set; } = null!;
        public string All { get; private set; } = "";
        public string Asking { get; private set; } = "";
        public string Reading { get; private set; } = "";
        public string Elsewhere { get; private set; } = "";
        public string LogFile => Path.Combine(_folder, "log.txt");

        public async ValueTask InitializeAsync()
        {
            var keys = new Keys();
            All = keys.Add("all", ("Rights", "Generate, Files, Metrics, Admin"));
            Asking = keys.Add("asking", ("Rights", "Generate"));
            Reading = keys.Add("reading", ("Rights", "Metrics"));
            Elsewhere = keys.Add("elsewhere", ("Models:0", "another-model"));
            Server = await RunningServer.StartAsync([
                .. keys.Options, "--Security:WrongKeysPerMinute", "0", "--Serilog:MinimumLevel:Default", "Verbose", "--Serilog:MinimumLevel:Override:Microsoft", "Verbose",
                "--Serilog:WriteTo:0:Name", "File", "--Serilog:WriteTo:0:Args:path", LogFile, "--Serilog:WriteTo:0:Args:shared", "true"]);
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }

    private const string Wrong = "lv-0000000000000000000000000000000000000000000";

    private readonly RunningServer _server = guarded.Server;

    /// <summary>What the document knows, and what no document knows.</summary>
    private async Task<(string Method, string Path)[]> AddressesAsync()
    {
        var document = (await Keys.AskAsync(_server, "GET", "/openapi/v1.json", guarded.All)).Json;
        return [
            .. from path in document.GetProperty("paths").EnumerateObject()
               from method in path.Value.EnumerateObject()
               select (method.Name.ToUpperInvariant(), Parameter().Replace(path.Name, "x")),
            ("GET", "/"), ("GET", "/nope"), ("GET", "/swagger"), ("GET", "/swagger/index.html"), ("GET", "/swagger/swagger-ui.css"), ("GET", "/openapi/v1.json"), ("GET", "/metrics"),
            ("PUT", "/v1/chat/completions"), ("DELETE", "/health/ready"), ("POST", "/V1/Chat/Completions/"), ("GET", "/health/live/../../metrics"),
            ("GET", "/HEALTH/READY"), ("GET", "/health/live/x"), ("OPTIONS", "/v1/ask"), ("HEAD", "/v1/models"), ("TRACE", "/v1/ask"), ("BREW", "/v1/ask")];
    }

    [Fact]
    public async Task Every_address_but_liveness_asks_for_a_key()
    {
        var addresses = await AddressesAsync();
        Assert.True(addresses.Length > 20);
        foreach (var (method, path) in addresses.Where(address => address.Path != "/health/live"))
        {
            foreach (var key in new[] { null, Wrong, "", guarded.All[..^1], guarded.All + "x", Keys.HashOf(guarded.All) })
            {
                var refused = await Keys.AskAsync(_server, method, path, key);
                Assert.True(refused.Status == 401, $"{method} {path} with '{key}': {refused.Status}");
                Assert.Equal("Bearer", refused.Headers["WWW-Authenticate"]);
                if (method != "HEAD") Assert.Equal(("authentication_error", "invalid_api_key"), (refused.Error.GetProperty("type").GetString(), refused.Code));
            }
            var admitted = await Keys.AskAsync(_server, method, path, guarded.All);
            Assert.False(admitted.Status is 401 or 403, $"{method} {path} with a key: {admitted.Status}");
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData(Wrong)]
    public async Task Liveness_asks_for_nothing(string? key) => Assert.Equal(200, (await Keys.AskAsync(_server, "GET", "/health/live", key)).Status);

    [Theory]
    [InlineData("Authorization", "Bearer {0}", 200)]
    [InlineData("Authorization", "bearer  {0} ", 200)]
    [InlineData("Authorization", "{0}", 200)]
    [InlineData("x-api-key", "{0}", 200)]
    [InlineData("api-key", "{0}", 200)]
    [InlineData("Authorization", "Basic {0}", 401)]
    [InlineData("Cookie", "key={0}", 401)]
    [InlineData("x-key", "{0}", 401)]
    public async Task Headers_that_carry_a_key(string header, string value, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.TryAddWithoutValidation(header, string.Format(null, value, guarded.Asking));
        using var response = await _server.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, (int)response.StatusCode);
    }

    /// <summary>The framework's own log, at its most talkative, holds addresses.</summary>
    [Fact]
    public async Task A_key_in_the_address_is_not_looked_at() =>
        Assert.Equal(401, (await Keys.AskAsync(_server, "GET", $"/v1/models?api_key={guarded.Elsewhere}&api-key={guarded.Elsewhere}", null)).Status);

    [Fact]
    public async Task A_key_may_do_what_its_rights_say()
    {
        Assert.Equal(200, (await Keys.ChatAsync(_server, guarded.Asking)).Status);
        var refused = await Keys.ChatAsync(_server, guarded.Reading);
        Assert.Equal((403, "authentication_error", "invalid_api_key"), (refused.Status, refused.Error.GetProperty("type").GetString(), refused.Code));
        Assert.Contains("'generate'", refused.Error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(200, (await Keys.AskAsync(_server, "GET", "/v1/models", guarded.Reading)).Status);
    }

    [Fact]
    public async Task A_key_for_another_model_asks_in_vain()
    {
        var refused = await Keys.ChatAsync(_server, guarded.Elsewhere);
        Assert.Equal((403, "invalid_api_key"), (refused.Status, refused.Code));
        Assert.Contains("another-model", refused.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_log_holds_names_but_never_a_key()
    {
        foreach (var key in new[] { guarded.All, guarded.Asking, guarded.Reading, Wrong })
            await Keys.ChatAsync(_server, key);
        await using var file = new FileStream(guarded.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var log = await new StreamReader(file).ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Contains("/v1/chat/completions", log, StringComparison.Ordinal);
        Assert.Contains("asking", log, StringComparison.Ordinal);
        Assert.All([guarded.All, guarded.Asking, guarded.Reading, Wrong], key =>
        {
            Assert.DoesNotContain(key, log, StringComparison.Ordinal);
            Assert.DoesNotContain(key["lv-".Length..^4], log, StringComparison.Ordinal);
            Assert.DoesNotContain(Keys.HashOf(key), log, StringComparison.OrdinalIgnoreCase);
        });
    }

    [Fact]
    public async Task The_document_says_what_is_asked_for()
    {
        var document = (await Keys.AskAsync(_server, "GET", "/openapi/v1.json", guarded.Reading)).Json;
        var ask = document.GetProperty("paths").GetProperty("/v1/ask").GetProperty("post");
        Assert.Equal("key", Assert.Single(Assert.Single(ask.GetProperty("security").EnumerateArray()).EnumerateObject()).Name);
        Assert.Equal("bearer", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("key").GetProperty("scheme").GetString());
        Assert.False(document.GetProperty("paths").GetProperty("/health/live").GetProperty("get").TryGetProperty("security", out _));
    }

    [GeneratedRegex("{[^}]*}")]
    private static partial Regex Parameter();
}
