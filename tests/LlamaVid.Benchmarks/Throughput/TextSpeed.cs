using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>How fast the engine computes prompts and draws tokens, without pictures and without HTTP.</summary>
internal sealed class TextSpeed(EngineUnderTest engine, EngineOrder order)
{
    public const int SystemWords = 8, QuestionWords = 16;

    private const int Trials = 8;

    private readonly Random _random = new(1);

    /// <returns>positions per second of one prompt of <see cref="EngineOrder.PromptLength"/> positions</returns>
    public async Task<Repeated> PromptAsync(CancellationToken cancellationToken)
    {
        var words = await WordsAsync(cancellationToken);
        return await Repeated.MeasureAsync(order.Runs, async _ =>
        {
            var answer = await engine.AskAsync(Request(words, 1), cancellationToken);
            return (answer.Prompt.Positions - answer.Prompt.CachedPositions) / answer.Timings.Prefill * 1000;
        });
    }

    /// <returns>tokens per second of all streams together, and the times between two tokens of one stream</returns>
    public async Task<(Repeated Rate, Distribution Gaps)> DecodeAsync(int streams, CancellationToken cancellationToken)
    {
        var gaps = new List<double>();
        var rate = await Repeated.MeasureAsync(order.Runs, async run =>
        {
            var asked = Enumerable.Range(0, streams).Select(_ => engine.AskAsync(Request(QuestionWords, order.Tokens), cancellationToken));
            var answers = await Task.WhenAll(asked);
            IReadOnlyList<double>[] times = [.. answers.Select(answer => answer.Tokens)];
            if (run >= 0) gaps.AddRange(SteadyRate.Gaps(times));
            return SteadyRate.Of(times);
        });
        return (rate, Distribution.Of(gaps)!);
    }

    private LlamaVid.Engine.GenerationRequest Request(int words, int tokens) =>
        engine.Text(BenchWords.Text(_random, SystemWords), BenchWords.Text(_random, words), tokens);

    /// <summary>The words that make a prompt of the wanted length: what stands around them is the template's.</summary>
    private async Task<int> WordsAsync(CancellationToken cancellationToken)
    {
        var words = order.PromptLength;
        for (var trial = 0; trial < Trials; trial++)
        {
            var surplus = (await engine.AskAsync(Request(words, 1), cancellationToken)).Prompt.Positions - order.PromptLength;
            if (surplus == 0) return words;
            words = Math.Max(1, words - surplus);
        }
        throw new BenchmarkException($"No number of words makes a prompt of {order.PromptLength} positions.");
    }
}
