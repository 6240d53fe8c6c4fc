namespace LlamaVid.Model.Text;

/// <summary>A tokenizer file is missing, unreadable, or asks for something that the official tokenizers of this model do not have.</summary>
public sealed class TokenizerFileException(string file, string problem, Exception? inner = null)
    : Exception($"{Path.GetFileName(file)}: {problem}", inner)
{
    /// <summary>Full path of the file, for the operator's log; the message names it without its folder.</summary>
    public string File { get; } = file;
    public string Problem { get; } = problem;
}
