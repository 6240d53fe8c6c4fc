using System.Net;
using System.Net.Sockets;
using System.Text;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Every way we know to make a server ask its own network. A server waits on the loopback, at an address that counts as private; nothing ever arrives there.</summary>
public sealed class ForgedAddressTests : IAsyncLifetime
{
    private static readonly IPAddress Public = IPAddress.Parse("127.0.0.2");      // plays the internet

    private readonly CountingServer _private = new(IPAddress.Loopback), _public = new(Public);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("https://127.0.0.1/")]
    [InlineData("https://127.1/")]
    [InlineData("https://127.0.1/")]
    [InlineData("https://2130706433/")]                          // decimal
    [InlineData("https://0x7f000001/")]                          // hexadecimal
    [InlineData("https://0x7F.0x0.0x0.0x1/")]
    [InlineData("https://017700000001/")]                        // octal
    [InlineData("https://0177.0.0.01/")]
    [InlineData("https://127.0.0.1./")]
    [InlineData("https://%31%32%37.0.0.1/")]                     // escaped digits
    [InlineData("https://１２７.0.0.1/")]                         // full-width digits
    [InlineData("https://①②⑦.0.0.1/")]                           // digits in circles
    [InlineData("https://127。0。0。1/")]                          // ideographic stops
    [InlineData("https://0/")]
    [InlineData("https://0.0.0.0/")]
    [InlineData("https://localhost/")]
    [InlineData("https://LOCALHOST./")]
    [InlineData("https://ⓛocalhost/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[0:0:0:0:0:0:0:1]/")]
    [InlineData("https://[::]/")]
    [InlineData("https://[::ffff:127.0.0.1]/")]                  // mapped
    [InlineData("https://[::ffff:7f00:1]/")]
    [InlineData("https://[::127.0.0.1]/")]                       // compatible
    [InlineData("https://[64:ff9b::127.0.0.1]/")]                // NAT64
    [InlineData("https://[64:ff9b:1::7f00:1]/")]
    [InlineData("https://[2002:7f00:1::]/")]                     // 6to4
    [InlineData("https://[2001:0:7f00:1::]/")]                   // Teredo
    [InlineData("https://[fe80::1%25lo]/")]                      // zones
    [InlineData("https://[fe80::1%251]/")]
    [InlineData("https://[fc00::1]/")]
    [InlineData("https://[fec0::1]/")]
    [InlineData("https://[ff02::1]/")]
    [InlineData("https://169.254.169.254/latest/meta-data/")]
    [InlineData("https://[fd00:ec2::254]/latest/meta-data/")]
    [InlineData("https://2852039166/")]                          // 169.254.169.254
    [InlineData("https://0xA9FEA9FE/")]
    [InlineData("https://10.0.0.1/")]
    [InlineData("https://192.168.0.1/")]
    [InlineData("https://100.100.100.200/")]
    [InlineData("https://224.0.0.1/")]
    [InlineData("https://255.255.255.255/")]
    [InlineData("https://user@127.0.0.1/")]
    [InlineData("https://1.1.1.1:80@127.0.0.1/")]
    [InlineData("https://1.1.1.1&@127.0.0.1/")]
    [InlineData("https://127.0.0.1#@1.1.1.1/")]                  // a fragment
    [InlineData("https://127.0.0.1:22/")]
    [InlineData("https://127.0.0.1:6379/")]
    [InlineData("http://127.0.0.1/")]
    [InlineData("ftp://127.0.0.1/")]
    [InlineData("file:///etc/passwd")]
    [InlineData("file://127.0.0.1/etc/passwd")]
    [InlineData("gopher://127.0.0.1:6379/_INFO")]
    [InlineData("dict://127.0.0.1:6379/INFO")]
    [InlineData("jar:https://127.0.0.1!/")]
    [InlineData("data:text/plain,x")]
    [InlineData("//127.0.0.1/")]
    public async Task Addresses(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url)) return;                // no address at all, which is answered before anything is fetched
        using var fetcher = new MediaFetcher(new(), NobodyAsync);
        var refused = await Assert.ThrowsAsync<VideoFetchFailedException>(() => fetcher.FetchAsync(url, Stream.Null, Cancel));
        Assert.DoesNotContain("the connection failed", refused.Message, StringComparison.Ordinal);       // by a rule, not because nobody listens there

        static Task<IPAddress[]> NobodyAsync(string host, CancellationToken cancelled) =>
            host.TrimEnd('.').Equals("localhost", StringComparison.OrdinalIgnoreCase) ? Task.FromResult<IPAddress[]>([IPAddress.Loopback]) : throw new SocketException((int)SocketError.HostNotFound);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task Redirects_to_the_private_server(int status)
    {
        using var fetcher = Fetcher();
        foreach (var target in new[] { $"http://127.0.0.1:{_private.Port}/", $"//127.0.0.1:{_private.Port}/", $"http://2130706433:{_private.Port}/", $"http://[::ffff:127.0.0.1]:{_private.Port}/", $"http://private.test:{_private.Port}/" })
        {
            _public.Answer = $"HTTP/1.1 {status} X\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n";
            await RefusedAsync(fetcher, "not a public internet address");
        }
        Assert.Equal((5, 0), (_public.Connections, _private.Connections));
    }

    [Fact]
    public async Task A_redirect_through_several_hosts()
    {
        _public.Answer = null;                                                          // as the path says
        using var fetcher = Fetcher();
        await RefusedAsync(fetcher, "not a public internet address", $"/hop?http://public.test:{_public.Port}/hop?http://private.test:{_private.Port}/");
        Assert.Equal((2, 0), (_public.Connections, _private.Connections));
    }

    [Fact]
    public async Task A_name_that_changes_between_the_check_and_the_connection()
    {
        var asked = 0;
        _public.Answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        using var fetcher = Fetcher(_ => asked++ == 0 ? [Public] : [IPAddress.Loopback]);
        await fetcher.FetchAsync(new($"http://rebind.test:{_public.Port}/"), Stream.Null, Cancel);
        Assert.Equal((1, 1, 0), (asked, _public.Connections, _private.Connections));
    }

    [Fact]
    public async Task A_name_that_changes_between_two_fetches_or_at_a_redirect()
    {
        var asked = 0;
        _public.Answer = $"HTTP/1.1 302 X\r\nLocation: http://rebind.test:{_private.Port}/\r\nContent-Length: 0\r\n\r\n";
        using var fetcher = Fetcher(_ => asked++ == 0 ? [Public] : [IPAddress.Loopback]);
        await RefusedAsync(fetcher, "not a public internet address", host: "rebind.test");
        await RefusedAsync(fetcher, "not a public internet address", host: "rebind.test");
        Assert.Equal((1, 0), (_public.Connections, _private.Connections));
    }

    [Fact]
    public async Task A_name_with_a_private_address_among_public_ones()
    {
        using var fetcher = Fetcher(_ => [Public, IPAddress.Loopback]);
        await RefusedAsync(fetcher, "not a public internet address");
        Assert.Equal((0, 0), (_public.Connections, _private.Connections));
    }

    [Theory]
    [InlineData("http://host.test/a", false)]
    [InlineData("https://host.test/a", true)]
    [InlineData("/a", true)]
    public void What_was_asked_for_under_tls_is_not_fetched_without_it(string location, bool allowed)
    {
        var at = new Uri("https://host.test/");
        if (allowed) Assert.Equal("https", MediaFetcher.Next(at, new(location, UriKind.RelativeOrAbsolute)).Scheme);
        else Assert.Contains("from https to http", Assert.Throws<VideoFetchFailedException>(() => MediaFetcher.Next(at, new(location))).Message);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", "compressed")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok", "compressed")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok", "connection")]
    [InlineData("no http at all\r\n\r\n", "connection")]
    [InlineData("", "connection")]
    public async Task Answers_that_lie(string answer, string expected)
    {
        _public.Answer = answer;
        using var fetcher = Fetcher();
        await RefusedAsync(fetcher, expected);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")]
    public async Task Bodies_without_an_end_stop_at_the_limit(string head)
    {
        (_public.Answer, _public.Endless) = (head, head.Contains("chunked", StringComparison.Ordinal) ? "4\r\nabcd\r\n" : "abcdabcdabcd");
        using var fetcher = Fetcher(configure: options => options.MaxBytes = 1_000_000);
        using var target = new MemoryStream();
        await Assert.ThrowsAsync<PayloadTooLargeException>(() => fetcher.FetchAsync(Url(), target, Cancel));
        Assert.InRange(target.Length, 0, 1_000_000);
    }

    [Fact]
    public async Task Headers_without_an_end_are_cut()
    {
        (_public.Answer, _public.Endless) = ("HTTP/1.1 200 OK\r\n", "X-More: abcdefghijklmnopqrstuvwxyz\r\n");
        using var fetcher = Fetcher();
        await RefusedAsync(fetcher, "connection");
        Assert.InRange(_public.Sent, 1, 32 << 20);                          // what systems keep between two sockets, and no gigabytes
    }

    [Fact]
    public async Task A_slow_server_keeps_only_its_own_request_waiting()
    {
        _public.Answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow";
        await using var lab = new MediaLab(options => (options.AllowHttp, options.AllowPrivateAddresses) = (true, true));
        var path = await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=1:duration=1");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var slow = Enumerable.Range(0, 20).Select(_ => lab.Opener.OpenAsync(new MediaSource.Remote(Url("127.0.0.2")), stop.Token)).ToArray();
        await _public.HasSeenAsync(20);

        Assert.Single(await lab.ReadAsync(path));

        await stop.CancelAsync();
        foreach (var fetch in slow) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        Assert.Equal(0, _private.Connections);
        await _private.DisposeAsync();
        await _public.DisposeAsync();
    }

    private Uri Url(string host = "public.test", string path = "/") => new($"http://{host}:{_public.Port}{path}");

    /// <summary>Knows two hosts, unless it is told otherwise, and takes 127.0.0.2 for a public address.</summary>
    private MediaFetcher Fetcher(Func<string, IPAddress[]>? resolve = null, Action<MediaOptions>? configure = null)
    {
        var options = new MediaOptions { AllowHttp = true, AllowedPorts = [_public.Port, _private.Port], FetchTimeout = TimeSpan.FromSeconds(30) };
        configure?.Invoke(options);
        resolve ??= host => [host == "private.test" ? IPAddress.Loopback : Public];
        return new(options, (host, _) => Task.FromResult(resolve(host)), address => address.Equals(Public));
    }

    private async Task RefusedAsync(MediaFetcher fetcher, string expected, string path = "/", string host = "public.test") =>
        Assert.Contains(expected, (await Assert.ThrowsAsync<VideoFetchFailedException>(() => fetcher.FetchAsync(Url(host, path), Stream.Null, Cancel))).Message, StringComparison.Ordinal);

    /// <summary>Counts who connects, answers what it is told and then waits or goes on without end.</summary>
    private sealed class CountingServer : IAsyncDisposable
    {
        private readonly TcpListener _listener;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _loop;
        private int _connections;
        private long _sent;

        public CountingServer(IPAddress address)
        {
            _listener = new(address, 0);
            _listener.Start(100);
            _loop = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
        public int Connections => Volatile.Read(ref _connections);
        public string? Answer { get; set; } = "";
        public string? Endless { get; set; }
        public long Sent => Volatile.Read(ref _sent);

        public async Task HasSeenAsync(int connections)
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (Connections < connections) await Task.Delay(10, late.Token);
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _loop;
            _listener.Dispose();
            _stop.Dispose();
        }

        private async Task AcceptAsync()
        {
            var served = new List<Task>();
            try
            {
                while (true)
                {
                    var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                    Interlocked.Increment(ref _connections);
                    served.Add(ServeAsync(client));
                }
            }
            catch (OperationCanceledException)
            {
                await Task.WhenAll(served);
            }
        }

        private async Task ServeAsync(TcpClient client)
        {
            using var closing = client;
            try
            {
                var (stream, buffer) = (client.GetStream(), new byte[8192]);
                var request = Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, _stop.Token));
                var answer = Answer ?? $"HTTP/1.1 302 X\r\nLocation: {request.Split(' ')[1].Split('?', 2)[1]}\r\nContent-Length: 0\r\n\r\n";
                await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), _stop.Token);
                if (answer.EndsWith("slow", StringComparison.Ordinal)) await Task.Delay(Timeout.Infinite, _stop.Token);
                var endless = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(Endless ?? "", 1000)));
                for (; endless.Length > 0; Interlocked.Add(ref _sent, endless.Length)) await stream.WriteAsync(endless, _stop.Token);
            }
            catch (Exception fault) when (fault is OperationCanceledException or IOException)
            {
                // The test is over, or the client has gone.
            }
        }
    }
}
