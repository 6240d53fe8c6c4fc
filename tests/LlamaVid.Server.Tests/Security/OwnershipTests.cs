using System.Net.Http.Headers;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>What one key has uploaded does not exist for another, however it is asked for; and files ask for the right of that name.</summary>
public sealed class OwnershipTests
{
    [Fact]
    public async Task Files_are_their_keys()
    {
        var folder = Directory.CreateTempSubdirectory("lv");
        var keys = new Keys();
        var (mine, other, asking) = (keys.Add("mine"), keys.Add("other"), keys.Add("asking", ("Rights", "Generate")));
        await using (var server = await RunningServer.StartAsync([.. keys.Options, "--Files:Path", folder.FullName]))
        {
            var uploaded = await Keys.AskAsync(server, "POST", "/v1/files", mine, Upload());
            Assert.Equal(200, uploaded.Status);
            var id = uploaded.Json.GetProperty("id").GetString()!;

            foreach (var (method, path) in new[] { ("GET", $"/v1/files/{id}"), ("GET", $"/v1/files/{id}/content"), ("DELETE", $"/v1/files/{id}") })
            {
                Assert.Equal(404, (await Keys.AskAsync(server, method, path, other)).Status);
                Assert.Equal(403, (await Keys.AskAsync(server, method, path, asking)).Status);
            }
            Assert.Equal(403, (await Keys.AskAsync(server, "POST", "/v1/files", asking, Upload())).Status);
            Assert.DoesNotContain(id, (await Keys.AskAsync(server, "GET", "/v1/files", other)).Text, StringComparison.Ordinal);
            Assert.Equal((404, 404, 200), (await AskAboutAsync(server, id, other), await AskAboutAsync(server, id, asking), await AskAboutAsync(server, id, mine)));
            Assert.Equal(200, (await Keys.AskAsync(server, "DELETE", $"/v1/files/{id}", mine)).Status);
        }
        folder.Delete(recursive: true);
    }

    private static MultipartFormDataContent Upload()
    {
        var file = new ByteArrayContent(Clips.Bytes);
        file.Headers.ContentType = new MediaTypeHeaderValue("video/mp4");
        return new() { { file, "file", "clip.mp4" }, { new StringContent("vision"), "purpose" } };
    }

    private static async Task<int> AskAboutAsync(RunningServer server, string id, string key) => (await Keys.AskAsync(server, "POST", "/v1/ask", key,
        new StringContent($$"""{"file_id":"{{id}}","question":"Why?","max_tokens":1}""", null, "application/json"))).Status;
}
