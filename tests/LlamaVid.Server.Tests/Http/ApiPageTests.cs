using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Tests.Errors;
using LlamaVid.Tests;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Files;

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
        var (code, output, errors) = await Clips.RunAsync("bash", "-c", $"cd {clients} && node --input-type=module <<'END'\n{AboutTheSample(Blocks("js"))}\nEND");
        Assert.True(code == 0, errors);
        Assert.StartsWith("left\n", output, StringComparison.Ordinal);
        Assert.EndsWith("purple\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_python_blocks_run()
    {
        Assert.SkipUnless(await HasPythonsClientAsync(), "Python's openai is not installed (pip install openai)");
        var (code, output, errors) = await Clips.RunAsync("python3", "-c", AboutTheSample(Blocks("python")));
        Assert.True(code == 0, errors);
        Assert.StartsWith("left [0", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_csharp_blocks_run_each_after_the_one_before()
    {
        var token = TestContext.Current.CancellationToken;
        var blocks = Found("csharp", Page).Select(AboutTheSample).ToArray();
        Assert.Equal(2, blocks.Length);
        var options = ScriptOptions.Default
            .WithImports("System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading.Tasks")      // as the SDK does
            .WithReferences(((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator));
        var asked = await CSharpScript.RunAsync(blocks[0], options, cancellationToken: token);
        Assert.Equal("left", ((ChatCompletion)asked.GetVariable("answer").Value).Content[0].Text);

        OpenAIFile file = await ((OpenAIClient)asked.GetVariable("client").Value).GetOpenAIFileClient().UploadFileAsync(Sample, FileUploadPurpose.Vision);
        var later = await (await asked.ContinueWithAsync($"var fileId = \"{file.Id}\";", cancellationToken: token)).ContinueWithAsync(blocks[1], cancellationToken: token);
        Assert.Equal("left", ((ChatResponse)later.GetVariable("reply").Value).Text);

        var shortest = await CSharpScript.RunAsync(Assert.Single(Found("csharp", File.ReadAllText(Repository.Path("README.md")))), options, cancellationToken: token);
        Assert.IsType<ChatClient>(shortest.GetVariable("client").Value);
    }

    [Fact]
    public void Every_code_of_an_error_is_in_its_table()
    {
        var codes = ErrorMapTests.OwnExceptions.Select(row => ErrorMap.Map((Exception)RuntimeHelpers.GetUninitializedObject(row.Data), "r1").Error.Code).OfType<string>();
        Assert.All(codes.Distinct(), code => Assert.Contains($"`{code}`", Page, StringComparison.Ordinal));
    }

    private static string Sample => Repository.Path("deploy/samples/two-objects.mp4");

    private static string AboutTheSample(string script) => script.Replace("\"clip.mp4\"", $"\"{Sample}\"", StringComparison.Ordinal);

    private static async Task<bool> HasPythonsClientAsync()
    {
        try
        {
            return (await Clips.RunAsync("python3", "-c", "import openai")).Code == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;                                  // there is no python3
        }
    }

    private string Blocks(string language) => string.Join('\n', Found(language, Page));

    private IEnumerable<string> Found(string language, string page) => Regex.Matches(page, $"```{language}\n(.*?)```", RegexOptions.Singleline)
        .Select(block => block.Groups[1].Value.Replace("http://127.0.0.1:8080/", fixture.Server.Address.ToString(), StringComparison.Ordinal));
}
