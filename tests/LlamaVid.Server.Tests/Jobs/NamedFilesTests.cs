using System.Text;
using LlamaVid.Server.Files;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.Jobs.Batches;
using LlamaVid.Server.Tests.Http;
using Microsoft.Data.Sqlite;
using static LlamaVid.Server.Tests.Jobs.JobsFolder;

namespace LlamaVid.Server.Tests.Jobs;

/// <summary>What a job or batch names is there when its turn comes, whatever has become of the uploaded file, and is gone when it has ended.</summary>
public sealed class NamedFilesTests : IDisposable
{
    private const string Same = "\"max_tokens\":12,\"temperature\":0";

    private readonly JobsFolder _folder = new();

    public enum Loss { Deleted, Expired, Evicted, FolderLost }

    [Theory]
    [InlineData(Loss.Deleted)]
    [InlineData(Loss.Expired)]
    [InlineData(Loss.Evicted)]
    [InlineData(Loss.FolderLost)]
    public async Task A_file_that_goes_while_its_job_waits_is_answered_about(Loss loss)
    {
        await using var video = await HeldVideo.StartAsync();
        string[] args = [.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1", "--Files:QuotaMegabytes", "1", "--Files:EvictAfter", "00:00:00"];
        string expected, id, file;
        await using (var server = await _folder.StartAsync(args))
        {
            expected = (await server.ChatAsync(Clips.Chat(Same))).Answer;
            file = await UploadedAsync(server, Clips.Bytes);
            await AcceptedAsync(server, Body(url: video.Url));
            await video.Asked;
            id = await AcceptedAsync(server, Asking(file));
            if (loss != Loss.FolderLost)
            {
                await LoseAsync(server, file, loss);
                Assert.Equal((404, "file_not_found"), Fault(await server.GetAsync($"/v1/files/{file}")));
                Assert.Equal((404, "file_not_found"), Fault(await server.ChatAsync(Asking(file))));
            }
        }
        video.Release();
        await using (var server = await _folder.StartAsync(args))               // with another folder of files
        {
            var job = await EndedAsync(server, id);
            Assert.Equal(("completed", expected), (Status(job), Answer(job)));
            await Deadline.Until(() => Kept.Length == 0);
        }
    }

    [Fact]
    public async Task Files_that_the_lines_of_a_batch_name_are_there_when_their_turn_comes()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]);
        var expected = (await server.ChatAsync(Clips.Chat(Same))).Answer;
        var (one, two) = (await UploadedAsync(server, Clips.Bytes), await UploadedAsync(server, Clips.Bytes));
        var batch = await BatchTests.CreatedAsync(server,
            "\uFEFF" + BatchTests.Line("held", Clips.Chat(Same, video.Url)),
            "{broken \"file_id\":",
            BatchTests.Line("one", Chat(one)),
            BatchTests.Line("none", Chat("file-none")),
            BatchTests.Line("two", Chat(two)));
        await video.Asked;
        Assert.Single(Kept);                                                    // the same bytes
        foreach (var file in new[] { one, two }) await LoseAsync(server, file, Loss.Deleted);
        video.Release();

        var ended = await BatchTests.EndedAsync(server, batch);

        var answers = await BatchTests.LinesAsync(server, ended, "output_file_id");
        Assert.Equal(["held", "one", "two"], answers.Select(line => line.GetProperty("custom_id").GetString()));
        Assert.All(answers, line => Assert.Equal(expected, line.GetProperty("response").GetProperty("body").GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()));
        Assert.Equal(["invalid_json", "file_not_found"], (await BatchTests.LinesAsync(server, ended, "error_file_id")).Select(
            line => line.GetProperty("response").GetProperty("body").GetProperty("error").GetProperty("code").GetString()));
        await Deadline.Until(() => Kept.Length == 0);
    }

    [Fact]
    public async Task A_file_takes_room_once_however_many_jobs_name_it_and_gives_it_back()
    {
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1", "--Jobs:MaxMegabytes", "1"]);
        var room = server.Part<JobRoom>();
        var (large, larger) = (await UploadedAsync(server, Padded(700_000)), await UploadedAsync(server, Padded(700_001)));
        await AcceptedAsync(server, Body(url: video.Url));
        await video.Asked;

        string[] ids = [await AcceptedAsync(server, Asking(large)), await AcceptedAsync(server, Asking(large)), await AcceptedAsync(server, Asking(large))];
        Assert.InRange(room.Held, 700_000, 710_000);
        Assert.Equal((507, "job_space_exhausted"), Fault(await server.ChatAsync(Asking(larger))));
        var batch = await server.PostAsync("/v1/batches", new StringContent(BatchTests.Order(await UploadedAsync(server, Encoding.UTF8.GetBytes(BatchTests.Line("a", Chat(larger))), purpose: "batch")), null, "application/json"));
        Assert.Equal((507, "job_space_exhausted"), Fault(batch));
        Assert.InRange(room.Held, 700_000, 710_000);
        Assert.Single(Kept);

        foreach (var id in ids[..2])
            using (await server.Http.DeleteAsync($"/v1/jobs/{id}", TestContext.Current.CancellationToken))
                Assert.Single(Kept);
        video.Release();
        Assert.Equal("completed", Status(await EndedAsync(server, ids[2])));
        await Deadline.Until(() => Kept.Length == 0 && room.Held < 100_000);
    }

    [Fact]
    public async Task Where_no_second_name_can_be_given_the_bytes_are_copied()
    {
        using var disk = await SmallDisk.MountAsync();
        await using var video = await HeldVideo.StartAsync();
        await using var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1", "--Files:Path", disk.Folder("files")]);
        var expected = (await server.ChatAsync(Clips.Chat(Same))).Answer;
        await AcceptedAsync(server, Body(url: video.Url));
        await video.Asked;
        var file = await UploadedAsync(server, Clips.Bytes);
        string[] ids = [await AcceptedAsync(server, Asking(file)), await AcceptedAsync(server, Asking(file))];
        Assert.Equal(Clips.Bytes, await File.ReadAllBytesAsync(Assert.Single(Kept), TestContext.Current.CancellationToken));
        await LoseAsync(server, file, Loss.Deleted);
        video.Release();
        foreach (var id in ids)
            Assert.Equal(expected, Answer(await EndedAsync(server, id)));
        await Deadline.Until(() => Kept.Length == 0);
    }

    [Fact]
    public async Task What_a_kill_left_between_the_files_and_the_job_is_removed_by_the_next_start()
    {
        await using var video = await HeldVideo.StartAsync();
        string waiting;
        await using (var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]))
        {
            await AcceptedAsync(server, Body(url: video.Url));
            await video.Asked;
            waiting = await AcceptedAsync(server, Asking(await UploadedAsync(server, Clips.Bytes)));
        }
        var unnamed = Path.Combine(_folder.Path, "named", new string('a', 64));  // bytes whose rows were never written
        var unasked = Path.Combine(_folder.Path, "named", new string('b', 64));  // rows whose job was never written, or has ended
        foreach (var left in new[] { unnamed, unasked }) await File.WriteAllBytesAsync(left, [1, 2, 3], TestContext.Current.CancellationToken);
        using (var table = new SqliteConnection($"Data Source={Path.Combine(_folder.Path, "named.db")};Pooling=False"))
        {
            table.Open();
            using var rows = table.CreateCommand();
            rows.CommandText = $"INSERT INTO named VALUES ('job-gone', 'file-1', 'video/mp4', '{new string('b', 64)}', 3), ('batch_gone', 'file-1', 'video/mp4', '{new string('b', 64)}', 3)";
            rows.ExecuteNonQuery();
        }
        await using (var server = await _folder.StartAsync([.. HeldVideo.Allowed, "--Jobs:MaxRunning", "1"]))
        {
            Assert.False(File.Exists(unnamed) || File.Exists(unasked));
            Assert.Single(Kept);
            Assert.InRange(server.Part<JobRoom>().Held, Clips.Bytes.Length, Clips.Bytes.Length + 10_000);
            video.Release();
            Assert.Equal("completed", Status(await EndedAsync(server, waiting)));
            await Deadline.Until(() => Kept.Length == 0);
        }
    }

    [Theory]
    [InlineData("""{"body":{"messages":[{"content":[{"file":{"file_id":"file-1"}},{"input_video":{"file_id":"file-\u0032"}}]}]}}""", "file-1 file-2")]
    [InlineData("\uFEFF{\"file_id\":\"file-1\"}", "file-1")]
    [InlineData("""{"file_id":"file-1","x":[1,2""", "file-1")]
    [InlineData("""{"file_id":["file-1"],"file_id":7,"text":"file_id"}""", "")]
    [InlineData("""{"file_id":"\ud800"}""", "")]
    [InlineData("", "")]
    public void The_files_of_a_line_are_found_before_it_is_checked(string line, string ids) => Assert.Equal(ids, string.Join(' ', BatchLine.FileIds(Encoding.UTF8.GetBytes(line))));

    public void Dispose() => _folder.Dispose();

    private string[] Kept => Directory.GetFiles(Path.Combine(_folder.Path, "named"));

    /// <summary>A video with bytes behind its end, which nothing reads.</summary>
    private static byte[] Padded(int bytes) => [.. Clips.Bytes, .. new byte[bytes - Clips.Bytes.Length]];

    private static string Chat(string file) =>
        $$$"""{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"{{{file}}}"}},{"type":"text","text":"What happens in the video?"}]}],{{{Same}}}}""";

    private static string Asking(string file) => Chat(file).Replace(Same, $"{Same},\"background\":true", StringComparison.Ordinal);

    private static async Task<string> UploadedAsync(RunningServer server, byte[] bytes, string purpose = "vision")
    {
        var reply = await server.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent(purpose), "purpose" }, { new ByteArrayContent(bytes), "file", "a.mp4" } });
        Assert.True(reply.Status == 200, reply.Text);
        return reply.Json.GetProperty("id").GetString()!;
    }

    private static async Task LoseAsync(RunningServer server, string file, Loss loss)
    {
        if (loss == Loss.Deleted)
            using (var deleted = await server.Http.DeleteAsync($"/v1/files/{file}", TestContext.Current.CancellationToken))
                Assert.True(deleted.IsSuccessStatusCode);
        else if (loss == Loss.Evicted)
            await UploadedAsync(server, Padded(1 << 20));
        else
            server.Part<FileStore>().Database.Run("UPDATE files SET expires = 1 WHERE id = $id", ("$id", file));
        server.Part<FileStore>().RemoveExpired();
    }

    private static (int, string?) Fault(Reply reply) => (reply.Status, reply.Code);
}
