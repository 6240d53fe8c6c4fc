using System.ComponentModel;
using System.Text.Json.Nodes;
using LlamaVid.Server.Requests;
using Microsoft.OpenApi;

namespace LlamaVid.Server.Features.Tokens;

/// <summary>The fields of /tokenize and /detokenize.</summary>
internal static class TokenFields
{
    private const int MostCharacters = 1_000_000, MostTokens = 1_000_000;

    private static readonly string[] OfChat = ["conversation", "messages"];

    public static FieldTable<TokenizeDraft> Tokenize { get; } = new(
    [
        Text("prompt", "The text; with special tokens unless `add_special_tokens` is false."),
        Text("content", "The same, without special tokens unless `add_special` is true."),
        .. RequestReader.ChatFields.Fields.Where(field => OfChat.Contains(field.Name)).Select(field =>
            new Field<TokenizeDraft>(field.Name, field.Description, field.Schema, (draft, value) => field.Read(draft.Chat, value))),
        Field.Text<TokenizeDraft>("model", "The id that GET /v1/models lists.", (draft, model) => draft.Model = model),
        Field.Flag<TokenizeDraft>("add_special_tokens", "Begin with the beginning-of-sequence token. Default true for a prompt.", (draft, on) => draft.AddSpecial = on),
        Field.Flag<TokenizeDraft>("add_special", "The same.", (draft, on) => draft.AddSpecial = on),
        Field.Flag<TokenizeDraft>("with_pieces", "`tokens` are objects with `id` and `piece`.", (draft, on) => draft.WithPieces = on),
        Field.Flag<TokenizeDraft>("return_token_strs", "Adds `token_strs`.", (draft, on) => draft.WithTexts = on),
        Field.Only<TokenizeDraft>("add_generation_prompt", "true"), Field.Only<TokenizeDraft>("continue_final_message", "false"), Field.Only<TokenizeDraft>("parse_special", "true"),
    ]);

    public static FieldTable<DetokenizeDraft> Detokenize { get; } = new(
        new Field<DetokenizeDraft>("tokens", "Token ids.",
            () => new() { Type = JsonSchemaType.Array, MaxItems = MostTokens, Items = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "0" } },
            (draft, value) => draft.Tokens = [.. value.Items(MostTokens).Select(item => (int)item.Integer(0, int.MaxValue))], Required: true),
        Field.Text<DetokenizeDraft>("model", "The id that GET /v1/models lists.", (draft, model) => draft.Model = model));

    private static Field<TokenizeDraft> Text(string name, string description) =>
        new(name, description, () => new() { Type = JsonSchemaType.String, MaxLength = MostCharacters }, (draft, value) =>
        {
            if (draft.TextPath is { } before)
                throw new InvalidRequestException(value.Path, $"'{value.Path}' is a second text, after '{before}'. Send one of them.");
            var text = value.Text();
            (draft.Text, draft.TextPath) = text.Length <= MostCharacters ? (text, value.Path) : throw value.Wrong($"must have at most {MostCharacters} characters");
        });
}

internal sealed class TokenizeDraft(ChatDraft chat)
{
    public ChatDraft Chat { get; } = chat;
    public string? Model { get; set; }
    public string? Text { get; set; }
    public string? TextPath { get; set; }
    public bool? AddSpecial { get; set; }
    public bool WithPieces { get; set; }
    public bool WithTexts { get; set; }
}

internal sealed class DetokenizeDraft
{
    public string? Model { get; set; }
    public List<int> Tokens { get; set; } = [];
}

internal sealed record TokenizeAnswer
{
    public required int Count { get; init; }
    [Description("Most positions of prompt and answer together.")]
    public required int MaxModelLen { get; init; }
    [Description("Token ids; with `with_pieces`, objects with `id` and `piece`: a text, or the bytes of what is no whole character.")]
    public required JsonArray Tokens { get; init; }
    [Description("With `return_token_strs`.")]
    public IReadOnlyList<string>? TokenStrs { get; init; }
}

/// <param name="Prompt">vLLM's name of the text.</param>
/// <param name="Content">llama.cpp's name of it.</param>
internal sealed record DetokenizeAnswer(string Prompt, string Content);
