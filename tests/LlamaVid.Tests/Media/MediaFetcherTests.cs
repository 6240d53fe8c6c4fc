using System.Net;
using System.Net.Sockets;
using System.Text;
using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

/// <summary>Real sockets on the loopback; the name server is played by the test.</summary>
public sealed class MediaFetcherTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bytes_arrive_with_their_hash()
    {
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        using var target = new MemoryStream();

        var hash = await Fetcher().FetchAsync(server.Url("/a"), target, Cancel);

        Assert.Equal("hello", Encoding.ASCII.GetString(target.ToArray()));
        Assert.Equal(MediaLab.Sha256("hello"u8), hash);
        Assert.DoesNotContain("Cookie", server.LastRequest);
        Assert.DoesNotContain("Authorization", server.LastRequest);
    }

    [Fact]
    public async Task Video_is_opened_from_an_address()
    {
        await using var lab = new MediaLab(options => (options.AllowHttp, options.AllowPrivateAddresses) = (true, true));
        var video = await File.ReadAllBytesAsync(await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1"), Cancel);
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n", video);

        await using var media = await lab.Opener.OpenAsync(new MediaSource.Remote(server.Url("/looks-like.html")), Cancel);

        Assert.Equal(MediaLab.Sha256(video), media.ContentHash);
        Assert.Single(await MediaLab.ReadAsync(media));
    }

    [Theory]
    [InlineData("Content-Length: 11\r\n")]          // announced
    [InlineData("Connection: close\r\n")]           // not announced
    public async Task More_than_the_limit_is_refused(string header)
    {
        await using var server = new TinyServer(_ => $"HTTP/1.1 200 OK\r\n{header}\r\nhello hello");
        await Assert.ThrowsAsync<PayloadTooLargeException>(() => Fetcher(options => options.MaxBytes = 10).FetchAsync(server.Url("/"), Stream.Null, Cancel));
    }

    [Fact]
    public async Task Announcing_less_than_comes_does_not_help()
    {
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello hello");
        using var target = new MemoryStream();
        await Fetcher(options => options.MaxBytes = 10).FetchAsync(server.Url("/"), target, Cancel);
        Assert.Equal(2, target.Length);
    }

    [Fact]
    public async Task Body_that_breaks_off_is_no_video()
    {
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
        await RefusedAsync(Fetcher(), server.Url("/"), "broke");
    }

    [Fact]
    public async Task Silence_ends_at_the_timeout()
    {
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", stall: true);
        await RefusedAsync(Fetcher(options => options.FetchTimeout = TimeSpan.FromSeconds(1)), server.Url("/"), "longer than 1 s (Media:FetchTimeout)");
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task Redirects_are_followed(int status)
    {
        await using var server = new TinyServer(path => path == "/b"
            ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            : $"HTTP/1.1 {status} X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
        using var target = new MemoryStream();
        await Fetcher().FetchAsync(server.Url("/a"), target, Cancel);
        Assert.Equal(2, target.Length);
    }

    [Theory]
    [InlineData("/again", "redirects more than 5 times")]
    [InlineData("file:///etc/passwd", "only http and https")]
    [InlineData("gopher://127.0.0.1/", "only http and https")]
    [InlineData("http://user:secret@127.0.0.1/", "user name or password")]
    [InlineData("http://denied.example/", "not allowed here")]
    [InlineData("", "redirects to nowhere")]
    public async Task Redirects_are_checked_like_the_first_address(string location, string expected)
    {
        await using var server = new TinyServer(_ => $"HTTP/1.1 302 X\r\n{(location.Length > 0 ? $"Location: {location}\r\n" : "")}Content-Length: 0\r\n\r\n");
        await RefusedAsync(Fetcher(options => options.DeniedHosts = [".example"]), server.Url("/a"), expected);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(401)]
    [InlineData(500)]
    [InlineData(206)]
    public async Task Other_answers_are_named(int status)
    {
        await using var server = new TinyServer(_ => $"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nno");
        await RefusedAsync(Fetcher(), server.Url("/"), $"answered {status}");
    }

    [Theory]
    [InlineData("http://1.1.1.1/", "only https")]
    [InlineData("ftp://1.1.1.1/", "only https")]
    [InlineData("https://1.1.1.1:8443/", "port 8443")]
    [InlineData("https://user@1.1.1.1/", "user name")]
    [InlineData("https://127.0.0.1/", "not a public internet address")]
    [InlineData("https://2130706433/", "not a public internet address")]        // 127.0.0.1 as a number
    [InlineData("https://0.0.0.0/", "not a public internet address")]
    [InlineData("https://0x7f.1/", "not a public internet address")]
    [InlineData("https://[::1]/", "not a public internet address")]
    [InlineData("https://[::ffff:127.0.0.1]/", "not a public internet address")]
    [InlineData("https://169.254.169.254/latest/meta-data", "not a public internet address")]
    [InlineData("https://localhost/", "not a public internet address")]
    public async Task Nothing_private_is_reached_by_default(string url, string expected) =>
        await RefusedAsync(new MediaFetcher(new()), new Uri(url), expected);

    [Fact]
    public async Task One_private_address_among_public_ones_is_refused() =>
        await RefusedAsync(
            new MediaFetcher(new(), (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse("1.1.1.1"), IPAddress.Loopback])),
            new Uri("https://rebind.example/"), "not a public internet address");

    [Fact]
    public async Task Name_is_resolved_once_for_each_connection()
    {
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var asked = 0;
        var options = new MediaOptions { AllowHttp = true, AllowPrivateAddresses = true };
        using var fetcher = new MediaFetcher(options, (_, _) =>
        {
            asked++;
            return Task.FromResult<IPAddress[]>([IPAddress.Loopback]);
        });
        await fetcher.FetchAsync(new($"http://video.example:{server.Port}/"), Stream.Null, Cancel);
        Assert.Equal(1, asked);
    }

    [Theory]
    [InlineData("a.example", true)]
    [InlineData("A.EXAMPLE.", true)]
    [InlineData("b.example", false)]
    [InlineData("x.a.example", false)]
    [InlineData("below.wide.test", true)]
    [InlineData("wide.test", true)]
    [InlineData("notwide.test", false)]
    public async Task Only_listed_hosts_are_fetched_from(string host, bool allowed)
    {
        await using var server = new TinyServer(_ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        var options = new MediaOptions { AllowHttp = true, AllowPrivateAddresses = true, AllowedHosts = ["a.example", ".wide.test"] };
        using var fetcher = new MediaFetcher(options, (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));
        var url = new Uri($"http://{host}:{server.Port}/");

        if (allowed) await fetcher.FetchAsync(url, Stream.Null, Cancel);
        else await RefusedAsync(fetcher, url, "not allowed here");
    }

    [Fact]
    public void Message_does_not_repeat_a_long_address()
    {
        var fault = new VideoFetchFailedException(new($"https://example.com/{new string('a', 10_000)}?secret"), "why");

        Assert.InRange(fault.Message.Length, 200, 300);
        Assert.DoesNotContain("secret", fault.Message);
    }

    /// <summary>Whether something listens there, and what it is, is nothing that a client should learn.</summary>
    [Fact]
    public async Task Message_says_nothing_of_how_a_connection_failed()
    {
        var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var url = new Uri($"http://127.0.0.1:{((IPEndPoint)closed.LocalEndpoint).Port}/a.mp4");
        closed.Dispose();
        await using var noHttp = new TinyServer(_ => "220 mail.internal ESMTP\r\n");
        foreach (var address in new[] { url, noHttp.Url("/a.mp4") })
        {
            using var fetcher = Fetcher();
            var fault = await Assert.ThrowsAsync<VideoFetchFailedException>(() => fetcher.FetchAsync(address, Stream.Null, Cancel));
            Assert.Equal($"The media at {address} could not be fetched: the connection failed. Check the address.", fault.Message);
        }
    }

    [Fact]
    public async Task Fetching_can_be_off() =>
        await RefusedAsync(Fetcher(options => options.AllowUrls = false), new Uri("https://1.1.1.1/"), "Media:AllowUrls");

    [Fact]
    public void Message_holds_no_secrets_of_the_address()
    {
        var exception = new VideoFetchFailedException(new("https://user:secret@host.example/path?token=secret#secret"), "why");
        Assert.Equal("The media at https://host.example/path could not be fetched: why", exception.Message);
    }

    private static MediaFetcher Fetcher(Action<MediaOptions>? configure = null)
    {
        var options = new MediaOptions { AllowHttp = true, AllowPrivateAddresses = true };
        configure?.Invoke(options);
        return new(options);
    }

    private static async Task RefusedAsync(MediaFetcher fetcher, Uri url, string expected)
    {
        var exception = await Assert.ThrowsAsync<VideoFetchFailedException>(() => fetcher.FetchAsync(url, Stream.Null, Cancel).WaitAsync(TimeSpan.FromMinutes(1), Cancel));
        Assert.Contains(expected, exception.Message);
        fetcher.Dispose();
    }
}
