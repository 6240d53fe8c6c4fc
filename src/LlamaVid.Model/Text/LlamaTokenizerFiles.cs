using System.Text.Json;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Text;

/// <summary>What the JSON files beside a <c>tokenizer.model</c> say, read as transformers 4.31 reads them. Knows no ids.</summary>
internal sealed class LlamaTokenizerFiles
{
    private static readonly string[] Names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly Dictionary<string, SpecialToken> _tokens = new(StringComparer.Ordinal)
    {
        ["bos_token"] = new("<s>", IsExact: true),
        ["eos_token"] = new("</s>", IsExact: true),
        ["unk_token"] = new("<unk>", IsExact: true),
    };
    private readonly List<SpecialToken> _additional = [];

    /// <summary>A token that text is split at.</summary>
    /// <param name="IsExact">Its whitespace rules are stated in the file; a bare name swallows the whitespace on both sides.</param>
    public sealed record SpecialToken(string Content, bool IsExact, bool StripsLeft = false, bool StripsRight = false);

    public bool Legacy { get; private set; } = true;
    public bool AddBos { get; private set; } = true;
    public bool AddEos { get; private set; }

    public string Bos => _tokens["bos_token"].Content;
    public string Eos => _tokens["eos_token"].Content;
    public string Unk => _tokens["unk_token"].Content;

    /// <summary>All special tokens in transformers' order, the same content possibly several times.</summary>
    public IEnumerable<SpecialToken> Special => [.. Names.Where(_tokens.ContainsKey).Select(name => _tokens[name]), .. _additional];

    /// <summary>The contents of added_tokens.json in the order of their ids.</summary>
    public IReadOnlyList<(string Content, int Id)> Added { get; private set; } = [];

    public static LlamaTokenizerFiles Read(string folder)
    {
        var files = new LlamaTokenizerFiles();
        Parse(Path.Combine(folder, "tokenizer_config.json"), files.ReadConfig);
        Parse(Path.Combine(folder, "special_tokens_map.json"), root => files.ReadTokens(root, bareNamesAreExact: false));
        Parse(Path.Combine(folder, "added_tokens.json"), root =>
            files.Added = [.. root.EnumerateObject().Select(token => (NotEmpty(token.Name), token.Value.GetInt32())).OrderBy(token => token.Item2)]);
        return files;
    }

    private void ReadConfig(JsonElement root)
    {
        Legacy = Flag(root, "legacy", Legacy);
        AddBos = Flag(root, "add_bos_token", AddBos);
        AddEos = Flag(root, "add_eos_token", AddEos);
        ReadTokens(root, bareNamesAreExact: true);             // the tokenizer's constructor wraps bare names of its configuration
    }

    private void ReadTokens(JsonElement root, bool bareNamesAreExact)
    {
        foreach (var name in Names)
            if (root.TryGetProperty(name, out var value) && ReadToken(value, bareNamesAreExact) is { } token)
                _tokens[name] = token;
        if (root.TryGetProperty("additional_special_tokens", out var list) && list.ValueKind == JsonValueKind.Array)
        {
            _additional.Clear();
            _additional.AddRange(list.EnumerateArray().Select(value => ReadToken(value, bareNamesAreExact: false)).OfType<SpecialToken>());
        }
    }

    private static SpecialToken? ReadToken(JsonElement value, bool bareNamesAreExact) => value.ValueKind switch
    {
        JsonValueKind.String => new(NotEmpty(value.GetString()!), bareNamesAreExact),
        JsonValueKind.Object => new(NotEmpty(value.GetProperty("content").GetString()), IsExact: true, Flag(value, "lstrip", false), Flag(value, "rstrip", false)),
        JsonValueKind.Null => null,
        _ => throw new JsonException($"a special token is a string or an object with \"content\", not {value.ValueKind}"),
    };

    private static string NotEmpty(string? content) => content is { Length: > 0 } ? content : throw new JsonException("a token is empty");

    private static bool Flag(JsonElement root, string name, bool absent) =>
        root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.GetBoolean() : absent;

    private static void Parse(string path, Action<JsonElement> read)
    {
        if (!File.Exists(path))
            return;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new JsonException("the file is not a JSON object");
            read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, e is JsonException ? e.Message : "a value is not of the type that transformers writes", e);
        }
    }
}
