using LlamaVid.Engine;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Requests;

/// <summary>The fields that say how tokens are drawn, how many answers are written and where each ends. They mean what they mean in vLLM.</summary>
internal static class SamplingFields
{
    private const int MostStops = 16, MostStopTokens = 1000, MostBiases = 10_000;

    public static IEnumerable<Field<ChatDraft>> All => [.. Drawing, .. Ending, .. Telling];

    private static IEnumerable<Field<ChatDraft>> Drawing =>
    [
        Choosing("temperature", 0, 2, "0 always takes the likeliest token. Default 0.2, as in the official programs.", (options, value) => options with { Temperature = value }),
        Choosing("top_p", 0, 1, "Keep the smallest set of likeliest tokens whose probabilities sum to this. Default 1.", (options, value) => options with { TopP = value }),
        Field.Integer<ChatDraft>("top_k", -1, int.MaxValue, "Keep the k likeliest tokens; 0 or -1 keeps all. Default 50.",
            (draft, value) => draft.Choosing = draft.Choosing with { TopK = (int)Math.Max(0, value) }),
        Choosing("min_p", 0, 1, "Keep tokens at least this fraction as likely as the likeliest. Default 0.", (options, value) => options with { MinP = value }),
        Choosing("repetition_penalty", 0.01, 100, "Above 1, tokens of the prompt's text and of the answer become less likely. Default 1.",
            (options, value) => options with { RepetitionPenalty = value }),
        Choosing("presence_penalty", -2, 2, "Taken from the logit of every token that is in the answer already. Default 0.", (options, value) => options with { PresencePenalty = value }),
        Choosing("frequency_penalty", -2, 2, "Taken from a token's logit once for each time it is in the answer already. Default 0.",
            (options, value) => options with { FrequencyPenalty = value }),
        new("logit_bias", "From token ids, written as texts, to what is added to their logits, -100 to 100.",
            () => new() { Type = JsonSchemaType.Object, AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Number, Minimum = "-100", Maximum = "100" } },
            (draft, value) => draft.Choosing = draft.Choosing with { Bias = Bias(value) }),
        Field.Integer<ChatDraft>("seed", long.MinValue, long.MaxValue, "The same seed gives the same answer to the same request.",
            (draft, value) => draft.Choosing = draft.Choosing with { Seed = value }),
        new("n", "Answers to write, each with draws of its own. The prompt's work is done once. At most Server:MaxChoices.",
            () => new() { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "128", Default = 1 },
            (draft, value) => draft.Choices = (int)value.Integer(1, draft.Limits.Choices)),
    ];

    private static IEnumerable<Field<ChatDraft>> Ending =>
    [
        new("stop", "A text, or up to 16 of them, that ends the answer and is not part of it.", StopSchema, (draft, value) => draft.Stop = Stops(value), Form: FormValue.TextOrJson),
        new("stop_token_ids", "Tokens that end the answer.",
            () => new() { Type = JsonSchemaType.Array, MaxItems = MostStopTokens, Items = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "0" } },
            (draft, value) => draft.StopTokens = [.. value.Items(MostStopTokens).Select(item => (int)item.Integer(0, int.MaxValue))]),
        Field.Flag<ChatDraft>("include_stop_str_in_output", "The stop text or stop token that ended the answer is part of it.", (draft, on) => draft.KeepsStop = on),
        Field.Flag<ChatDraft>("ignore_eos", "Go on after the model's own end, up to `max_tokens`.", (draft, on) => draft.IgnoreEos = on),
        Field.Integer<ChatDraft>("min_tokens", 0, 1_000_000, "Before so many tokens nothing ends the answer. Default 0.", (draft, value) => draft.MinTokens = (int)value),
    ];

    private static IEnumerable<Field<ChatDraft>> Telling =>
    [
        Field.Flag<ChatDraft>("logprobs", "Tell how likely each token was, before temperature, bias and penalties.", (draft, on) => draft.Logprobs = on),
        Field.Integer<ChatDraft>("top_logprobs", 0, 20, "With `logprobs`: tell also so many of the likeliest tokens in each place.", (draft, value) => draft.TopLogprobs = (int)value),
    ];

    private static Field<ChatDraft> Choosing(string name, double min, double max, string description, Func<SamplingOptions, double, SamplingOptions> with) =>
        Field.Number<ChatDraft>(name, min, max, description, (draft, value) => draft.Choosing = with(draft.Choosing, value));

    private static Dictionary<int, double>? Bias(JsonCursor value)
    {
        var biases = new Dictionary<int, double>();
        foreach (var (name, bias) in value.Fields())
        {
            if (!int.TryParse(name, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var id) || !biases.TryAdd(id, bias.Number(-100, 100)))
                throw new InvalidRequestException(InvalidRequestException.Shortened(bias.Path), "The names in 'logit_bias' must be token ids, each once. POST /tokenize tells them.");
            if (biases.Count > MostBiases)
                throw value.Wrong($"must have at most {MostBiases} tokens");
        }
        return biases.Count == 0 ? null : biases;
    }

    private static OpenApiSchema StopSchema() => new()
    {
        OneOf =
        [
            new OpenApiSchema { Type = JsonSchemaType.String },
            new OpenApiSchema { Type = JsonSchemaType.Array, MaxItems = MostStops, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
        ],
    };

    private static string[] Stops(JsonCursor value)
    {
        JsonCursor[] items = value.IsArray ? [.. value.Items(MostStops)] : [value];
        return [.. items.Select(item => item.Text() is { Length: > 0 and <= 1000 } text ? text : throw item.Wrong("must have 1 to 1000 characters"))];
    }
}
