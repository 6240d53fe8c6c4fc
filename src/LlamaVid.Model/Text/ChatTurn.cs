namespace LlamaVid.Model.Text;

public enum ChatRole { User, Assistant }

/// <summary>One message of a conversation. Text is always text: media are named by their index in the request, never by a marker in it.</summary>
/// <param name="Media">Indices of the media items shown in this turn, in order.</param>
public sealed record ChatTurn(ChatRole Role, string Text, IReadOnlyList<int> Media);
