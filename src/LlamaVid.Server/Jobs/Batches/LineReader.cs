using System.Runtime.CompilerServices;

namespace LlamaVid.Server.Jobs.Batches;

/// <summary>A file's lines, one at a time, none longer in memory than it may be.</summary>
internal static class LineReader
{
    private const int ChunkBytes = 64 * 1024;

    /// <returns>Numbers from 1. The text is null where the line is longer than <paramref name="longest"/> bytes; lines of white space are left out.</returns>
    public static async IAsyncEnumerable<(int Number, byte[]? Text)> ReadAsync(
        Stream file, long longest, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (chunk, line, length, number) = (new byte[ChunkBytes], new MemoryStream(), 0L, 1);
        for (int read; (read = await file.ReadAsync(chunk, cancellationToken)) > 0;)
        {
            for (var at = 0; at < read;)
            {
                var end = Array.IndexOf(chunk, (byte)'\n', at, read - at);
                var part = (end < 0 ? read : end) - at;
                if (length + part <= longest) line.Write(chunk, at, part);
                length += part;
                at += part;
                if (end < 0) continue;
                at++;
                if (length > longest || !IsBlank(line)) yield return (number, length > longest ? null : line.ToArray());
                line.SetLength(0);
                (length, number) = (0, number + 1);
            }
        }
        if (length > longest || !IsBlank(line)) yield return (number, length > longest ? null : line.ToArray());
    }

    private static bool IsBlank(MemoryStream line) => line.GetBuffer().AsSpan(0, (int)line.Length).Trim(" \t\r\uFEFF"u8).IsEmpty;
}
