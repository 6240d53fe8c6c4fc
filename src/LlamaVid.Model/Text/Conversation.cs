namespace LlamaVid.Model.Text;

/// <summary>How one template writes a conversation (official conversation.py). Knows no media and no ids.</summary>
/// <param name="System">The template's own system sentence.</param>
/// <param name="AfterSystem">Between the system sentence and the first turn.</param>
/// <param name="User">Name before a user's message; empty in the template without names.</param>
/// <param name="Assistant">Name before an answer.</param>
/// <param name="AfterUser">Ends a user's message.</param>
/// <param name="AfterAssistant">Ends a complete answer.</param>
public sealed record Conversation(string System, string AfterSystem, string User, string Assistant, string AfterUser, string AfterAssistant)
{
    private const string AboutUser =
        "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the user's questions.";

    private const string AboutHuman =
        "A chat between a curious human and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to the human's questions.";

    private static readonly Conversation Vicuna = new(AboutUser, " ", "USER", "ASSISTANT", " ", "</s>");
    private static readonly Conversation LlavaV1 = new(AboutHuman, " ", "USER", "ASSISTANT", " ", "</s>");
    private static readonly Conversation LlavaV0 = new(AboutHuman, "###", "Human", "Assistant", "###", "###");

    /// <summary>Stage-1 checkpoints: "&lt;image&gt;" + answer + "\n", without names and system sentence (preprocess_plain_guided).</summary>
    private static readonly Conversation Plain = new("", "", "", "", "\n", "\n");

    /// <summary>The text that ends an answer; "&lt;/s&gt;" also is the end-of-sequence id.</summary>
    public string Stop => AfterAssistant;

    /// <summary>Placeholders stand on a line of their own, except in the template without names.</summary>
    public string AfterMedia => IsPlain ? "" : "\n";

    /// <summary>
    /// The template without names: a question about media only conditions their context tokens and is not part of the prompt,
    /// so that the answer follows the media at once, as these checkpoints were trained.
    /// </summary>
    public bool IsPlain => User.Length == 0;

    public static Conversation Of(ConversationKind kind) => kind switch
    {
        ConversationKind.VicunaV1 or ConversationKind.ImgspV1 => Vicuna,
        ConversationKind.LlavaV1 => LlavaV1,
        ConversationKind.LlavaV0 => LlavaV0,
        ConversationKind.Plain => Plain,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a conversation template."),
    };

    /// <summary>What stands before a message. An empty message is only the name and the colon, which is also how an answer is asked for.</summary>
    public string Before(ChatRole role, bool isEmpty)
    {
        var name = role == ChatRole.User ? User : Assistant;
        return name.Length == 0 ? "" : isEmpty ? name + ":" : name + ": ";
    }

    /// <summary>What ends a message; nothing ends an empty one.</summary>
    public string After(ChatRole role, bool isEmpty) => isEmpty ? "" : role == ChatRole.User ? AfterUser : AfterAssistant;
}
