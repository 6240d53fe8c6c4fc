namespace LlamaVid.Media;
public sealed class MediaOptions { public const string Section = "Media"; public string TempDirectory { get; set; } = ""; [System.ComponentModel.DataAnnotations.Range(1, long.MaxValue)] public long MaxBytes { get; set; } = 2L << 30; }
public sealed class PayloadTooLargeException(long? bytes, long limit) : Exception($"{bytes}{limit}");
public sealed class VideoUnreadableException(string w) : Exception(w);
public sealed class VideoTooLongException(string w) : Exception(w);
public sealed class VideoTooLargeException(string w) : Exception(w);
public sealed class UnsupportedMediaException(string w) : Exception(w);
public sealed class VideoFetchFailedException(string w) : Exception(w);
public sealed class InvalidDataUriException(string w) : Exception(w);
public sealed class FfmpegNotFoundException(string w) : Exception(w);
