namespace LlamaVid.Server.Tests.Http;

/// <summary>Asks until the answer is yes, or far too long.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<Task<bool>> question)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await question())
            await Task.Delay(20, late.Token);
    }
}
