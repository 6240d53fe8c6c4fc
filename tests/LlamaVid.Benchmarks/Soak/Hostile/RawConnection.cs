using System.Net.Sockets;
using System.Text;

namespace LlamaVid.Benchmarks.Soak.Hostile;

/// <summary>A connection on which one writes what no HTTP client would, as slowly as one likes.</summary>
internal static class RawConnection
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    /// <param name="head">sent at once</param>
    /// <param name="drops">how many single letters follow, one every half second</param>
    /// <returns>the status that came before the server closed, or before <paramref name="patience"/> was over</returns>
    public static async Task<string> SendAsync(Uri server, string head, int drops, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(patience);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(server.Host, server.Port, late.Token);
            var stream = client.GetStream();
            var answer = StatusAsync(stream, late.Token);
            try
            {
                await stream.WriteAsync(Encoding.Latin1.GetBytes(head), late.Token);
                for (; drops > 0 && !answer.IsCompleted; drops--)
                {
                    await Task.WhenAny(answer, Task.Delay(Pause, late.Token));
                    if (!answer.IsCompleted) await stream.WriteAsync("a"u8.ToArray(), late.Token);
                }
            }
            catch (IOException)
            {
                // It hung up while this was writing; what it said before may still be there.
            }
            return await answer;
        }
        catch (Exception fault) when (fault is IOException or SocketException)
        {
            return Attack.Closed;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return "held";
        }
    }

    private static async Task<string> StatusAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
        return (await reader.ReadLineAsync(cancellationToken))?.Split(' ') is [_, var status, ..] ? status : Attack.Closed;
    }
}
