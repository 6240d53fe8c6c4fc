using System.ComponentModel.DataAnnotations;

namespace LlamaVid.Server;

/// <summary>Limits of the HTTP side. Read once at start; a wrong value stops the process before it listens.</summary>
public sealed class ServerOptions
{
    public const string Section = "Server";

    /// <summary>Largest JSON body. Uploads of files have their own limit, <c>Media:MaxBytes</c>.</summary>
    [Range(1_024, 2_000_000_000)]
    public long MaxRequestBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>Memory for all JSON bodies that are being read or answered.</summary>
    [Range(1_024, 1L << 40)]
    public long MaxBufferedBytes { get; set; } = 2L * 1024 * 1024 * 1024;

    /// <summary>Connections at a time, idle ones included. One more is closed at once.</summary>
    [Range(1, 1_000_000)]
    public int MaxConnections { get; set; } = 10_000;

    /// <summary>Longest time that a client may take over the head of a request.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan RequestHeadersTimeout { get; set; } = TimeSpan.FromSeconds(10);

    [Range(1, 100_000)]
    public int MaxMessages { get; set; } = 4096;

    /// <summary>Videos and pictures in one request.</summary>
    [Range(1, 1_000)]
    public int MaxMediaItems { get; set; } = 16;

    /// <summary>Answers to one request, its <c>n</c>.</summary>
    [Range(1, 128)]
    public int MaxChoices { get; set; } = 8;

    /// <summary>The lowest <c>priority</c>, which is the most urgent, that a client may send.</summary>
    [Range(-1000, 0)]
    public int BestPriority { get; set; }

    /// <summary>How long a shutdown waits for the answer that is being written; then it ends with an error.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00")]
    public TimeSpan ShutdownGrace { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Longest silence of a stream; then a comment goes out, so that no proxy closes it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:01:00")]
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(10);
}
