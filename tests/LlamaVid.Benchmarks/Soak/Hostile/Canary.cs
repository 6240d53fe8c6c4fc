using System.Net;
using System.Net.Sockets;

namespace LlamaVid.Benchmarks.Soak.Hostile;

/// <summary>A port of this machine that nobody may be talked into connecting to. Counts those who do.</summary>
internal sealed class Canary : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private int _visits;

    public Canary()
    {
        _listener.Start();
        _ = CountAsync();
    }

    public int Visits => _visits;

    /// <summary>The port in forms that have got past filters of others: other bases, other families, users, files.</summary>
    public IReadOnlyList<string> Addresses
    {
        get
        {
            var port = ((IPEndPoint)_listener.LocalEndpoint).Port;
            string[] hosts =
            [
                "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
                "user:word@127.0.0.1", "127.0.0.1%00.example.com", "localhost", "127.0.0.1.",
            ];
            return
            [
                .. from host in hosts from scheme in (string[])["https", "http"] select $"{scheme}://{host}:{port}/v.mp4",
                $"file:///proc/{Environment.ProcessId}/environ", "file:///etc/passwd", $"gopher://127.0.0.1:{port}/_x", $"ftp://127.0.0.1:{port}/v.mp4", $"tcp://127.0.0.1:{port}",
                "https://169.254.169.254/latest/meta-data/", "concat:/etc/passwd|/etc/hosts", "/etc/passwd",
            ];
        }
    }

    public void Dispose() => _listener.Dispose();

    private async Task CountAsync()
    {
        try
        {
            while (true)
            {
                using var visitor = await _listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref _visits);
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
        }
    }
}
