using System.Text.Json;
using LlamaVid.Model.Text;

namespace LlamaVid.Tests.Model.Text;

/// <summary>The recorded outputs of the official tokenizers and programs, and the tokenizers they were recorded with.</summary>
internal static class TextGoldens
{
    private static readonly Dictionary<string, LlamaTokenizer> Tokenizers = [];

    public static JsonElement Json(string relative)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Shared.Path(relative)));
        return document.RootElement.Clone();
    }

    public static int[] Ints(this JsonElement element) => [.. element.EnumerateArray().Select(value => value.GetInt32())];

    public static string Text(this JsonElement element, string name) => element.GetProperty(name).GetString()!;

    public static LlamaTokenizer Checkpoint(string name)
    {
        lock (Tokenizers)
            return Tokenizers.TryGetValue(name, out var known) ? known
                : Tokenizers[name] = LlamaTokenizer.Load(Shared.Path($"goldens/work_dirs/llama-vid/{name}"));
    }

    public static LlamaTokenizer Tiny(bool legacy) => Checkpoint(legacy ? "llama-vid-7b-eva56" : "llama-vid-7b-full-224-video-fps-1");

    /// <summary>The real model beside configuration files as Vicuna has them.</summary>
    public static LlamaTokenizer Real(bool legacy)
    {
        lock (Tokenizers)
        {
            var name = $"real {legacy}";
            if (Tokenizers.TryGetValue(name, out var known))
                return known;
            using var folder = new TokenizerFolder(Shared.Path("assets/tokenizers/llama2-tokenizer.model"));
            folder.Write("tokenizer_config.json", $$"""{"legacy": {{(legacy ? "true" : "false")}}, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}""");
            folder.Write("special_tokens_map.json", """{"pad_token": "<unk>"}""");
            return Tokenizers[name] = LlamaTokenizer.Load(folder.Path);
        }
    }

    /// <summary>tokenizer_image_token on a finished prompt string.</summary>
    public static List<int> EncodeWithImages(this LlamaTokenizer tokenizer, string prompt)
    {
        var ids = new List<int>();
        foreach (var chunk in prompt.Split("<image>"))
            if (ids.Count == 0)
                ids.AddRange(tokenizer.Encode(chunk));
            else
                ids.AddRange([-200, .. tokenizer.Encode(chunk).Skip(1)]);
        return ids;
    }
}

/// <summary>A folder with a copy of a tokenizer.model that is gone after the test.</summary>
internal sealed class TokenizerFolder : IDisposable
{
    public TokenizerFolder(string? model = null)
    {
        if (model is not null)
            File.Copy(model, System.IO.Path.Combine(Path, "tokenizer.model"));
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("llamavid-tokenizer-").FullName;

    public void Write(string name, string text) => File.WriteAllText(System.IO.Path.Combine(Path, name), text);

    public void Write(string name, byte[] bytes) => File.WriteAllBytes(System.IO.Path.Combine(Path, name), bytes);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
