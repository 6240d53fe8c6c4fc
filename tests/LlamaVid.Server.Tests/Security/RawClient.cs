using System.Net.Sockets;
using System.Text;
using LlamaVid.Server.Tests.Http;

namespace LlamaVid.Server.Tests.Security;

/// <summary>A connection on which a test writes what no HTTP client would.</summary>
internal sealed class RawClient : IDisposable
{
    private readonly TcpClient _client = new();

    public static async Task<RawClient> SendAsync(RunningServer server, string text)
    {
        var raw = new RawClient();
        await raw._client.ConnectAsync(server.Address.Host, server.Address.Port, TestContext.Current.CancellationToken);
        await raw.WriteAsync(text);
        return raw;
    }

    public Task WriteAsync(string text) => _client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken).AsTask();

    /// <summary>The first line of an answer, on a connection that stays open.</summary>
    public async Task<string> ReadLineAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var reader = new StreamReader(_client.GetStream(), Encoding.Latin1, leaveOpen: true);
        return await reader.ReadLineAsync(late.Token) ?? "";
    }

    /// <summary>Everything that comes until the server closes.</summary>
    public async Task<string> ReadToEndAsync()
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var reader = new StreamReader(_client.GetStream(), Encoding.Latin1);
        try
        {
            return await reader.ReadToEndAsync(late.Token);
        }
        catch (IOException)
        {
            return "";                                     // reset, which is a way of closing
        }
    }

    public void Dispose() => _client.Dispose();
}
