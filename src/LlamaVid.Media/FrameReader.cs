using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace LlamaVid.Media;

/// <summary>Decodes a video and hands out the frames of a plan, one at a time, as they are asked for. Reads one ahead and holds no more.</summary>
/// <remarks>
/// ffmpeg writes two sockets: the pts of every decoded frame (before selection), and the pixels of the selected ones. The plan's rule is applied
/// to the first on this side as well; that gives each picture its exact number and time, and shows progress while nothing is selected.
/// What bounds memory is the socket: ffmpeg blocks when one picture is being written and one waits for that. One is read while the consumer works with the one before: a decoder that waits for
/// the consumer, frame by frame, leaves its cores idle. All that one run of ffmpeg shares stands here: command, both sockets, selection and the way back when it fails.
/// Decoding begins at a key frame well before the plan's start where that gives the very same frames (0.24 s instead of 10 s at the end of a QCIF hour),
/// and at the beginning of the file everywhere else: containers without an index, encodings that carry more over from frame to frame than key frames reset.
/// Where a plan takes key frames the decoder skips all others, and those that are not of the plan are dropped here. Decoders may mix up order and times when frames
/// are left out (H.264 with open groups does), so key frames must come as the packets say; if they do not, everything is decoded from there on.
/// </remarks>
internal sealed class FrameReader(
    FfmpegTools tools, Workspace workspace, MediaFormat format, ProbedStream stream, PacketTimes packets, MediaOptions options, ILogger logger)
{
    private const int Pixels = 0, Times = 1;

    /// <summary>A thread of its own writes in ffmpeg, so that the one that feeds the decoder does not wait for the socket. One picture may wait for that thread.</summary>
    private const string Output = "-f fifo -fifo_format image2pipe -queue_size 1";

    public async IAsyncEnumerable<VideoFrame> ReadAsync(FramePlan plan, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var isSeekable = format.Name is "mp4" or "matroska" && stream.Codec is "h264" or "hevc" or "vp9" or "av1";
        double? key = isSeekable && plan.Start is { } start ? packets.KeyFrameBefore(start) : null;
        var way = new Way(packets, key, skips: plan.KeyFrames is not null);
        double? given = null;
        while (true)
        {
            await foreach (var frame in DecodeAsync(plan, way, cancellationToken).ConfigureAwait(false))
            {
                if (frame.Timestamp <= given)                   // by a way before
                {
                    frame.Dispose();
                    continue;
                }
                if (way.CanFail) given = frame.Timestamp;
                yield return frame;
            }
            if (!way.Failed) yield break;
            way = new(packets, way.IsLost ? null : key, skips: false);
        }
    }

    private async IAsyncEnumerable<VideoFrame> DecodeAsync(FramePlan plan, Way way, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = FfmpegRun.Start(
            tools, workspace, $"-copyts -threads 2 -noautorotate -reinit_filter 0 -an -sn -dn {way.Options} {tools.DecoderGuards(format)}", sockets: 2,
            names => $"-map 0:{stream.Index} -vf \"{Filters(plan, way, names[Times])}\" -vsync passthrough -c:v ppm -pix_fmt rgb24 {Output} -y", logger);
        await using var _ = run.ConfigureAwait(false);

        var stall = new Stall(stop, options.DecodeTimeout);
        stall.Restart();
        var taken = Channel.CreateUnbounded<Pictured>(new() { SingleReader = true, SingleWriter = true });
        var selection = new Selection(plan, way, packets, stream);
        var times = ReadTimesAsync(run, selection, taken.Writer, stall, stop.Token);
        Task<VideoFrame?>? next = null;
        try
        {
            var socket = await Guarded(run.AcceptAsync(Pixels, stop.Token)).ConfigureAwait(false);
            var pixels = new PpmStream(socket ?? Stream.Null, options.MaxPixels);
            await using var closing = pixels.ConfigureAwait(false);
            next = NextAsync(pixels);
            for (var frames = 0; await next.ConfigureAwait(false) is { } frame; frames++)
            {
                if (frames == plan.Limit)
                {
                    frame.Dispose();
                    throw VideoTooLongException.OfFrames(frames + 1L, plan.Limit);
                }
                next = NextAsync(pixels);
                yield return frame;
            }
            next = null;
            if (selection.IsOver) yield break;
            await pixels.DisposeAsync().ConfigureAwait(false);                  // it may have more to say than we want to hear
            await run.RequireItsOwnEndAsync(options).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await times.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (next is not null) await LeaveAsync(next).ConfigureAwait(false);
        }

        async Task<VideoFrame?> NextAsync(PpmStream pixels)
        {
            while (true)
            {
                stall.Restart();
                if (!await Guarded(taken.Reader.WaitToReadAsync(stop.Token).AsTask()).ConfigureAwait(false) || !taken.Reader.TryRead(out var next)) return null;
                var frame = await Guarded(pixels.ReadAsync(next.Index, next.Timestamp, stop.Token)).ConfigureAwait(false);
                stall.Pause();          // until the consumer has taken it
                if (next.IsTaken || frame is null) return frame;
                frame.Dispose();
            }
        }

        async Task<T> Guarded<T>(Task<T> task)
        {
            try
            {
                return await task.ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new VideoUnreadableException(
                    $"decoding gave no frame for {options.DecodeTimeout.TotalSeconds:0.#} s (Media:DecodeTimeout). Send a smaller or simpler video.");
            }
        }
    }

    /// <summary>The frame that was read ahead and that nobody asks for any more.</summary>
    private static async Task LeaveAsync(Task<VideoFrame?> ahead)
    {
        await ((Task)ahead).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (ahead.IsCompletedSuccessfully && await ahead.ConfigureAwait(false) is { } frame) frame.Dispose();
    }

    /// <summary>
    /// Times of all frames to a socket, selection, the first size and pixel format for all (a video may change both midway), rotation as ffmpeg would, and RGB
    /// by the scaler that ffmpeg puts in by itself: the bytes are those of a plain <c>ffmpeg -i X -f rawvideo -pix_fmt rgb24</c>.
    /// </summary>
    private string Filters(FramePlan plan, Way way, string timesSocket)
    {
        // print shows only frames that carry the key; only this key, so nothing of the file's own
        var times = $"metadata=add:key=lv:value=1,metadata=print:key=lv:direct=1:file=unix\\\\:{timesSocket}";
        var filters = new List<string>
        {
            plan.KeyFrames is null ? $"{times},select={plan.SelectExpression(stream.TimeBase)}" : $"select=key+eq(pict_type\\,I),{times}",
            // To the size it starts with; does nothing while that is the frames' own.
            way.Key is null ? "scale" : $"scale={stream.CodedWidth}:{stream.CodedHeight}",
        };
        if (stream.PixelFormat is { } pixelFormat) filters.Add($"format={pixelFormat}");
        if (stream.Matrix is { Filters.Length: > 0 } matrix) filters.Add(matrix.Filters);
        filters.Add("format=rgb24");
        return string.Join(',', filters);
    }

    private static async Task ReadTimesAsync(
        FfmpegRun run, Selection selection, ChannelWriter<Pictured> taken, Stall stall, CancellationToken cancellationToken)
    {
        try
        {
            var socket = await run.AcceptAsync(Times, cancellationToken).ConfigureAwait(false);
            if (socket is null) return;
            var lines = PipeReader.Create(socket);
            try
            {
                while (true)
                {
                    var read = await lines.ReadAsync(cancellationToken).ConfigureAwait(false);
                    stall.Progressed();
                    var buffer = read.Buffer;
                    while (TakeLine(ref buffer, out var line))
                    {
                        if (ParsePts(line) is not { } pts) continue;
                        if (selection.See(pts.Known ? pts.Value : null) is { } frame) taken.TryWrite(frame);
                        if (selection.IsOver) return;
                    }
                    lines.AdvanceTo(buffer.Start, buffer.End);
                    if (read.IsCompleted) return;
                }
            }
            finally
            {
                await lines.CompleteAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            taken.TryComplete();
        }
    }

    private static bool TakeLine(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> line)
    {
        line = default;
        if (buffer.PositionOf((byte)'\n') is not { } end) return false;
        line = buffer.Slice(0, end);
        buffer = buffer.Slice(buffer.GetPosition(1, end));
        return true;
    }

    // frame:12   pts:12012   pts_time:0.4004
    private static Tick? ParsePts(in ReadOnlySequence<byte> line)
    {
        Span<byte> text = stackalloc byte[128];
        if (line.Length > text.Length) return null;
        line.CopyTo(text);
        text = text[..(int)line.Length];
        var at = text.IndexOf(" pts:"u8);
        if (!text.StartsWith("frame:"u8) || at < 0) return null;
        return Utf8Parser.TryParse(text[(at + 5)..], out long pts, out _) ? new(true, pts) : new(false, 0);
    }

    private readonly record struct Tick(bool Known, long Value);

    /// <summary>A frame whose pixels come.</summary>
    private readonly record struct Pictured(long Index, double Timestamp, bool IsTaken);

    /// <summary>The plan applied to the frames as they are decoded.</summary>
    private sealed class Selection(FramePlan plan, Way way, PacketTimes packets, ProbedStream stream)
    {
        private readonly long _start = plan.Start is { } start ? FramePlan.FirstTickAtOrAfter(start, stream.TimeBase) : long.MinValue;
        private readonly long _end = plan.End is { } end ? FramePlan.FirstTickAtOrAfter(end, stream.TimeBase) : long.MaxValue;
        private long _index = -1, _inRange, _taken;
        private double _last;

        /// <summary>No later frame can be taken.</summary>
        public bool IsOver { get; private set; }

        /// <returns>null where no pixels come</returns>
        public Pictured? See(long? pts)
        {
            _index++;
            // A frame without a time lies in no range; where there is none it follows the frame before by one period.
            var timestamp = pts is { } ticks ? PacketTimes.Seconds(ticks, stream.TimeBase) : _last + 1 / (stream.Rate?.Value ?? 1);
            _last = timestamp;
            if (!way.Leads(timestamp))
            {
                IsOver = true;
                return null;
            }
            if (way.CanFail || plan.KeyFrames is not null) _index = packets.NumberOf(timestamp);
            if (plan.KeyFrames is { } keys)
            {
                IsOver = timestamp >= keys[^1];
                return new(_index, timestamp, IsTaken: keys.Contains(timestamp));
            }
            if (pts is null ? plan.Start is not null || plan.End is not null : pts < _start) return null;
            if (pts >= _end)
            {
                IsOver = true;
                return null;
            }
            if (!plan.Takes(_inRange++)) return null;
            IsOver = ++_taken == plan.Keep;
            return new(_index, timestamp, IsTaken: true);
        }
    }

    /// <summary>A way through the file that may be shorter than all of it, and whether it led where it should.</summary>
    /// <param name="key">the key frame from which is decoded; null: from the beginning</param>
    /// <param name="skips">only key frames are decoded</param>
    private sealed class Way(PacketTimes packets, double? key, bool skips)
    {
        private bool _hasArrived = key is null;
        private int? _next = key is null ? 0 : null;

        public double? Key => key;

        public bool CanFail => skips || key is not null;

        /// <summary>No frame at or before the key frame has come, so some after it may have been left out.</summary>
        public bool IsLost => !_hasArrived;

        /// <summary>What comes after the frames so far has to be read by another way.</summary>
        public bool Failed { get; private set; } = key is not null;

        /// <summary>
        /// A seek is rounded up, so that the key frame itself is not after it. Threads share the slices of a frame: all packets between two key frames go through the decoder, and threads that take whole frames pass them round.
        /// </summary>
        public string Options => (skips ? "-skip_frame nokey -thread_type slice " : "")
            + (key is { } start ? string.Create(CultureInfo.InvariantCulture, $"-noaccurate_seek -seek_timestamp 1 -ss {(long)Math.Ceiling(start * 1e6)}us") : "");

        /// <summary>Whether a frame of this time may come next.</summary>
        public bool Leads(double timestamp)
        {
            _hasArrived |= timestamp <= key;
            var number = skips ? packets.KeyNumberAt(timestamp) : null;
            Failed = !_hasArrived || (skips && (number is null || number != (_next ?? number)));
            _next = number + 1;
            return !Failed;
        }
    }
}
