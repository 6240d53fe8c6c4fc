namespace LlamaVid.Server.Tests.Http;

/// <summary>Waits for something that happens elsewhere, for half a minute at most.</summary>
internal static class Deadline
{
    public static Task Until(Func<bool> happened) => Until(() => Task.FromResult(happened()));

    public static async Task Until(Func<Task<bool>> happened)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await happened())
            await Task.Delay(10, late.Token);
    }
}
