using System.Text.Json;
using System.Text.Json.Nodes;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Every black-box case of the official code, asked over HTTP: the same prompt, the same tokens, the same text.</summary>
public sealed class GoldenTests
{
    /// <summary>Data that skip count as failed, so where the goldens are absent there is one checkpoint, whose test is skipped.</summary>
    public static TheoryData<string> Checkpoints =>
        Shared.Find("goldens/http_cases.json") is null ? ["absent"] : [.. Cases().Select(@case => (string)@case["checkpoint"]!).Distinct()];

    [Theory]
    [MemberData(nameof(Checkpoints), DisableDiscoveryEnumeration = true)]
    public async Task Answers_are_those_of_the_official_code(string checkpoint)
    {
        await using var server = await RunningServer.StartAsync("--Model:Path", Shared.Path($"goldens/work_dirs/llama-vid/{checkpoint}"));
        Assert.All(await Task.WhenAll(Cases().Where(@case => (string)@case["checkpoint"]! == checkpoint).Select(async @case => (@case, Reply: await server.ChatAsync(Request(@case)))).ToArray()), pair =>
        {
            var (name, expected, reply) = ((string)pair.@case["name"]!, pair.@case["expected"]!, pair.Reply);
            Assert.True(reply.Status == 200, $"{name}: {reply.Text}");
            Assert.Equal((int)expected["llm_positions"]!, reply.Json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
            Assert.Equal(Folded(expected["input_ids"]!.AsArray().Select(id => (int)id!)), Folded(Ints(reply.Json.GetProperty("prompt_token_ids"))));
            Assert.Equal(expected["ids"]!.AsArray().Select(id => (int)id!), Ints(reply.Json.GetProperty("choices")[0].GetProperty("token_ids")));
            Assert.Equal((string)expected["text"]!, reply.Answer);
            Assert.Equal((string)expected["finish_reason"]!, reply.Json.GetProperty("choices")[0].GetProperty("finish_reason").GetString());
            if ((string)pair.@case["media_kind"]! == "video")
                Assert.Equal((int)pair.@case["frames_used"]!, reply.Json.GetProperty("video").GetProperty("frames").GetInt32());
        });
    }

    private static IEnumerable<JsonNode> Cases() => JsonNode.Parse(File.ReadAllText(Shared.Path("goldens/http_cases.json")))!.AsArray().Select(@case => @case!);

    /// <summary>The mapping of the goldens' README, "From a case of http_cases.json to a request".</summary>
    private static string Request(JsonNode @case)
    {
        var media = (string)@case["media"]!;
        var mime = ((string)@case["media_kind"]!, Path.GetExtension(media)) is ("video", var extension) ? $"video/{extension[1..]}" : $"image/{Path.GetExtension(media)[1..]}";
        var uri = $"data:{mime};base64,{Convert.ToBase64String(File.ReadAllBytes(Shared.Path($"goldens/{media}")))}";
        return new JsonObject
        {
            ["messages"] = JsonNode.Parse(@case["messages"]!.ToJsonString().Replace(JsonSerializer.Serialize(media), JsonSerializer.Serialize(uri), StringComparison.Ordinal)),
            ["max_tokens"] = (int)@case["max_tokens"]!,
            ["temperature"] = 0,
            ["return_token_ids"] = true,
            ["conversation"] = (string)@case["template"]!,
            ["video_condition"] = @case["video_condition"]!.DeepClone(),
            ["media_position"] = (string)@case["image_token_in_turn"]!,
            ["prompt_style"] = (string)@case["path"]! == "movie" ? "movie" : "clip",
            ["mm_processor_kwargs"] = new JsonObject { ["image_aspect_ratio"] = (string)@case["image_preprocess"]! },
        }.ToJsonString();
    }

    private static IEnumerable<int> Ints(JsonElement array) => array.EnumerateArray().Select(id => id.GetInt32());

    private static int[] Folded(IEnumerable<int> ids)
    {
        var folded = new List<int>();
        foreach (var id in ids)
            if (id != -200 || folded.Count == 0 || folded[^1] != -200)
                folded.Add(id);
        return [.. folded];
    }
}
