using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Tests.Errors;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary><c>docs/api.md</c>: what it shows is run as it stands, and what it lists is complete.</summary>
public sealed class ApiPageTests(SampleTests.Served fixture) : IClassFixture<SampleTests.Served>
{
    private static readonly string Page = File.ReadAllText(Repository.Path("docs/api.md"));

    [Fact]
    public async Task Its_shell_blocks_run()
    {
        var folder = Directory.CreateTempSubdirectory("lv");
        try
        {
            var script = $"set -euo pipefail; cd {folder.FullName}; mkdir -p deploy; ln -s {Repository.Path("deploy/samples")} deploy/samples; curl() {{ command curl --fail-with-body \"$@\"; echo; }}\n{Blocks("bash")}";
            var (code, output, errors) = await Clips.RunAsync("bash", "-c", script);
            Assert.True(code == 0, output + errors);
            Assert.Equal(5, Regex.Count(output, "\"(answer|content)\":\"left\""));        // a plain question is answered in both places
            Assert.Contains("\"answer\":\"purple\"", output, StringComparison.Ordinal);
            Assert.Contains("data: [DONE]", output, StringComparison.Ordinal);
            Assert.Contains("\"status\":\"completed\"", output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Its_javascript_blocks_run()
    {
        var clients = Repository.Path("tests/clients");
        Assert.SkipUnless(Directory.Exists(Path.Combine(clients, "node_modules")), "the packages of tests/clients are not installed (cd tests/clients && npm ci)");
        var clip = Repository.Path("deploy/samples/two-objects.mp4");
        var script = Blocks("js").Replace("\"clip.mp4\"", $"\"{clip}\"", StringComparison.Ordinal);
        var (code, output, errors) = await Clips.RunAsync("bash", "-c", $"cd {clients} && node --input-type=module <<'END'\n{script}\nEND");
        Assert.True(code == 0, errors);
        Assert.StartsWith("left\n", output, StringComparison.Ordinal);
        Assert.EndsWith("purple\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_code_of_an_error_is_in_its_table()
    {
        var codes = ErrorMapTests.OwnExceptions.Select(row => ErrorMap.Map((Exception)RuntimeHelpers.GetUninitializedObject(row.Data), "r1").Error.Code).OfType<string>();
        Assert.All(codes.Distinct(), code => Assert.Contains($"`{code}`", Page, StringComparison.Ordinal));
    }

    private string Blocks(string language) => string.Join('\n', Regex.Matches(Page, $"```{language}\n(.*?)```", RegexOptions.Singleline).Select(block => block.Groups[1].Value))
        .Replace("http://127.0.0.1:8080/", fixture.Server.Address.ToString(), StringComparison.Ordinal);
}
