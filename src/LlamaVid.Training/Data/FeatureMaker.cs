using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;
using LlamaVid.Model;
using LlamaVid.Model.Vision;

namespace LlamaVid.Training.Data;

/// <summary>Runs the vision tower over every picture and video once: several are decoded at a time, one thread computes.</summary>
/// <param name="folder">where features are kept for later runs, one file each; null holds them in memory</param>
internal sealed class FeatureMaker(LlamaVidModel model, ImageFit pictures, string? folder, ScalarType dtype)
{
    private const int FramesAtOnce = 64, Waiting = 4;

    /// <param name="fault">gets what cannot be used; may throw to stop everything</param>
    public async Task<Dictionary<SampleMedia, Features>> MakeAsync(
        IReadOnlyCollection<SampleMedia> media, Action<SampleMedia, Exception> fault, Action<int> done, CancellationToken cancellationToken)
    {
        if (folder is not null) Directory.CreateDirectory(folder);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var crops = new MediaCrops(model.Preprocessor!, pictures);
        var decoded = Channel.CreateBounded<Decoded>(Waiting);
        var decoding = DecodeAsync(media, crops, decoded.Writer, stop.Token);

        var features = new Dictionary<SampleMedia, Features>();
        var count = 0;
        try
        {
            await foreach (var item in decoded.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (item.Fault is not null) fault(item.Media, item.Fault);
                else features.Add(item.Media, item.Ready ?? Encode(item));
                done(++count);
            }
        }
        catch
        {
            foreach (var made in features.Values) made.Dispose();
            throw;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await decoding.ConfigureAwait(false);
        }
        return features;
    }

    private async Task DecodeAsync(IEnumerable<SampleMedia> media, MediaCrops crops, ChannelWriter<Decoded> decoded, CancellationToken cancellationToken)
    {
        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(media, options, async (item, token) =>
                await decoded.WriteAsync(await DecodeAsync(item, crops, token).ConfigureAwait(false), token).ConfigureAwait(false)).ConfigureAwait(false);
            decoded.Complete();
        }
        catch (OperationCanceledException fault)
        {
            decoded.TryComplete(fault);
        }
    }

    private async Task<Decoded> DecodeAsync(SampleMedia media, MediaCrops crops, CancellationToken cancellationToken)
    {
        try
        {
            var width = model.Config.Vision!.HiddenSize;
            if (media.Kind == SampleMediaKind.Movie) return new(media, Ready: Features.At(media.Path, width));
            if (Kept(media) is { } file && File.Exists(file)) return new(media, Ready: Features.At(file, width));
            var (pixels, frames) = await crops.ReadAsync(media, cancellationToken).ConfigureAwait(false);
            return new(media, pixels, frames);
        }
        catch (Exception fault) when (fault is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return new(media, Fault: fault);
        }
    }

    private Features Encode(Decoded item)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var blocks = new List<Tensor>();
        var size = 3 * model.Preprocessor!.ImageSize * model.Preprocessor.ImageSize;
        for (var first = 0; first < item.Frames; first += FramesAtOnce)
        {
            using var block = NewDisposeScope();
            var frames = Math.Min(FramesAtOnce, item.Frames - first);
            var encoded = model.EncodeFrames(item.Pixels!.AsSpan(first * size, frames * size), frames);
            blocks.Add(encoded.to(dtype, CPU).alias().MoveToOuterDisposeScope());
        }
        var values = cat(blocks, 0);
        if (Kept(item.Media) is not { } file) return Features.Of(values);
        Features.Write(file, values);
        return Features.At(file, model.Config.Vision!.HiddenSize);
    }

    /// <summary>Another file, another tower or another cut is another name.</summary>
    private string? Kept(SampleMedia media)
    {
        if (folder is null || !File.Exists(media.Path)) return null;
        var file = new FileInfo(media.Path);
        var identity = $"{file.FullName}|{file.Length}|{file.LastWriteTimeUtc.Ticks}|{TowerIdentity}|{media.Kind}|{(media.Kind == SampleMediaKind.Picture ? pictures : ImageFit.Crop)}|{dtype}";
        return Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity)))[..32] + ".safetensors");
    }

    /// <summary>Which tower made the features: its file's size and time.</summary>
    public required string TowerIdentity { private get; init; }

    /// <summary>A medium on its way: decoded, found ready, or broken.</summary>
    private sealed record Decoded(SampleMedia Media, byte[]? Pixels = null, int Frames = 0, Features? Ready = null, Exception? Fault = null);
}
