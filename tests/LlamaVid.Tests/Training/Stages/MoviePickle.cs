using System.Text;
using LlamaVid.Training.Loop;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Training.Stages;

/// <summary>Turns the golden movie, the one pickle of arrays there is, into what is read here. It looks for its two known values and knows no pickles.</summary>
internal static class MoviePickle
{
    private const int Frames = 8, Tokens = 257, Width = 88;

    public static string Convert(string pickle, string target)
    {
        using var scope = NewDisposeScope();
        var bytes = File.ReadAllBytes(pickle);
        var values = empty([Frames, Tokens, Width], ScalarType.Float16);
        var length = (int)values.numel() * 2;
        var start = bytes.AsSpan().IndexOf([(byte)'B', .. BitConverter.GetBytes(length)]) + 5;          // BINBYTES length
        bytes.AsSpan(start, length).CopyTo(values.bytes);
        var text = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes("<image>"));
        var inputs = bytes.AsSpan(text, bytes[text - 1]);                                                // SHORT_BINUNICODE length text
        TensorFile.Write(target, [("feats", values), ("inputs", tensor(inputs.ToArray(), ScalarType.Byte))]);
        return target;
    }
}
