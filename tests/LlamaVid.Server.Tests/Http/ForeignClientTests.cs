using System.Security.Cryptography;
using System.Text;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Clients of other languages and a browser, as they are: the scripts of <c>tests/clients</c>, whose packages <c>tests/run.sh</c> installs.</summary>
[Collection(nameof(DefaultServer))]
public sealed class ForeignClientTests(DefaultServer fixture) : IAsyncLifetime
{
    private const string Key = "a-key-for-tests-of-foreign-clients";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lv");

    private string Clip => Path.Combine(_folder.FullName, "clip.mp4");

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllBytesAsync(Clip, Clips.Bytes, TestContext.Current.CancellationToken);
        Assert.Equal(0, (await Clips.RunAsync("ffmpeg", "-loglevel", "error", "-i", Clip, "-frames:v", "1", Path.ChangeExtension(Clip, ".png"))).Code);
    }

    [Theory]
    [InlineData("openai.mjs")]
    [InlineData("ai-sdk.mjs")]
    [InlineData("langchain.mjs")]
    public Task Javascript(string script) => RunAsync(script, fixture.Server);

    [Fact]
    public async Task Javascript_waits_as_it_is_told_when_its_key_has_used_up_its_share()
    {
        await using var server = await RunningServer.StartAsync(
            "--Security:Keys:0:Name", "js", "--Security:Keys:0:Sha256", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(Key))), "--Security:Keys:0:RequestsPerMinute", "60");
        await RunAsync("retry.mjs", server, Key);
    }

    [Fact]
    public async Task A_clip_is_asked_about_on_the_documentation_page_in_a_browser()
    {
        var chromium = new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);
        Assert.SkipWhen(chromium is null, "chromium is not installed (Debian: apt-get install chromium)");
        Environment.SetEnvironmentVariable("CHROMIUM", chromium);
        await using var server = await RunningServer.StartAsync("--Model:Path", Repository.Path("deploy/models/default"), "--Model:Dtype", "auto");
        File.Copy(Repository.Path("deploy/samples/two-objects.mp4"), Clip, overwrite: true);
        await RunAsync("swagger.mjs", server, "left");
    }

    public ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task RunAsync(string script, RunningServer server, params string[] more)
    {
        var folder = Repository.Path("tests/clients");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(path => File.Exists(Path.Combine(path, "node"))), "node is not installed");
        Assert.SkipUnless(Directory.Exists(Path.Combine(folder, "node_modules")), "the packages of tests/clients are not installed (cd tests/clients && npm ci)");
        var (code, output, errors) = await Clips.RunAsync("node", [Path.Combine(folder, script), server.Address.ToString(), Clip, .. more]);
        Assert.True(code == 0, errors);
        Assert.Equal("ok\n", output);
    }
}
