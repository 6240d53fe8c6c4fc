using System.Text.Json;
using LlamaVid.Server.Requests;

namespace LlamaVid.Server.Tests.Http;

/// <summary>The OpenAPI document and the page over it.</summary>
[Collection(nameof(DefaultServer))]
public sealed class DocumentationTests(DefaultServer fixture)
{
    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task Every_route_and_every_field_is_in_the_document()
    {
        var document = (await _server.GetAsync("/openapi/v1.json")).Json;

        Assert.Equal(["/admin/drain", "/admin/resume", "/detokenize", "/health", "/health/live", "/health/ready", "/metrics", "/tokenize", "/v1/ask", "/v1/batches", "/v1/batches/{id}", "/v1/batches/{id}/cancel", "/v1/chat/completions", "/v1/estimate", "/v1/files", "/v1/files/{id}", "/v1/files/{id}/content", "/v1/jobs", "/v1/jobs/{id}", "/v1/jobs/{id}/events", "/v1/models", "/v1/models/{id}", "/v1/uploads", "/v1/uploads/{id}", "/v1/uploads/{id}/cancel", "/v1/uploads/{id}/complete", "/v1/uploads/{id}/parts", "/version"],
            document.GetProperty("paths").EnumerateObject().Select(path => path.Name).Order(StringComparer.Ordinal));
        var chat = Schema(document, "/v1/chat/completions", "application/json");
        Assert.Equal(RequestReader.ChatFields.Fields.Select(field => field.Name).Order(), chat.GetProperty("properties").EnumerateObject().Select(field => field.Name).Order());
        Assert.All(chat.GetProperty("properties").EnumerateObject(), field => Assert.NotEqual("", field.Value.GetProperty("description").GetString()));
        var form = Schema(document, "/v1/ask", "multipart/form-data").GetProperty("properties");
        Assert.Equal("binary", form.GetProperty("video").GetProperty("format").GetString());
        Assert.True(form.TryGetProperty("question", out _) && form.TryGetProperty("max_tokens", out _));
        Assert.All(form.EnumerateObject(), field => Assert.Contains(field.Value.GetProperty("type").GetString(), new[] { "string", "number", "integer", "boolean" }));
        // The page fills in what is written here; anything but nothing would be sent, and refused.
        Assert.All(form.EnumerateObject().Where(field => field.Name is not ("question" or "video" or "image")),
            field => Assert.Equal([""], field.Value.GetProperty("examples").EnumerateArray().Select(example => example.GetString())));
    }

    [Fact]
    public async Task Every_field_is_on_the_page_about_fields()
    {
        var page = await File.ReadAllTextAsync(LlamaVid.Tests.Repository.Path("docs/fields.md"), TestContext.Current.CancellationToken);
        Assert.All(RequestReader.ChatFields.Fields, field => Assert.Contains($"`{field.Name}`", page, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_document_has_the_servers_version() => Assert.Equal(
        (await _server.GetAsync("/version")).Json.GetProperty("version").GetString(),
        (await _server.GetAsync("/openapi/v1.json")).Json.GetProperty("info").GetProperty("version").GetString());

    [Fact]
    public async Task Answers_and_errors_are_described()
    {
        var document = (await _server.GetAsync("/openapi/v1.json")).Json;
        var responses = document.GetProperty("paths").GetProperty("/v1/chat/completions").GetProperty("post").GetProperty("responses");
        Assert.Equal(["200", "202", "400", "401", "403", "404", "408", "413", "415", "422", "429", "500", "503", "507"], responses.EnumerateObject().Select(response => response.Name).Order());
        Assert.Equal(["application/json", "text/event-stream"], responses.GetProperty("200").GetProperty("content").EnumerateObject().Select(content => content.Name));
        var schemas = document.GetProperty("components").GetProperty("schemas");
        Assert.True(schemas.GetProperty("ChatCompletion").GetProperty("properties").TryGetProperty("prompt_token_ids", out _));
        Assert.Equal(["message", "type", "param", "code"], schemas.GetProperty("Error").GetProperty("properties").EnumerateObject().Select(field => field.Name));
    }

    [Fact]
    public async Task The_page_is_there()
    {
        var page = await _server.GetAsync("/swagger/index.html");
        Assert.Equal((200, true), (page.Status, page.Text.Contains("swagger-ui", StringComparison.Ordinal)));
        Assert.Contains("/openapi/v1.json", (await _server.GetAsync("/swagger/index.js")).Text + page.Text, StringComparison.Ordinal);
    }

    private static JsonElement Schema(JsonElement document, string path, string type) =>
        document.GetProperty("paths").GetProperty(path).GetProperty("post").GetProperty("requestBody").GetProperty("content").GetProperty(type).GetProperty("schema");
}
