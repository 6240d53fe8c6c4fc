using System.Runtime.CompilerServices;
using System.Text.Json;

namespace LlamaVid.Training.Data;

/// <summary>
/// Reads the official data format: a JSON array of <c>{"id", "image" | "video" | neither, "conversations": [{"from", "value"}, …]}</c>. Opens
/// no media.
/// </summary>
/// <remarks>A video named <c>X.pkl</c> stands for the movie features in <c>X.safetensors</c>: pickles of arrays are not read.</remarks>
internal static class DataFile
{
    private const int LongestShownId = 80;

    /// <summary>Reads entry by entry, so that a file of any size costs one entry.</summary>
    /// <param name="media">folder that the samples' paths start from</param>
    /// <returns>a sample or what is wrong with it, in the order of the file</returns>
    /// <exception cref="DataFileException">There is no such file, or it is not a JSON array.</exception>
    public static async IAsyncEnumerable<(int Number, string Id, Sample? Sample, SampleFault? Fault)> ReadAsync(
        string path, string media, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!File.Exists(path)) throw new DataFileException(path, "there is no such file; --data takes a JSON file or a folder that holds the stage's one.");
        var file = File.OpenRead(path);
        await using var _ = file.ConfigureAwait(false);
        var entries = JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(file, cancellationToken: cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using var __ = entries.ConfigureAwait(false);
        for (var number = 0; ; number++)
        {
            try
            {
                if (!await entries.MoveNextAsync().ConfigureAwait(false)) yield break;
            }
            catch (JsonException fault)
            {
                throw new DataFileException(path, number == 0
                    ? $"it is not a JSON array of samples: {fault.Message}"
                    : $"the JSON breaks off or is damaged behind sample {number - 1}: {fault.Message}", fault);
            }
            yield return Read(number, entries.Current, media);
        }
    }

    private static (int, string, Sample?, SampleFault?) Read(int number, JsonElement entry, string media)
    {
        var id = entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("id", out var value) ? value.ToString() : $"{number}";
        if (id.Length > LongestShownId) id = id[..LongestShownId] + "…";
        try
        {
            if (entry.ValueKind != JsonValueKind.Object) throw new SampleFault("it is not a JSON object.");
            return (number, id, new(number, id, Media(entry, media), Turns(entry)), null);
        }
        catch (SampleFault fault)
        {
            return (number, id, null, fault);
        }
    }

    private static List<SampleTurn> Turns(JsonElement entry)
    {
        if (!entry.TryGetProperty("conversations", out var list) || list.ValueKind != JsonValueKind.Array)
            throw new SampleFault("it has no list \"conversations\".");
        var turns = new List<SampleTurn>();
        foreach (var turn in list.EnumerateArray())
        {
            if (Text(turn, "from") is not ("human" or "gpt") || Text(turn, "value") is not { } text)
                throw new SampleFault($"turn {turns.Count} of its conversations is not {{\"from\": \"human\" or \"gpt\", \"value\": a text}}.");
            turns.Add(new(Text(turn, "from") == "human", text));
        }
        if (turns is [{ IsHuman: false }, ..]) turns.RemoveAt(0);                       // as the official code: an answer to nothing
        for (var i = 0; i < turns.Count; i++)
            if (turns[i].IsHuman != (i % 2 == 0)) throw new SampleFault($"its turns do not alternate between human and gpt (turn {i}).");
        if (turns.Count == 0 || turns.Count % 2 != 0) throw new SampleFault("its conversation does not end with an answer.");
        return turns;
    }

    private static SampleMedia? Media(JsonElement entry, string folder)
    {
        if (entry.TryGetProperty("image", out var image)) return new(Full(image, "image"), SampleMediaKind.Picture);
        if (!entry.TryGetProperty("video", out var video)) return null;
        var path = Full(video, "video");
        return Path.GetExtension(path).ToUpperInvariant() switch
        {
            ".SAFETENSORS" => new(path, SampleMediaKind.Movie),
            ".PKL" when File.Exists(Path.ChangeExtension(path, ".safetensors")) => new(Path.ChangeExtension(path, ".safetensors"), SampleMediaKind.Movie),
            ".PKL" => throw new SampleFault(
                $"{path} is a pickle, which could run code and is not read; convert it to {Path.ChangeExtension(path, ".safetensors")} as docs/training.md shows."),
            _ => new(path, SampleMediaKind.Video),
        };

        string Full(JsonElement name, string key) =>
            name.ValueKind == JsonValueKind.String && name.GetString() is { Length: > 0 } text && !text.Contains('\0', StringComparison.Ordinal)
                ? Path.GetFullPath(text, Path.GetFullPath(folder)) : throw new SampleFault($"its \"{key}\" is not a file name.");
    }

    private static string? Text(JsonElement turn, string key) =>
        turn.ValueKind == JsonValueKind.Object && turn.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
