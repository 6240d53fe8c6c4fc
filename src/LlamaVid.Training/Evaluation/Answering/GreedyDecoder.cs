using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using static TorchSharp.torch;

namespace LlamaVid.Training.Evaluation.Answering;

/// <summary>A prompt that waits for its answer.</summary>
/// <param name="Embeddings">[S, W]</param>
/// <param name="Stop">the text that ends the answer and is not part of it</param>
/// <param name="MaxTokens">S and this many positions fit the context</param>
internal sealed record GreedyPrompt(Tensor Embeddings, string Stop, int MaxTokens)
{
    public int Length => (int)Embeddings.shape[0];
}

/// <summary>The likeliest answers to several prompts at once: the engine's greedy decoding without requests, chunks and events.</summary>
internal sealed class GreedyDecoder(LlamaVidModel model)
{
    /// <summary>Rows beyond the tokenizer's own are padding of the matrix.</summary>
    private readonly long _vocabulary = Math.Min(model.Config.Decoder.VocabularySize, model.Tokenizer.VocabularySize);

    /// <returns>one answer per prompt, in their order</returns>
    public IReadOnlyList<string> Answer(IReadOnlyList<GreedyPrompt> prompts)
    {
        using var scope = NewDisposeScope();
        var answers = prompts.Select(prompt => new GreedyAnswer(model.Tokenizer, prompt.Stop, prompt.MaxTokens)).ToArray();
        var caches = prompts.Select(prompt => model.NewCache(prompt.Length + prompt.MaxTokens)).ToArray();
        try
        {
            var tokens = Prefill(prompts, caches);
            for (var active = Enumerable.Range(0, prompts.Count).ToArray(); ; tokens = Step(tokens, [.. active.Select(i => caches[i])]))
            {
                for (var at = 0; at < active.Length; at++) answers[active[at]].Add(tokens[at]);
                tokens = [.. tokens.Where((_, at) => !answers[active[at]].IsComplete)];
                active = [.. active.Where(i => !answers[i].IsComplete)];
                if (active.Length == 0) return [.. answers.Select(answer => answer.Text)];
            }
        }
        finally
        {
            foreach (var cache in caches) cache.Dispose();
        }
    }

    private int[] Prefill(IReadOnlyList<GreedyPrompt> prompts, KvCache[] caches)
    {
        using var scope = NewDisposeScope();
        var embeddings = cat([.. prompts.Select(prompt => prompt.Embeddings)], 0);
        var hidden = model.Forward(embeddings, [.. prompts.Select((prompt, i) => new SequenceChunk(caches[i], prompt.Length, prompt.Length))]);
        var end = 0;
        return Likeliest(hidden.index_select(0, tensor([.. prompts.Select(prompt => (long)(end += prompt.Length) - 1)], device: hidden.device)));
    }

    /// <returns>the token after each of <paramref name="tokens"/>, every one of another sequence</returns>
    private int[] Step(int[] tokens, KvCache[] caches)
    {
        using var scope = NewDisposeScope();
        return Likeliest(model.Forward(model.Embed(tokens), [.. caches.Select(cache => new SequenceChunk(cache, 1, cache.Length + 1))]));
    }

    private int[] Likeliest(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        return [.. model.Logits(hidden).narrow(1, 0, _vocabulary).argmax(1).cpu().data<long>().ToArray().Select(id => (int)id)];
    }
}
