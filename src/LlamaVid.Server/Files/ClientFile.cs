using LlamaVid.Engine;

namespace LlamaVid.Server.Files;

/// <summary>What a file is for, in OpenAI's words.</summary>
internal enum FilePurpose { Vision, UserData, Batch, BatchOutput }

internal static class FilePurposes
{
    /// <summary>By their names on the wire.</summary>
    public static readonly IReadOnlyDictionary<string, FilePurpose> All = new Dictionary<string, FilePurpose>
    {
        ["vision"] = FilePurpose.Vision, ["user_data"] = FilePurpose.UserData, ["batch"] = FilePurpose.Batch, ["batch_output"] = FilePurpose.BatchOutput,
    };

    /// <summary>What a client may upload for; the others are the server's own.</summary>
    public static readonly IReadOnlyDictionary<string, FilePurpose> Uploadable =
        All.Where(purpose => purpose.Value != FilePurpose.BatchOutput).ToDictionary();

    public static string Wire(this FilePurpose purpose) => All.First(entry => entry.Value == purpose).Key;
}

/// <summary>A file as its owner knows it. Its bytes are named by their hash and may be shared with other files.</summary>
/// <param name="Name">The client's own; shown, never used as a path.</param>
internal sealed record ClientFile(
    string Id, string Owner, string Name, FilePurpose Purpose, FileContent Content, string Hash, long Bytes, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);
