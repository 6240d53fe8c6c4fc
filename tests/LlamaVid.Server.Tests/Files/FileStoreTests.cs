using LlamaVid.Media;
using LlamaVid.Server.Files;
using LlamaVid.Server.Tests.Http;
using Microsoft.Extensions.Time.Testing;

namespace LlamaVid.Server.Tests.Files;

/// <summary>What is kept, shared, found again and let go.</summary>
public sealed class FileStoreTests : IDisposable
{
    private const string Me = "me";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lv");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task A_kept_file_is_found_after_a_restart()
    {
        ClientFile kept;
        using (var store = Open()) kept = await KeepAsync(store, Clips.Bytes);

        using var again = Open();
        Assert.Equal(kept, again.Find(Me, kept.Id));
        using var held = again.Hold(Me, kept.Id);
        Assert.Equal(Clips.Bytes, await File.ReadAllBytesAsync(held.Path, TestContext.Current.CancellationToken));
        Assert.Equal(("video/mp4", kept.Hash), (kept.Content.MediaType, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Clips.Bytes))));
    }

    [Fact]
    public async Task The_same_bytes_lie_there_once_until_the_last_file_of_them_goes()
    {
        using var store = Open();
        var (one, two) = (await KeepAsync(store, Clips.Bytes), await KeepAsync(store, Clips.Bytes, "you"));
        Assert.NotEqual(one.Id, two.Id);
        Assert.Single(Bytes());

        store.Delete(Me, one.Id);
        Assert.Single(Bytes());
        store.Delete("you", two.Id);
        Assert.Empty(Bytes());
    }

    [Fact]
    public async Task Nobody_sees_a_file_of_another()
    {
        using var store = Open();
        var file = await KeepAsync(store, Clips.Bytes);
        Assert.Throws<ClientFileNotFoundException>(() => store.Find("you", file.Id));
        Assert.Throws<ClientFileNotFoundException>(() => store.Hold("you", file.Id));
        Assert.Throws<ClientFileNotFoundException>(() => store.Delete("you", file.Id));
        Assert.Empty(store.Page("you", null, null, true, 10));
        Assert.Single(store.Page(Me, null, null, true, 10));
    }

    [Fact]
    public async Task A_file_in_use_is_hidden_by_deleting_it_and_its_bytes_go_with_the_last_reader()
    {
        using var store = Open();
        var file = await KeepAsync(store, Clips.Bytes);
        var (first, second) = (store.Hold(Me, file.Id), store.Hold(Me, file.Id));

        store.Delete(Me, file.Id);
        Assert.Throws<ClientFileNotFoundException>(() => store.Hold(Me, file.Id));
        first.Dispose();
        first.Dispose();
        Assert.True(File.Exists(second.Path));
        second.Dispose();
        Assert.Empty(Bytes());
    }

    [Fact]
    public async Task Bytes_that_are_deleted_and_brought_again_while_they_are_read_stay()
    {
        using var store = Open();
        var old = await KeepAsync(store, Clips.Bytes);
        var held = store.Hold(Me, old.Id);
        store.Delete(Me, old.Id);
        var file = await KeepAsync(store, Clips.Bytes);
        held.Dispose();
        using var again = store.Hold(Me, file.Id);
        Assert.Equal(Clips.Bytes.Length, again.Bytes.Length);
    }

    [Fact]
    public async Task What_was_not_kept_leaves_nothing_and_gives_its_room_back()
    {
        using var store = Open(new() { QuotaMegabytes = 1 });
        for (var i = 0; i < 5; i++)
        {
            using var incoming = store.Begin();
            await incoming.WriteAsync(new byte[900_000], TestContext.Current.CancellationToken);
        }
        Assert.DoesNotContain(_folder.GetFiles("*", SearchOption.AllDirectories), file => !file.Name.StartsWith("files.db", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Files_that_arrive_at_once_cannot_take_more_room_than_there_is()
    {
        using var store = Open(new() { QuotaMegabytes = 1 });
        using var one = store.Begin();
        using var two = store.Begin();
        await one.WriteAsync(new byte[600_000], TestContext.Current.CancellationToken);
        var fault = await Assert.ThrowsAsync<FileQuotaExceededException>(() => two.WriteAsync(new byte[600_000], TestContext.Current.CancellationToken));
        Assert.Contains("600000 of 1048576 bytes (Files:QuotaMegabytes)", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_longest_unused_file_goes_for_a_new_one_but_none_that_was_used_lately()
    {
        using var store = Open(new() { QuotaMegabytes = 1, EvictAfter = TimeSpan.FromHours(1) });
        var (first, second) = (await KeepAsync(store, Padded(300_000, 1)), await KeepAsync(store, Padded(300_000, 2)));
        await Assert.ThrowsAsync<FileQuotaExceededException>(() => KeepAsync(store, Padded(600_000, 3)));

        _time.Advance(TimeSpan.FromHours(2));
        store.Hold(Me, first.Id).Dispose();
        var third = await KeepAsync(store, Padded(600_000, 3));

        Assert.Throws<ClientFileNotFoundException>(() => store.Find(Me, second.Id));
        Assert.Equal([third.Id, first.Id], store.Page(Me, null, null, true, 10).Select(file => file.Id));
        await Assert.ThrowsAsync<FileQuotaExceededException>(() => KeepAsync(store, Padded(600_000, 4)));
    }

    [Fact]
    public async Task A_file_is_gone_when_its_time_is_over()
    {
        using var store = Open(new() { KeepFor = TimeSpan.FromDays(1) });
        var (day, hour) = (await KeepAsync(store, Padded(10, 1)), await KeepAsync(store, Padded(10, 2), keepFor: TimeSpan.FromHours(1)));

        _time.Advance(TimeSpan.FromHours(1));
        Assert.Throws<ClientFileNotFoundException>(() => store.Hold(Me, hour.Id));
        Assert.Equal(2, Bytes().Length);
        store.RemoveExpired();
        Assert.Single(Bytes());
        Assert.Equal(day, store.Find(Me, day.Id));
    }

    [Fact]
    public async Task A_count_of_files_is_a_limit_too()
    {
        using var store = Open(new() { MaxFiles = 2 });
        await KeepAsync(store, Padded(10, 1), keepFor: TimeSpan.FromHours(1));
        await KeepAsync(store, Padded(10, 2));
        var fault = await Assert.ThrowsAsync<FileQuotaExceededException>(() => KeepAsync(store, Padded(10, 3)));
        Assert.Contains("There are 2 files, the most that are kept (Files:MaxFiles)", fault.Message, StringComparison.Ordinal);
        Assert.Equal(2, Bytes().Length);

        _time.Advance(TimeSpan.FromHours(1));
        await KeepAsync(store, Padded(10, 3));
    }

    [Fact]
    public async Task A_start_sweeps_what_a_killed_process_left_but_nothing_that_another_is_writing()
    {
        using var other = Open();
        var kept = await KeepAsync(other, Clips.Bytes);
        using var arriving = other.Begin();
        await arriving.WriteAsync(Clips.Bytes, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "incoming", "half"), "x", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "bytes", "orphan"), "x", TestContext.Current.CancellationToken);

        using var store = Open();

        Assert.Equal([kept.Hash], Bytes().Select(file => file.Name));
        Assert.Equal(arriving.Path, Assert.Single(_folder.GetFiles("incoming/*")).FullName);
        Assert.NotNull(other.Keep(arriving, Me, "a", FilePurpose.Vision));
    }

    [Fact]
    public async Task Pages_go_on_after_files_that_are_gone()
    {
        using var store = Open();
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add((await KeepAsync(store, Clips.Bytes)).Id);
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        store.Delete(Me, ids[1]);
        Assert.Equal([ids[2], ids[3]], store.Page(Me, null, ids[1], newestFirst: false, 2).Select(file => file.Id));
        Assert.Equal([ids[0]], store.Page(Me, null, ids[1], newestFirst: true, 2).Select(file => file.Id));
        Assert.Empty(store.Page(Me, FilePurpose.Batch, null, true, 10));
    }

    [Theory]
    [InlineData("", "vision", typeof(FileContentException))]
    [InlineData("hello", "vision", typeof(UnsupportedMediaException))]
    [InlineData("#EXTM3U\nfile:///etc/passwd", "user_data", typeof(UnsupportedMediaException))]
    [InlineData("hello", "batch", typeof(FileContentException))]
    [InlineData("[1]", "batch", typeof(FileContentException))]
    [InlineData("{\0}", "batch", typeof(FileContentException))]
    public async Task Content_that_the_purpose_does_not_take_is_refused(string content, string purpose, Type fault)
    {
        using var store = Open();
        using (var incoming = store.Begin())
        {
            await incoming.WriteAsync(System.Text.Encoding.UTF8.GetBytes(content), TestContext.Current.CancellationToken);
            Assert.IsType(fault, Record.Exception(() => store.Keep(incoming, Me, "a.mp4", FilePurposes.All[purpose])));
        }
        Assert.Empty(Bytes());
    }

    [Fact]
    public async Task A_batch_is_lines_of_objects()
    {
        using var store = Open();
        using var incoming = store.Begin();
        await incoming.WriteAsync("\uFEFF \n{\"custom_id\":1}\n"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal(FileContent.JsonLines, store.Keep(incoming, Me, "a", FilePurpose.Batch).Content);
    }

    [Fact]
    public async Task A_file_deleted_by_many_at_once_is_deleted_once()
    {
        using var store = Open();
        for (var round = 0; round < 20; round++)
        {
            var file = await KeepAsync(store, Clips.Bytes);
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => Record.Exception(() =>
            {
                if (i % 2 == 0) store.Delete(Me, file.Id);
                else store.Hold(Me, file.Id).Dispose();
            }))));
            Assert.Single(outcomes.Where((_, i) => i % 2 == 0), fault => fault is null);
            Assert.All(outcomes.OfType<Exception>(), fault => Assert.IsType<ClientFileNotFoundException>(fault));
            Assert.Empty(Bytes());
        }
    }

    [Theory]
    [InlineData("/proc/nowhere")]
    [InlineData("/dev/null")]
    public void A_folder_that_cannot_be_used_is_the_operators_fault(string path) =>
        Assert.Contains("set Files:Path to a folder that is", Assert.Throws<FileStoreUnusableException>(() => Open(new() { Path = path })).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Without_a_folder_files_go_with_the_process()
    {
        var store = new FileStore(new(), new MediaOptions { TempDirectory = _folder.FullName }, _time);
        await KeepAsync(store, Clips.Bytes);
        Assert.Single(_folder.GetDirectories());
        store.Dispose();
        Assert.Empty(_folder.GetDirectories());
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private FileStore Open(FilesOptions? options = null)
    {
        options ??= new();
        if (options.Path is "") options.Path = _folder.FullName;
        return new(options, new MediaOptions(), _time);
    }

    private FileInfo[] Bytes() => _folder.GetFiles("bytes/*");

    private static byte[] Padded(int size, byte mark)
    {
        var bytes = new byte[Clips.Bytes.Length + size];
        Clips.Bytes.CopyTo(bytes, 0);
        bytes[^1] = mark;
        return bytes;
    }

    private static async Task<ClientFile> KeepAsync(FileStore store, byte[] bytes, string owner = Me, TimeSpan? keepFor = null)
    {
        using var incoming = store.Begin();
        await incoming.WriteAsync(bytes, TestContext.Current.CancellationToken);
        return store.Keep(incoming, owner, "clip.mp4", FilePurpose.Vision, keepFor);
    }
}
