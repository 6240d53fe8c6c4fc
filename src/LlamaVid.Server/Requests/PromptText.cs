using LlamaVid.Engine;

namespace LlamaVid.Server.Requests;

/// <summary>Reads texts that are for the model. One that the model could never take is refused as it lies in the body: as a string it would weigh twice as much and stay long after its refusal.</summary>
/// <param name="card">null while no model is loaded: then everything is read</param>
internal sealed class PromptText(Func<ModelCard?> card)
{
    private const int MostBytes = 6;                      // that JSON has for a character: \u0041

    /// <exception cref="ContextLengthExceededException">it is longer than the context, however it is tokenised</exception>
    public string Read(JsonCursor value)
    {
        if (value.IsText)
            card()?.RequireRoomFor(value.RawLength / MostBytes);
        return value.Text();
    }
}
