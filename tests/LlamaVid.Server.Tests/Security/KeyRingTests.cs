using System.Threading.Channels;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Security;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Server.Tests.Security;

/// <summary>Keys come and go with their file, and a slip of the pen changes nothing.</summary>
public sealed class KeyRingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lv").FullName;
    private readonly LogLines _log = new();

    private string File => Path.Combine(_folder, "keys.json");

    [Fact]
    public async Task A_changed_file_changes_the_keys_and_a_broken_one_does_not()
    {
        var (first, second, still) = (ApiKey.New(), ApiKey.New(), ApiKey.New());
        Write(first);
        using var ring = new KeyRing(new() { KeysFile = File, Keys = [new() { Name = "still", Sha256 = Keys.HashOf(still) }] }, _log);
        Assert.Equal(("k0", "still", null), (ring.Find(first)?.Name, ring.Find(still)?.Name, ring.Find(second)?.Name));

        Write(second);
        Assert.Contains("k0", await _log.NextAsync(), StringComparison.Ordinal);
        Assert.Equal((null, "still", "k0"), (ring.Find(first)?.Name, ring.Find(still)?.Name, ring.Find(second)?.Name));

        foreach (var (broken, why) in new[] { ("{\"Keys\": [", "cannot be read"), ("{}", "holds no keys"), ("{\"Keys\": []}", "holds no keys"), ("{\"Keys\": [{\"Name\": \"x\"}]}", "needs a Name and a Sha256") })
        {
            await System.IO.File.WriteAllTextAsync(File, broken, TestContext.Current.CancellationToken);
            Assert.Contains(why, await _log.NextAsync(), StringComparison.Ordinal);
            Assert.Equal(("still", "k0"), (ring.Find(still)?.Name, ring.Find(second)?.Name));
        }
        System.IO.File.Delete(File);
        Assert.Contains("cannot be read", await _log.NextAsync(), StringComparison.Ordinal);
        Assert.Equal("k0", ring.Find(second)?.Name);
    }

    [Theory]
    [InlineData("{\"Keys\": [{\"Nam\": \"x\"}]}", ":Keys:0:Nam is not an option; ")]
    [InlineData("{\"Kays\": []}", ":Kays is not an option; ")]
    [InlineData("{\"Keys\": [{\"Name\": \"x\", \"Sha256\": \"12\"}]}", "must be 64 hexadecimal digits")]
    [InlineData("{\"Keys\": [{\"Name\": \"x y\"}]}", "must be 1 to 64 letters")]
    [InlineData("{\"Keys\": [{\"Rights\": \"Fly\"}]}", "it must be some of None, Generate, Files, Metrics, Admin")]
    [InlineData("{\"Keys\": [{\"Rights\": \"255\"}]}", "it must be some of None, Generate, Files, Metrics, Admin")]
    [InlineData("{\"Keys\": [{\"RequestsPerMinute\": -1}]}", "must be between 0 and 1000000")]
    [InlineData("not json", "cannot be read")]
    public void Files_that_keep_the_server_from_starting(string text, string why)
    {
        System.IO.File.WriteAllText(File, text);
        Assert.Contains(why, Assert.Throws<StartupException>(() => new KeyRing(new() { KeysFile = File }, _log)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_and_hashes_are_unique_and_no_key_is_called_anonymous()
    {
        var hash = Keys.HashOf("x");
        Assert.Contains("name 'a'", Fault(new() { Name = "a", Sha256 = hash }, new() { Name = "A", Sha256 = Keys.HashOf("y") }), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("same Sha256", Fault(new() { Name = "a", Sha256 = hash }, new() { Name = "b", Sha256 = hash.ToUpperInvariant() }), StringComparison.Ordinal);
        Assert.Contains("anonymous", Fault(new KeyOptions { Name = "Anonymous", Sha256 = hash }), StringComparison.OrdinalIgnoreCase);

        string Fault(params KeyOptions[] keys) => Assert.Throws<StartupException>(() => new KeyRing(new() { Keys = keys }, _log)).Message;
    }

    [Fact]
    public void The_command_writes_a_key_once_and_what_the_server_is_to_know()
    {
        var (output, notes) = (new StringWriter(), new StringWriter());
        KeyCommand.Run(["anna"], output, notes);

        var key = output.ToString().Trim();
        var line = notes.ToString().Split('\n').Single(line => line.TrimStart().StartsWith('{'));
        System.IO.File.WriteAllText(File, line);
        using var ring = new KeyRing(new() { KeysFile = File }, _log);
        Assert.Equal(("anna", Right.Generate | Right.Files), (ring.Find(key)!.Name, ring.Find(key)!.Rights));
        Assert.DoesNotContain(key, notes.ToString(), StringComparison.Ordinal);
        Assert.Equal(256 / 6 + 1, key["lv-".Length..].Length);
    }

    [Theory]
    [InlineData]
    [InlineData("two", "names")]
    [InlineData("a b")]
    [InlineData("../x")]
    [InlineData("anonymous")]
    public void The_command_refuses_names_that_are_none(params string[] args) =>
        Assert.Throws<StartupException>(() => KeyCommand.Run(args, TextWriter.Null, TextWriter.Null));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(params string[] keys) =>
        System.IO.File.WriteAllText(File, $$"""{"Keys": [{{string.Join(",", keys.Select((key, i) => $$"""{"Name": "k{{i}}", "Sha256": "{{Keys.HashOf(key)}}"}"""))}}]}""");

    private sealed class LogLines : ILogger<KeyRing>
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

        public async Task<string> NextAsync() => await _lines.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> text) => _lines.Writer.TryWrite(text(state, exception));

        public bool IsEnabled(LogLevel level) => true;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
    }
}
