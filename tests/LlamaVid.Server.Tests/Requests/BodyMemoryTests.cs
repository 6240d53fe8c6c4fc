using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using LlamaVid.Engine;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Tests.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Tests.Requests;

/// <summary>Large bodies leave the collector nothing to collect.</summary>
public sealed class BodyMemoryTests
{
    private const int Little = 1 << 20;                   // bytes

    [Fact]
    public void What_has_come_stays_while_it_grows()
    {
        using var body = new BodyMemory();
        var sent = new byte[3_000_001];
        new Random(1).NextBytes(sent);
        foreach (var capacity in (int[])[1, 4096, 70_000, 1_000_000, sent.Length])
        {
            body.GrowTo(capacity);
            sent.AsSpan(body.Length..capacity).CopyTo(body.Free.Span);
            body.Add(capacity - body.Length);
        }
        Assert.True(body.Free.IsEmpty);
        Assert.True(body.Bytes.Span.SequenceEqual(sent));
    }

    [Fact]
    public void An_empty_one_holds_nothing_and_may_be_disposed_twice()
    {
        var body = new BodyMemory();
        Assert.True(body.Bytes.IsEmpty && body.Free.IsEmpty);
        ((IDisposable)body).Dispose();
        ((IDisposable)body).Dispose();
    }

    [Fact]
    public async Task A_body_takes_no_array_of_its_size()
    {
        var json = """{"messages":[{"role":"user","content":"Hi"}]}""" + new string(' ', 4_000_000);
        await using var services = new ServiceCollection().AddSingleton(new BodyBudget(Options.Create(new ServerOptions()))).BuildServiceProvider();
        var context = new DefaultHttpContext { RequestServices = services };
        (context.Request.ContentType, context.Request.Body) = ("application/json", new MemoryStream(Encoding.UTF8.GetBytes(json)));
        var draft = new RequestReader(Options.Create(new ServerOptions()), Options.Create(new RequestDefaultsOptions())).NewDraft();

        var before = GC.GetAllocatedBytesForCurrentThread();
        await RequestReader.ReadAsync(context.Request, RequestReader.ChatFields, draft, TestContext.Current.CancellationToken);      // of a stream in memory: on this thread
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 * Little);
        Assert.Equal("Hi", draft.Messages.Single().Text);
    }

    [Fact]
    public async Task What_bodies_leave_behind_is_collected_without_waiting_for_as_much_again()
    {
        var budget = new BodyBudget(Options.Create(new ServerOptions()));
        var left = Leave();
        var share = budget.Open(new DefaultHttpContext());
        share.GrowTo(64 << 20);
        Assert.Equal(64 << 20, budget.Held);
        share.Dispose();
        Assert.Equal(0, budget.Held);
        await Deadline.Until(() => !left.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Leave() => new(new byte[1_000_000]);
    }

    [Fact]
    public void A_text_that_no_context_holds_never_becomes_a_string()
    {
        using var document = JsonDocument.Parse($"\"{new string('a', 8_000_000)}\"");
        var text = new PromptText(() => Card(context: 2048, longestToken: 16));

        var before = GC.GetAllocatedBytesForCurrentThread();
        var fault = Assert.Throws<ContextLengthExceededException>(() => text.Read(new(document.RootElement, "messages")));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Little);
        Assert.Equal(2048, fault.Limit);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("\\u0061")]
    [InlineData("\u4e16")]
    public void A_text_that_may_fit_is_read_however_it_is_written(string character)
    {
        using var document = JsonDocument.Parse($"\"{string.Concat(Enumerable.Repeat(character, 2048 * 16 - 1))}\"");
        Assert.Equal(2048 * 16 - 1, new PromptText(() => Card(context: 2048, longestToken: 16)).Read(new(document.RootElement, "messages")).Length);
    }

    private static ModelCard Card(int context, int longestToken) => new("m", context, "float32", "cpu", 2, 224, longestToken, 32000, context, default);
}
