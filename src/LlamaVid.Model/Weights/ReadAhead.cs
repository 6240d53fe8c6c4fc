namespace LlamaVid.Model.Weights;

/// <summary>Asks the system for the values of tensors some time before they are copied, so that the disk reads while others are packed. Knows no module.</summary>
/// <param name="names">in the order in which they are copied</param>
internal sealed class ReadAhead(CheckpointReader reader, IReadOnlyList<string> names)
{
    private const long Distance = 256 << 20;

    private readonly Lock _asking = new();
    private long _begun, _asked;
    private int _next;

    /// <summary>A tensor is about to be copied.</summary>
    public void Begin(string name)
    {
        var wanted = Interlocked.Add(ref _begun, reader.BytesOf(name)) + Distance;
        if (!_asking.TryEnter()) return;                    // somebody is at it
        try
        {
            for (; _asked < wanted && _next < names.Count; _next++)
            {
                reader.Expect(names[_next]);
                _asked += reader.BytesOf(names[_next]);
            }
        }
        finally
        {
            _asking.Exit();
        }
    }
}
