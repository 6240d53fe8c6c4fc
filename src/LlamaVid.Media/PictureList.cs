using System.Diagnostics;
using System.Security.Cryptography;

namespace LlamaVid.Media;

/// <summary>The frames of a video that come as separate pictures, each in memory or fetched into the workspace. Decodes nothing.</summary>
internal sealed class PictureList
{
    private readonly IReadOnlyList<MediaSource> _pictures;
    private readonly Workspace _workspace;

    private PictureList(IReadOnlyList<MediaSource> pictures, Workspace workspace) => (_pictures, _workspace) = (pictures, workspace);

    public int Count => _pictures.Count;

    /// <summary>Fetches what is only named, one after the other: a list is no way to have this server open many connections to another at once. All share the bytes and the time of one video.</summary>
    /// <exception cref="VideoTooLongException">More pictures than Media:MaxFrames; nothing is fetched.</exception>
    /// <exception cref="PayloadTooLargeException"></exception>
    /// <exception cref="VideoFetchFailedException"></exception>
    public static async Task<PictureList> BringAsync(
        IReadOnlyList<MediaSource> pictures, Workspace workspace, MediaFetcher fetcher, MediaOptions options, CancellationToken cancellationToken)
    {
        if (pictures.Count == 0) throw new VideoUnreadableException("it has no pictures.");
        if (pictures.Count > options.MaxFrames) throw VideoTooLongException.OfPictures(pictures.Count, options.MaxFrames);
        var bytes = pictures.Sum(picture => picture is MediaSource.Inline inline ? inline.Bytes.Length : 0L);
        if (bytes > options.MaxBytes) throw new PayloadTooLargeException(bytes, options.MaxBytes);

        var (brought, begun) = (new List<MediaSource>(pictures.Count), Stopwatch.StartNew());
        foreach (var picture in pictures)
        {
            if (picture is not MediaSource.Remote { Url: var url })
            {
                brought.Add(picture);
                continue;
            }
            var path = Path.Combine(workspace.Folder, $"picture{brought.Count}");
            var target = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16, FileOptions.Asynchronous);
            await using (target.ConfigureAwait(false))
            {
                var time = options.FetchTimeout - begun.Elapsed;
                await fetcher.FetchAsync(url, target, options.MaxBytes - bytes, time > TimeSpan.Zero ? time : TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
                bytes += target.Length;
            }
            brought.Add(new MediaSource.LocalFile(path));
        }
        return new(brought, workspace);
    }

    /// <returns>SHA-256 of all pictures and where each ends, however they came.</returns>
    /// <exception cref="UnsupportedMediaException">One is none.</exception>
    public async Task<string> HashAsync(CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var picture in _pictures)
        {
            if (picture is MediaSource.Inline { Bytes: var bytes })
            {
                Begin(bytes.Span[..Math.Min(bytes.Length, MediaFormat.SniffedBytes)], bytes.Length);
                hash.AppendData(bytes.Span);
            }
            else
                await ReadAsync(((MediaSource.LocalFile)picture).Path).ConfigureAwait(false);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Begin(ReadOnlySpan<byte> head, long length)
        {
            if (!MediaFormat.Sniff(head).IsPicture) throw new UnsupportedMediaException("a list of pictures of which one is no PNG, JPEG, WebP or BMP");
            hash.AppendData(BitConverter.GetBytes(length));                    // so that two lists with the same bytes differ when cut differently
        }

        async Task ReadAsync(string path)
        {
            var (file, buffer) = (File.OpenRead(path), new byte[1 << 16]);
            await using var _ = file.ConfigureAwait(false);
            var read = await file.ReadAtLeastAsync(buffer, MediaFormat.SniffedBytes, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            Begin(buffer.AsSpan(0, Math.Min(read, MediaFormat.SniffedBytes)), file.Length);
            do hash.AppendData(buffer, 0, read);
            while ((read = await file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0);
        }
    }

    /// <summary>Makes one of them the workspace's media.</summary>
    public async Task PutAsync(int number, CancellationToken cancellationToken)
    {
        File.Delete(_workspace.MediaPath);                 // it may be a link, through which would be written
        if (_pictures[number] is MediaSource.LocalFile file)
        {
            _workspace.Link(file.Path);
            return;
        }
        var media = _workspace.CreateMedia();
        await using (media.ConfigureAwait(false))
            await media.WriteAsync(((MediaSource.Inline)_pictures[number]).Bytes, cancellationToken).ConfigureAwait(false);
    }
}
