using CsCheck;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

public sealed class StopTextsTests
{
    [Fact]
    public void Text_up_to_the_first_stop_passes_however_it_is_cut()
    {
        var text = Gen.Char["ab#"].Array[0, 30].Select(letters => new string(letters));
        var stops = Gen.Char["ab#"].Array[1, 4].Select(letters => new string(letters)).List[0, 3];
        Gen.Select(text, stops, Gen.Int[1, 5]).Sample((whole, ends, size) =>
        {
            var first = ends.Select(stop => whole.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(whole.Length).Min();
            var filter = new StopTexts(ends);
            var passed = string.Concat(whole.Chunk(size).Select(piece => filter.Feed(new string(piece)))) + filter.Flush();
            // Cut in pieces, a stop that ends earlier may be met before one that starts earlier is complete: never later than the first stop's end.
            Assert.StartsWith(passed, whole);
            Assert.True(passed.Length >= first || filter.IsMet);
            Assert.Equal(ends.Any(stop => whole.Contains(stop, StringComparison.Ordinal)), filter.IsMet);
        });
    }

    [Fact]
    public void What_may_begin_a_stop_is_held_back()
    {
        var filter = new StopTexts(["###"]);
        Assert.Equal("one ", filter.Feed("one ##"));
        Assert.Equal("## two", filter.Feed(" two"));
        Assert.Equal(" three", filter.Feed(" three##"));
        Assert.Equal("", filter.Feed("#four"));
        Assert.True(filter.IsMet);
        Assert.Equal("", filter.Feed("five"));
    }
}
