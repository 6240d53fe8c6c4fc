using System.Buffers.Binary;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Benchmarks.Traffic;

/// <summary>Short videos of Shapes World for requests: a few that come again and again, and any number of which no two have the same bytes.</summary>
/// <remarks>
/// Drawing takes the time of the machine that is measured, so all pictures are drawn before. A fresh video is one of them with a number in an empty box
/// of the file: the same pictures, other content by every hash, and the vision tower has to run.
/// </remarks>
internal sealed class ClipSupply
{
    private readonly IReadOnlyList<byte[]> _drawn;
    private long _serial;

    private ClipSupply(IReadOnlyList<byte[]> drawn, long firstSerial) => (_drawn, _serial) = (drawn, firstSerial);

    public int Count => _drawn.Count;

    /// <param name="count">different ones</param>
    /// <param name="seed">the same seed draws the same videos</param>
    /// <param name="seconds">of each; null: as they are drawn</param>
    public static async Task<ClipSupply> DrawAsync(int count, int seed, CancellationToken cancellationToken, int? seconds = null)
    {
        var folder = Directory.CreateTempSubdirectory("llamavid-clips");
        try
        {
            Film[] films = [.. Enumerable.Range(0, count).Select(number => Lasting(FilmDraw.Clip("benchmark", seed, number)))];
            await VideoWriter.WriteAsync(films, folder.FullName, cancellationToken);
            return new([.. films.Select(film => File.ReadAllBytes(Path.Combine(folder.FullName, film.Video)))], TimeProvider.System.GetUtcNow().Ticks);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        Film Lasting(Film film) => seconds is { } wanted ? film with { Scenes = [film.Scenes[0] with { Seconds = wanted }] } : film;
    }

    /// <summary>The same bytes for the same number.</summary>
    public byte[] Known(int number) => _drawn[number % _drawn.Count];

    /// <summary>Bytes that nobody has seen before, in this run or an earlier one.</summary>
    public byte[] Fresh()
    {
        var serial = Interlocked.Increment(ref _serial);
        return Numbered(_drawn[(int)(serial % _drawn.Count)], serial);
    }

    /// <summary>Bytes that nobody has seen before, with the pictures of <see cref="Known"/>.</summary>
    public byte[] Fresh(int number) => Numbered(Known(number), Interlocked.Increment(ref _serial));

    /// <summary>The same video with a number in a box of type "free" at its end, which players skip (ISO 14496-12).</summary>
    public static byte[] Numbered(byte[] video, long number)
    {
        const int boxBytes = 16;
        var numbered = new byte[video.Length + boxBytes];
        video.CopyTo(numbered, 0);
        var box = numbered.AsSpan(video.Length);
        BinaryPrimitives.WriteInt32BigEndian(box, boxBytes);
        "free"u8.CopyTo(box[4..]);
        BinaryPrimitives.WriteInt64BigEndian(box[8..], number);
        return numbered;
    }

    public static string DataUri(byte[] video) => "data:video/mp4;base64," + Convert.ToBase64String(video);
}
