using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training.Data;

namespace LlamaVid.Tests.Training.Data;

/// <summary>Broken data files: every fault names its sample, and what can be read is read.</summary>
public sealed class DataFileTests : IDisposable
{
    private const string Turns = """ "conversations":[{"from":"human","value":"<image>\nWhat?"},{"from":"gpt","value":"One."}] """;

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("""{"id":"a","conversations":[{"from":"robot","value":"x"}]}""", "turn 0")]
    [InlineData("""{"id":"a","conversations":[{"from":"human","value":7}]}""", "turn 0")]
    [InlineData("""{"id":"a","conversations":[{"from":"human","value":"x"}]}""", "does not end with an answer")]
    [InlineData("""{"id":"a","conversations":[]}""", "does not end with an answer")]
    [InlineData("""{"id":"a","conversations":[{"from":"human","value":"x"},{"from":"human","value":"y"}]}""", "alternate")]
    [InlineData("""{"id":"a"}""", "no list \"conversations\"")]
    [InlineData("""{"id":"a","image":5,"conversations":[]}""", "\"image\" is not a file name")]
    [InlineData("""[1]""", "not a JSON object")]
    [InlineData("""null""", "not a JSON object")]
    [InlineData("""{"id":"a","video":"m.pkl","conversations":[]}""", "could run code")]
    public async Task A_broken_sample_is_told_apart_from_its_neighbours(string broken, string words)
    {
        var entries = await ReadAsync($$"""[{"id":"first",{{Turns}}}, {{broken}}, {"id":"last",{{Turns}}}]""");
        Assert.Equal([null, "fault", null], entries.Select(entry => entry.Fault is null ? null : "fault"));
        Assert.Contains(words, entries[1].Fault!.Message);
        Assert.Equal(("last", 2), (entries[2].Id, entries[2].Sample!.Number));
    }

    [Theory]
    [InlineData("", "not a JSON array")]
    [InlineData("{}", "not a JSON array")]
    [InlineData("[{", "not a JSON array")]
    public async Task A_file_that_is_no_list_is_refused(string text, string words) =>
        Assert.Contains(words, (await Assert.ThrowsAsync<DataFileException>(() => ReadAsync(text))).Message);

    [Fact]
    public async Task A_list_that_breaks_off_names_the_last_whole_sample()
    {
        var many = string.Join(',', Enumerable.Range(0, 2000).Select(i => $$"""{"id":"{{i}}",{{Turns}}}"""));
        var fault = await Assert.ThrowsAsync<DataFileException>(() => ReadAsync("[" + many + ",{\"id\""));
        Assert.Contains("data.json", fault.Message);
        Assert.Matches("behind sample [0-9]+", fault.Message);
    }

    [Fact]
    public async Task A_missing_file_is_named() => Assert.Contains("nowhere.json", (await Assert.ThrowsAsync<DataFileException>(async () =>
    {
        await foreach (var _ in DataFile.ReadAsync("/nowhere.json", "/", TestContext.Current.CancellationToken)) { }
    })).Message);

    [Fact]
    public async Task A_pickled_movie_is_read_from_the_safe_file_beside_it()
    {
        var safe = _folder.Write("m.safetensors", "");
        var entry = Assert.Single(await ReadAsync($$"""[{"id":7,"video":"m.pkl",{{Turns}}}]"""));
        Assert.Equal(new SampleMedia(safe, SampleMediaKind.Movie), entry.Sample!.Media);
        Assert.Equal("7", entry.Id);
    }

    private async Task<List<(int Number, string Id, Sample? Sample, SampleFault? Fault)>> ReadAsync(string text)
    {
        var (path, entries) = (_folder.Write("data.json", text), new List<(int, string, Sample?, SampleFault?)>());
        await foreach (var entry in DataFile.ReadAsync(path, _folder.Path, TestContext.Current.CancellationToken)) entries.Add(entry);
        return entries;
    }

    public void Dispose() => _folder.Dispose();
}
