using System.Text;

namespace LlamaVid.Model.Text;

/// <summary>Turns the ids of one answer into text piece by piece; what it has returned never changes. Knows no stop texts.</summary>
/// <remarks>
/// All returned texts joined are <see cref="LlamaTokenizer.Decode"/> of all ids without special tokens: the first "▁" of the answer is dropped,
/// and bytes of an unfinished UTF-8 character are held back until it is whole or cannot become so. Not thread-safe.
/// </remarks>
public sealed class IncrementalDetokenizer(LlamaTokenizer tokenizer)
{
    private readonly StringBuilder _text = new();
    private SentencePieceDecoder? _run;
    private bool _anyRun;

    /// <summary>The text that has become certain with this id; often empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string Push(int id)
    {
        tokenizer.Check(id);
        if (tokenizer.IsSpecial(id))
            return "";
        if (tokenizer.AddedText(id) is { } added)
        {
            _run?.Finish(_text);
            _run = null;
            StartRun();
            _text.Append(added);
        }
        else
        {
            if (_run is null)
            {
                StartRun();
                _run = new SentencePieceDecoder(tokenizer.Model);
            }
            _run.Append(id, _text);
        }
        return Take();
    }

    /// <summary>The answer is over: what was held back, as replacement characters.</summary>
    public string Flush()
    {
        _run?.Finish(_text);
        return Take();
    }

    /// <summary>Added tokens and the runs of pieces between them are joined by spaces.</summary>
    private void StartRun()
    {
        if (_anyRun)
            _text.Append(' ');
        _anyRun = true;
    }

    private string Take()
    {
        var text = _text.ToString();
        _text.Clear();
        return text;
    }
}
