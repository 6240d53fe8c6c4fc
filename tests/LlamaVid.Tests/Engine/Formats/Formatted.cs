using System.Text;
using System.Text.Json;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine.Formats;

/// <summary>Formats without a model: whether they take a text, and texts drawn at random from what they take.</summary>
internal static class Formatted
{
    public static AnswerFormat Schema(string json) => AnswerFormat.JsonSchema(JsonElement.Parse(json));

    /// <summary>Whether the whole text fits.</summary>
    public static bool Takes(this AnswerFormat format, string text) => format.Takes(Encoding.UTF8.GetBytes(text));

    public static bool Takes(this AnswerFormat format, byte[] text)
    {
        var acceptor = new Acceptor(format.Rule);
        AcceptorState? state = acceptor.Start;
        foreach (var value in text)
            if ((state = acceptor.Next(state!, value)) is null)
                return false;
        return state!.MayEnd;
    }

    /// <summary>A text that fits, byte by byte; none when it had not ended after so many.</summary>
    public static string? Draw(this AnswerFormat format, Random random, int most = 4000)
    {
        var acceptor = new Acceptor(format.Rule);
        var (state, bytes) = (acceptor.Start, new List<byte>());
        while (bytes.Count < most)
        {
            if (state.IsOver || state.MayEnd && random.Next(3) == 0) return Encoding.UTF8.GetString([.. bytes]);
            acceptor.Rest();
            var ways = Enumerable.Range(0, 256).Select(value => (Byte: (byte)value, Next: acceptor.Next(state, (byte)value))).Where(way => way.Next is not null).ToArray();
            Assert.NotEmpty(ways);                                          // never a dead end
            var closing = ways.Where(way => way.Byte is (byte)'"' or (byte)']' or (byte)'}').ToArray();
            var (value, next) = closing.Length > 0 && random.Next(4) == 0 ? closing[0] : ways[random.Next(ways.Length)];
            bytes.Add(value);
            state = next!;
        }
        return null;
    }
}
