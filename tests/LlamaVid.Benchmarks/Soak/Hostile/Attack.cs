namespace LlamaVid.Benchmarks.Soak.Hostile;

/// <summary>One way to hurt a server.</summary>
/// <param name="Launch">does it once, and tells how each part of it ended: a status, or <see cref="Closed"/></param>
/// <param name="Proper">the ends that a server may give it besides 429 and 503; anything else is a fault</param>
internal sealed record Attack(string Name, Func<Random, CancellationToken, Task<IReadOnlyList<string>>> Launch, params string[] Proper)
{
    /// <summary>The server hung up, which is an answer to whoever cannot be talked to.</summary>
    public const string Closed = "closed";

    /// <summary>A stream opened before the fault was found, and ended with an error instead of an answer.</summary>
    public const string ErrorLater = "200, then an error";
}
