using System.Text;
using LlamaVid.Model;
using LlamaVid.Model.Text;
using static TorchSharp.torch;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>The likeliest answer to one prompt: the engine's greedy decoding without requests, chunks and events.</summary>
internal sealed class GreedyDecoder(LlamaVidModel model)
{
    /// <summary>Rows beyond the tokenizer's own are padding of the matrix.</summary>
    private readonly long _vocabulary = Math.Min(model.Config.Decoder.VocabularySize, model.Tokenizer.VocabularySize);

    /// <param name="prompt">[S, W]</param>
    /// <param name="stop">the text that ends an answer and is not part of it</param>
    /// <param name="maxTokens">S and this many positions fit the context</param>
    public string Answer(Tensor prompt, string stop, int maxTokens)
    {
        using var scope = NewDisposeScope();
        var length = (int)prompt.shape[0];
        using var cache = model.NewCache(length + maxTokens);
        var (text, detokenizer) = (new StringBuilder(), new IncrementalDetokenizer(model.Tokenizer));

        var hidden = model.Forward(prompt, cache, length).narrow(0, length - 1, 1);
        for (var count = 1; ; count++)
        {
            var token = Likeliest(hidden);
            if (token == model.Tokenizer.EosId) break;
            text.Append(detokenizer.Push(token));
            if (text.ToString().IndexOf(stop, StringComparison.Ordinal) is >= 0 and var at) return text.ToString(0, at).Trim();
            if (count == maxTokens) break;
            hidden = model.Forward(model.Embed([token]), cache, cache.Length + 1);
        }
        return text.Append(detokenizer.Flush()).ToString().Trim();
    }

    private int Likeliest(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return (int)model.Logits(hidden).narrow(1, 0, _vocabulary).argmax(1).item<long>();
    }
}
