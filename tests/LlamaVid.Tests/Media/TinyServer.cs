using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LlamaVid.Tests.Media;

/// <summary>Answers every request with what it is told to, byte for byte, and closes.</summary>
internal sealed class TinyServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public TinyServer(Func<string, string> answer, byte[]? body = null, bool stall = false)
    {
        _listener.Start();
        _loop = RunAsync(answer, body ?? [], stall);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
    public string LastRequest { get; private set; } = "";
    public Uri Url(string path) => new($"http://127.0.0.1:{Port}{path}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync(Func<string, string> answer, byte[] body, bool stall)
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                var buffer = new byte[8192];
                var length = await client.GetStream().ReadAsync(buffer, _stop.Token);
                LastRequest = Encoding.ASCII.GetString(buffer, 0, length);
                await client.GetStream().WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(answer(LastRequest.Split(' ')[1])), .. body], _stop.Token);
                if (stall) await Task.Delay(Timeout.Infinite, _stop.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException)
        {
            // The test is over, or the client has gone.
        }
    }
}
