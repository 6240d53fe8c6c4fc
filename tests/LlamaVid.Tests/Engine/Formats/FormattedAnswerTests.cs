using System.Text.Json;
using Json.Schema;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Tests.Engine.Formats;

/// <summary>What models write under a format is of that format, whatever they would rather have said. Checked by a library's validator.</summary>
[Collection(AloneCollection.Name)]
public sealed class FormattedAnswerTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const int Schemas = 200;

    [Fact]
    public void Texts_drawn_at_random_are_valid_under_random_schemas()
    {
        var random = new Random(2);
        for (var i = 0; i < 5 * Schemas; i++)
        {
            var schema = new RandomSchema(random).Root().ToJsonString();
            var format = Formatted.Schema(schema);
            if (format.Draw(random) is { } text) AssertValid(schema, text);
        }
    }

    [Fact]
    public async Task Answers_of_a_model_of_random_weights_are_valid_under_200_random_schemas() =>
        Assert.True(await ValidAsync(fixture.Engine, 3) > Schemas * 0.9);

    [Fact]
    public async Task Answers_of_the_default_model_at_temperature_one_are_valid_under_200_random_schemas()
    {
        using var media = new MediaOpener(new() { TempDirectory = fixture.Temporary }, NullLogger<MediaOpener>.Instance);
        var model = new ModelOptions { Path = Repository.Path("deploy/models/default"), Dtype = ModelDtype.Float32, Device = "cpu" };
        await using var engine = new GenerationEngine(model, new(), media, TimeProvider.System, NullLogger<GenerationEngine>.Instance);
        await engine.StartAsync();
        Assert.True(await ValidAsync(engine, 4) > Schemas * 0.9);
    }

    [Fact]
    public async Task An_answer_that_is_cut_off_says_so_and_is_the_beginning_of_json()
    {
        var events = await fixture.Engine.Submit(EngineFixture.Text("Hello", 8) with { Format = AnswerFormat.JsonObject(), Sampling = new() { Temperature = 1, TopK = 0, Seed = 1 } }).AllAsync();
        Assert.Equal(FinishReason.Length, ((GenerationEvent.Finished)events[^1]).Reason);
        Assert.StartsWith("{", Text(events, 0).TrimStart());
    }

    [Fact]
    public async Task Answers_of_one_request_each_keep_the_format_and_company_changes_none()
    {
        var request = fixture.Video("What happens?", maxTokens: 60) with
        {
            Choices = 3, Format = Formatted.Schema("""{"type":"object","properties":{"colour":{"enum":["red","green"]},"count":{"type":"integer","minimum":0,"maximum":9}},"required":["colour","count"]}"""),
            Sampling = new() { Temperature = 1.5, TopK = 0, Seed = 2, RepetitionPenalty = 1.2, Likeliest = 1 }, Stop = ["###"], MinTokens = 3,
        };
        var alone = await fixture.Engine.Submit(request).AllAsync();
        var together = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => fixture.Engine.Submit(request).AllAsync()));
        for (var choice = 0; choice < 3; choice++)
        {
            Assert.Contains(JsonElement.Parse(Text(alone, choice)).GetProperty("colour").GetString(), (string[])["red", "green"]);
            Assert.All(together, events => Assert.Equal(Text(alone, choice), Text(events, choice)));
        }
    }

    [Fact]
    public async Task A_format_that_is_too_complex_ends_its_own_request_only()
    {
        var other = fixture.Engine.Submit(EngineFixture.Text("Hello", 30) with { IgnoreEos = true });
        var format = AnswerFormat.Pattern("((((.{0,900}){0,900}){0,900}){0,900})b");
        Assert.IsType<FormatTooComplexException>(await fixture.Engine.Submit(EngineFixture.Text("Hello", 2000) with { Format = format, Sampling = new() { Temperature = 1 } }).FaultAsync());
        Assert.Equal(30, (await other.TokensAsync()).Count);
    }

    /// <returns>how many answers came to their end; each of them is valid</returns>
    private static async Task<int> ValidAsync(GenerationEngine engine, int seed)
    {
        var random = new Random(seed);
        var schemas = Enumerable.Range(0, Schemas).Select(_ => new RandomSchema(random).Root().ToJsonString()).ToArray();
        var ended = 0;
        foreach (var batch in schemas.Chunk(40))
        {
            var answers = await Task.WhenAll(batch.Select((schema, i) => engine.Submit(
                EngineFixture.Text($"Question {i}", 400) with { Format = Formatted.Schema(schema), Sampling = new() { Temperature = 1, TopK = 0, Seed = i } }).AllAsync()));
            foreach (var (schema, events) in batch.Zip(answers))
            {
                if (Assert.IsType<GenerationEvent.Finished>(events[^1]).Reason == FinishReason.Length) continue;
                AssertValid(schema, Text(events, 0).Trim());
                ended++;
            }
        }
        return ended;
    }

    private static string Text(List<GenerationEvent> events, int choice) =>
        string.Concat(events.OfType<GenerationEvent.Token>().Where(token => token.Choice == choice).Select(token => token.Text))
        + events.OfType<GenerationEvent.ChoiceFinished>().Select(ended => ended.End).Append(((GenerationEvent.Finished)events[^1]).End).Single(end => end.Choice == choice).Text;

    private static void AssertValid(string schema, string text) =>
        Assert.True(JsonSchema.FromText(schema).Evaluate(JsonElement.Parse(text, new() { MaxDepth = 500 })).IsValid, $"{text}\nis not valid under\n{schema}");
}
