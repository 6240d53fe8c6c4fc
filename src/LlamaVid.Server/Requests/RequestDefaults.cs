using System.ComponentModel.DataAnnotations;
using LlamaVid.Model.Text;

namespace LlamaVid.Server.Requests;

/// <summary>What requests that do not say get. The values are those of the request fields of the same names.</summary>
public sealed class RequestDefaultsOptions
{
    public const string Section = "Defaults";

    [AllowedValues("vicuna_v1", "imgsp_v1", "llava_v1", "llava_v0", "plain", ErrorMessage = "must be vicuna_v1, imgsp_v1, llava_v1, llava_v0 or plain")]
    public string Conversation { get; set; } = "vicuna_v1";

    [AllowedValues("latest", "first", ErrorMessage = "must be latest or first")]
    public string VideoCondition { get; set; } = "latest";

    [AllowedValues("as_given", "newest", "first", ErrorMessage = "must be as_given, newest or first")]
    public string MediaPosition { get; set; } = "as_given";

    [AllowedValues("auto", "clip", "movie", ErrorMessage = "must be auto, clip or movie")]
    public string PromptStyle { get; set; } = "auto";
}

/// <summary><see cref="RequestDefaultsOptions"/> in the engine's own terms.</summary>
internal sealed record RequestDefaults(ConversationKind Conversation, VideoCondition Condition, MediaPosition MediaPosition, PromptStyle Style)
{
    public static RequestDefaults From(RequestDefaultsOptions options) => new(
        SharedFields.Conversations[options.Conversation], SharedFields.NamedConditions[options.VideoCondition],
        SharedFields.MediaPositions[options.MediaPosition], SharedFields.PromptStyles[options.PromptStyle]);
}
