using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Real answers of every route against the OpenAPI document: status, content type, every required field there, and none that is not described.</summary>
public sealed class DescribedAnswerTests
{
    private const string Chat = "/v1/chat/completions", Text = """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":2}""";
    private const string Endless = """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":1500,"ignore_eos":true,"n":8}""";

    [Fact]
    public async Task Every_answer_is_as_the_document_describes_it()
    {
        var jobs = Directory.CreateTempSubdirectory("lvjobs");
        try
        {
            await using var server = await RunningServer.StartAsync("--Jobs:Path", jobs.FullName);
            var document = (JsonObject)JsonNode.Parse((await server.GetAsync("/openapi/v1.json")).Text)!;
            var asked = new AskedServer(server, document);

            await AskAsync(asked);
            await KeepAsync(asked);
            await WorkInTheBackgroundAsync(asked);

            Assert.Empty(document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject().Select(operation => $"{operation.Key.ToUpperInvariant()} {path.Key}")).Except(asked.Answered));
        }
        finally
        {
            jobs.Delete(recursive: true);
        }
    }

    private static async Task AskAsync(AskedServer asked)
    {
        await asked.AskAsync("POST", Chat, Text);
        await asked.AskAsync("POST", Chat, Clips.Chat("\"n\":2,\"logprobs\":true,\"top_logprobs\":2,\"return_token_ids\":true,\"stop_token_ids\":[5],\"max_tokens\":4"));
        await asked.AskAsync("POST", Chat, Clips.Chat("\"stream\":true,\"stream_options\":{\"include_usage\":true,\"include_progress\":true},\"n\":2,\"logprobs\":true,\"return_token_ids\":true,\"max_tokens\":4"));
        await asked.AskAsync("POST", Chat, $$$"""
            {"messages":[{"role":"user","content":[{"type":"video_url","video_url":"{{{Clips.DataUri}}}"},{"type":"subtitles","subtitles":{"data":"WEBVTT\n\n00:00.000 --> 00:01.000\nHi"}},
            {"type":"video_url","video_url":"{{{Clips.DataUri}}}"},{"type":"text","text":"What?"}]}],"prompt_style":"movie","max_tokens":2}
            """);
        await asked.AskAsync("POST", Chat, "{}", status: 400);
        await asked.AskAsync("POST", Chat, """{"messages":[{"role":"user","content":"Hi"}],"model":"gpt-4"}""", status: 404);
        await asked.AskAsync("POST", "/v1/ask", $$"""{"question":"What?","video_url":"{{Clips.DataUri}}","max_tokens":2}""");
        await asked.AskAsync("POST", "/v1/estimate", Clips.Chat());
        await asked.AskAsync("POST", "/v1/estimate", Clips.Chat("\"max_tokens\":1000000"));
        await asked.AskAsync("POST", "/tokenize", """{"prompt":"Hi","with_pieces":true,"return_token_strs":true}""");
        await asked.AskAsync("POST", "/detokenize", """{"tokens":[1,5]}""");
        foreach (var path in (string[])["/v1/models", "/health", "/health/live", "/health/ready", "/version", "/metrics"])
            await asked.AskAsync("GET", path);
        await asked.AskAsync("GET", "/v1/models/default", route: "/v1/models/{id}");
        await asked.AskAsync("GET", "/v1/models/gpt-4", route: "/v1/models/{id}", status: 404);
        await asked.AskAsync("POST", "/admin/drain");
        await asked.AskAsync("GET", "/health", status: 503);
        await asked.AskAsync("POST", "/admin/resume");
    }

    private static async Task KeepAsync(AskedServer asked)
    {
        var file = (await asked.SendAsync("POST", "/v1/files", Form("file", Clips.Bytes, "vision"))).Json.GetProperty("id").GetString();
        await asked.AskAsync("GET", "/v1/files");
        await asked.AskAsync("GET", $"/v1/files/{file}", route: "/v1/files/{id}");
        await asked.AskAsync("GET", $"/v1/files/{file}/content", route: "/v1/files/{id}/content");
        await asked.AskAsync("DELETE", $"/v1/files/{file}", route: "/v1/files/{id}");
        await asked.AskAsync("GET", $"/v1/files/{file}", route: "/v1/files/{id}", status: 404);

        var (half, announced) = (Clips.Bytes.Length / 2, $$"""{"filename":"a.mp4","bytes":{{Clips.Bytes.Length}},"mime_type":"video/mp4","purpose":"vision"}""");
        var upload = (await asked.AskAsync("POST", "/v1/uploads", announced)).Json.GetProperty("id").GetString();
        var parts = new List<string>();
        foreach (var bytes in (byte[][])[Clips.Bytes[..half], Clips.Bytes[half..]])
            parts.Add((await asked.SendAsync("POST", $"/v1/uploads/{upload}/parts", Form("data", bytes), "/v1/uploads/{id}/parts")).Json.GetProperty("id").GetString()!);
        await asked.AskAsync("GET", $"/v1/uploads/{upload}", route: "/v1/uploads/{id}");
        await asked.AskAsync("POST", $"/v1/uploads/{upload}/complete", JsonSerializer.Serialize(new { part_ids = parts }), "/v1/uploads/{id}/complete");
        await asked.AskAsync("GET", $"/v1/uploads/{upload}", route: "/v1/uploads/{id}");
        var other = (await asked.AskAsync("POST", "/v1/uploads", announced)).Json.GetProperty("id").GetString();
        await asked.AskAsync("POST", $"/v1/uploads/{other}/cancel", route: "/v1/uploads/{id}/cancel");
    }

    private static async Task WorkInTheBackgroundAsync(AskedServer asked)
    {
        await asked.AskAsync("GET", "/v1/jobs");
        var job = (await asked.AskAsync("POST", Chat, Clips.Chat("\"background\":true,\"max_tokens\":4"), status: 202)).Json.GetProperty("id").GetString();
        await asked.AskAsync("GET", $"/v1/jobs/{job}?wait=60", route: "/v1/jobs/{id}");
        await asked.AskAsync("GET", "/v1/jobs");
        await asked.AskAsync("GET", $"/v1/jobs/{job}/events", route: "/v1/jobs/{id}/events");
        await asked.AskAsync("DELETE", $"/v1/jobs/{job}", route: "/v1/jobs/{id}");
        var endless = (await asked.AskAsync("POST", Chat, Endless.Replace("}]", "}],\"background\":true", StringComparison.Ordinal), status: 202)).Json.GetProperty("id").GetString();
        await asked.AskAsync("DELETE", $"/v1/jobs/{endless}", route: "/v1/jobs/{id}");

        await asked.AskAsync("GET", "/v1/batches");
        var batch = await BatchAsync(Text);
        await Deadline.Until(async () => (await asked.AskAsync("GET", $"/v1/batches/{batch}", route: "/v1/batches/{id}")).Json.GetProperty("status").GetString() == "completed");
        await asked.AskAsync("GET", "/v1/batches");
        await asked.AskAsync("POST", $"/v1/batches/{await BatchAsync(Endless)}/cancel", route: "/v1/batches/{id}/cancel");

        async Task<string?> BatchAsync(string body)
        {
            var line = JsonSerializer.SerializeToUtf8Bytes(new { custom_id = "1", method = "POST", url = Chat, body = JsonElement.Parse(body) });
            var input = (await asked.SendAsync("POST", "/v1/files", Form("file", line, "batch"))).Json.GetProperty("id").GetString();
            var order = JsonSerializer.Serialize(new { input_file_id = input, endpoint = Chat, completion_window = "24h", metadata = new { a = "b" } });
            return (await asked.AskAsync("POST", "/v1/batches", order)).Json.GetProperty("id").GetString();
        }
    }

    private static MultipartFormDataContent Form(string name, byte[] file, string? purpose = null)
    {
        var form = new MultipartFormDataContent { { new ByteArrayContent(file), name, "a.mp4" } };
        if (purpose is not null) form.Add(new StringContent(purpose), "purpose");
        return form;
    }

    /// <summary>A server whose answers are held against its own document.</summary>
    private sealed class AskedServer(RunningServer server, JsonObject document)
    {
        private readonly JsonObject _schemas = Closed((JsonObject)document["components"]!["schemas"]!.DeepClone());

        public HashSet<string> Answered { get; } = [];

        public Task<Reply> AskAsync(string method, string path, string? json = null, string? route = null, int status = 200) =>
            SendAsync(method, path, json is null ? null : new StringContent(json, null, "application/json"), route, status);

        /// <param name="route">Where the document has it, when that is not the path.</param>
        public async Task<Reply> SendAsync(string method, string path, HttpContent? content, string? route = null, int status = 200)
        {
            using var request = new HttpRequestMessage(new(method), path) { Content = content };
            using var response = await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
            var reply = await Reply.OfAsync(response);
            var operation = document["paths"]![route ?? path]![method.ToLowerInvariant()]!;
            Assert.True(status == reply.Status, $"{method} {path}: {reply.Status} {reply.Text}");
            var described = operation["responses"]![$"{reply.Status}"];
            Assert.True(described is not null, $"{method} {path}: {reply.Status} is not described");
            if (reply.Status < 300) Answered.Add($"{method} {route ?? path}");

            var type = reply.ContentType.Split(';')[0];
            if (type is not ("application/json" or "text/event-stream")) return reply;                        // bytes, and numbers for Prometheus
            var schema = described["content"]?[type]?["schema"];
            Assert.True(schema is not null, $"{method} {path}: {type} is not described");
            var whole = Closed((JsonObject)schema.DeepClone());
            whole["$defs"] = _schemas.DeepClone();
            var judge = JsonSchema.FromText(whole.ToJsonString().Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal));
            foreach (var text in type == "application/json" ? [reply.Text] : reply.Text.Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => line["data: ".Length..]))
            {
                var found = judge.Evaluate(JsonElement.Parse(text), new() { OutputFormat = OutputFormat.List });
                Assert.True(found.IsValid, $"{method} {path}: {text}\n{string.Join('\n', (found.Details ?? []).Where(part => part.Errors is not null).Select(part => $"{part.InstanceLocation}: {string.Join("; ", part.Errors!.Values)}"))}");
            }
            return reply;
        }

        /// <summary>What is not described is not allowed: the document itself leaves objects open, so that clients live with fields that come later.</summary>
        private static JsonObject Closed(JsonObject node)
        {
            if (node["properties"] is JsonObject && !node.ContainsKey("additionalProperties")) node["additionalProperties"] = false;
            foreach (var inner in node.Select(field => field.Value).SelectMany(value => value is JsonArray items ? items : (IEnumerable<JsonNode?>)[value]).OfType<JsonObject>().ToArray())
                Closed(inner);
            return node;
        }
    }
}
