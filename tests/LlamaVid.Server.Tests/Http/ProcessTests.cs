using System.Net;
using System.Net.Sockets;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Features.Ask;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>The program itself: exit codes, one line on standard error, and the question on the command line.</summary>
public sealed class ProcessTests
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "LlamaVid.Server.dll");

    [Theory]
    [InlineData("Engine:MaxWaitinRequests is not an option", "--Model:Path", "x", "--Engine:MaxWaitinRequests", "3")]
    [InlineData("/nowhere: there is no such folder.", "--Model:Path", "/nowhere", "--urls", "http://127.0.0.1:0")]
    [InlineData("There is no file 'nofile.mp4'.", "ask", "nofile.mp4", "Why?", "--Model:Path", "/nowhere")]
    public async Task A_fault_at_start_is_one_line_and_a_bad_exit_code(string expected, params string[] args)
    {
        var (code, _, errors) = await Clips.RunAsync("dotnet", [Program, .. args]);
        Assert.Equal(1, code);
        Assert.Contains(expected, errors, StringComparison.Ordinal);
        Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory]
    [InlineData("http", "address already in use")]
    [InlineData("https", "https needs a certificate")]
    public async Task A_port_that_cannot_be_opened_is_one_line_and_no_trace(string scheme, string expected)
    {
        using var occupied = new TcpListener(IPAddress.Loopback, 0);
        occupied.Start();
        var (code, output, errors) = await Clips.RunAsync("dotnet", [Program, "--Model:Path", "x", "--urls", $"{scheme}://{occupied.LocalEndpoint}"]);
        Assert.Equal(1, code);
        Assert.DoesNotContain("Exception", output, StringComparison.Ordinal);
        Assert.Contains(expected, Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("ask", "-h")]
    [InlineData("--Model:Path", "x", "--help")]
    public async Task Help_is_given(params string[] args)
    {
        var (code, output, errors) = await Clips.RunAsync("dotnet", [Program, .. args]);
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains("ask VIDEO \"QUESTION\"", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_told_to_stop_while_it_starts_ends_well()
    {
        var app = LlamaVidApp.Build("--Model:Path", "x", "--urls", "http://127.0.0.1:0", "--Serilog:MinimumLevel:Default", "Fatal");
        app.Lifetime.StopApplication();
        await app.RunToEndAsync();
    }

    [Fact]
    public async Task A_question_on_the_command_line_is_answered_as_over_http()
    {
        await using var server = await RunningServer.StartAsync();
        var expected = (await server.PostAsync("/v1/ask", Clips.Form(Clips.Bytes, ("question", "What happens?"), ("max_tokens", "12"), ("temperature", "0")))).Answer;
        var file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, Clips.Bytes, TestContext.Current.CancellationToken);
        try
        {
            using var output = new StringWriter();
            using var notes = new StringWriter();
            await AskCommand.RunAsync([file, "What happens?", "--max_tokens", "12", "--temperature", "0", "--Model:Path", Repository.TinyModel, "--Model:Dtype", "float32"],
                output, notes, notesAreKept: true, TestContext.Current.CancellationToken);

            Assert.Equal(expected + Environment.NewLine, output.ToString());
            Assert.Contains("vision 2/2", notes.ToString(), StringComparison.Ordinal);
            Assert.Contains("prefill", notes.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task An_engine_that_ends_by_itself_ends_the_process()
    {
        await using var server = await RunningServer.StartAsync();
        var stopping = new TaskCompletionSource();
        server.Lifetime.ApplicationStopping.Register(stopping.SetResult);

        await server.Engine.Engine.DisposeAsync();

        await stopping.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal("The engine has failed and serves no more; the log says why.", server.Engine.Failure?.Message);
    }

    [Fact]
    public async Task A_bad_field_on_the_command_line_is_named()
    {
        var file = Path.GetTempFileName();
        var fault = await Assert.ThrowsAsync<Server.Requests.InvalidRequestException>(() =>
            AskCommand.RunAsync([file, "Why?", "--max_tokens", "many", "--Model:Path", "x"], TextWriter.Null, TextWriter.Null, true, TestContext.Current.CancellationToken));
        File.Delete(file);
        Assert.Equal("'max_tokens' is \"many\"; it must be a whole number between 1 and 1000000.", StartupFault.Describe(fault));
    }
}
