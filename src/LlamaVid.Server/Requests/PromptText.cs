using LlamaVid.Engine;

namespace LlamaVid.Server.Requests;

/// <summary>Reads texts that are for the model. One that the model could never take is refused as it lies in the body: as a string it would weigh twice as much and stay long after its refusal.</summary>
/// <param name="card">null while no model is loaded: then everything is read</param>
/// <param name="readsOn">the rest of the request is wanted all the same: such a text is left out, and its refusal kept</param>
internal sealed class PromptText(Func<ModelCard?> card, bool readsOn = false)
{
    private const int MostBytes = 6;                      // that JSON has for a character: \u0041
    private const string LeftOut = "…";

    /// <summary>Of the first text that was left out.</summary>
    public ContextLengthExceededException? Refusal { get; private set; }

    /// <summary>The same for one request that is read to its end.</summary>
    public PromptText ReadingOn() => new(card, readsOn: true);

    /// <exception cref="ContextLengthExceededException">it is longer than the context, however it is tokenised</exception>
    public string Read(JsonCursor value)
    {
        try
        {
            if (value.IsText)
                card()?.RequireRoomFor(value.RawLength / MostBytes);
        }
        catch (ContextLengthExceededException fault) when (readsOn)
        {
            Refusal ??= fault;
            return LeftOut;
        }
        return value.Text();
    }
}
