using System.Globalization;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Features.Jobs;

/// <summary>/v1/jobs: what became of requests that were sent with <c>background</c>. Each owner sees its own.</summary>
internal static class JobsEndpoint
{
    private const int MostPerPage = 100;

    public static void MapJobs(this IEndpointRouteBuilder routes)
    {
        var jobs = routes.MapGroup("/v1/jobs").WithTags("Jobs");
        jobs.MapGet("", ListAsync).WithName("ListJobs").WithSummary("Your jobs, newest first, without their results")
            .Produces<JobPage>().ProducesErrors(400, 404);
        jobs.MapGet("/{id}", RetrieveAsync).WithName("RetrieveJob").WithSummary("One job, with its result once it has ended")
            .WithDescription("With `wait`, answers when the job has ended, or when that many seconds are over.")
            .Produces<JobView>().ProducesErrors(400, 404);
        jobs.MapGet("/{id}/events", EventsAsync).WithName("StreamJob").WithSummary("The answer of a job as it comes")
            .WithDescription(
                "The chunks of a streamed answer, each with an id. `Last-Event-ID` continues after that one, also after a restart of the server; when nothing is left, 204. " +
                "Progress has no id. A job that fails or is cancelled ends with `data: {\"error\":…}`.")
            .Produces<ChatCompletionChunk>(contentType: "text/event-stream").Produces(204).ProducesErrors(400, 404);
        jobs.MapDelete("/{id}", DeleteAsync).WithName("DeleteJob").WithSummary("Cancel a job; remove one that has ended")
            .WithDescription("A job that has not ended answers as it is now: `cancelled`. One that has ended is removed, with its result.")
            .Produces<JobView>().ProducesErrors(400, 404, 507)
            .AddOpenApiOperationTransformer((operation, context, _) => Documentation.EitherAsync<JobView, JobRemoved>(operation, context));
    }

    private static Task ListAsync(HttpContext context, BackgroundAnswering background, JobViews views, string? after, string? limit)
    {
        Query.Allow(context, "after", "limit");
        var count = Query.Integer("limit", limit, 1, MostPerPage, 20);
        var jobs = background.Board.List(ClientIdentity.Of(context), Query.After(after, "job-"), count + 1);
        JobView[] shown = [.. jobs.Take(count).Select(job => views.Of(job, null, null))];
        var page = new JobPage(shown, shown.FirstOrDefault()?.Id, shown.LastOrDefault()?.Id, jobs.Count > count);
        return context.Response.WriteAsJsonAsync(page, OpenAiJson.Wire.JobPage, cancellationToken: context.RequestAborted);
    }

    private static async Task RetrieveAsync(
        HttpContext context, string id, BackgroundAnswering background, JobViews views, IOptions<JobOptions> options, TimeProvider time, IHostApplicationLifetime lifetime,
        string? wait)
    {
        Query.Allow(context, "wait");
        var (board, owner) = (background.Board, ClientIdentity.Of(context));
        var longest = wait is null ? TimeSpan.Zero : Seconds(wait, options.Value.MaxWait);
        var (job, live) = board.Find(owner, id);
        if (live is not null && longest > TimeSpan.Zero)
        {
            using var leaves = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
            await Task.WhenAny(live.Ended, Task.Delay(longest, time, leaves.Token));
            await leaves.CancelAsync();
            (job, live) = board.Find(owner, id);
        }
        await WriteAsync(context, views.Of(job, live?.Progress, job.HasEnded ? board.Outcome(id) : null));
    }

    private static async Task EventsAsync(
        HttpContext context, string id, BackgroundAnswering background, IOptions<ServerOptions> options, TimeProvider time, IHostApplicationLifetime lifetime)
    {
        var (board, count) = (background.Board, LastEventId(context.Request));
        var (_, live) = board.Find(ClientIdentity.Of(context), id);
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var stream = new EventStream(context.Response, time);
        if (live is null)
        {
            var chunks = board.Outcome(id).Chunks;
            if (count >= chunks.Count)
                context.Response.StatusCode = StatusCodes.Status204NoContent;       // tells a browser not to come back
            for (; count < chunks.Count; count++)
                await stream.DataAsync(chunks[count], count + 1, leaves.Token);
            return;
        }
        try
        {
            await FollowAsync(live.Log, count, stream, options.Value.KeepAlive, time, leaves.Token);
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            // The server stops: the client comes back with the id of the last event it has.
        }
    }

    private static async Task FollowAsync(JobLog log, int count, EventStream stream, TimeSpan keepAlive, TimeProvider time, CancellationToken cancellationToken)
    {
        string? passed = null;
        await stream.CommentAsync("the job's events", cancellationToken);           // opens the stream at once
        while (true)
        {
            var page = log.After(count);
            if (page.Passing is { } passing && passing != passed && page.Chunks.Count == 0)
                await stream.DataAsync(passed = passing, cancellationToken);
            foreach (var chunk in page.Chunks)
                await stream.DataAsync(chunk, ++count, cancellationToken);
            if (page.IsClosed)
                return;
            if (await Task.WhenAny(page.Changed, Task.Delay(keepAlive, time, cancellationToken)) != page.Changed)
                await stream.CommentAsync("keep-alive", cancellationToken);
        }
    }

    private static Task DeleteAsync(HttpContext context, string id, BackgroundAnswering background, JobViews views)
    {
        var (board, owner) = (background.Board, ClientIdentity.Of(context));
        if (board.Delete(owner, id))
            return context.Response.WriteAsJsonAsync(new JobRemoved(id), OpenAiJson.Wire.JobRemoved, cancellationToken: context.RequestAborted);
        return WriteAsync(context, views.Of(board.Find(owner, id).Entry, null, board.Outcome(id)));
    }

    private static Task WriteAsync(HttpContext context, JobView job) =>
        context.Response.WriteAsJsonAsync(job, OpenAiJson.Wire.JobView, cancellationToken: context.RequestAborted);

    /// <summary>How many chunks the client has.</summary>
    private static int LastEventId(HttpRequest request) => Query.Integer("Last-Event-ID", request.Headers["Last-Event-ID"], 0, int.MaxValue, 0);

    private static TimeSpan Seconds(string text, TimeSpan longest) =>
        double.TryParse(text, NumberStyles.Float, null, out var seconds) && seconds >= 0
            ? seconds >= longest.TotalSeconds ? longest : TimeSpan.FromSeconds(seconds)
            : throw Wrong("wait", text, "must be a number of seconds");

    private static InvalidRequestException Wrong(string name, string text, string claim) =>
        new(name, $"'{name}' is '{InvalidRequestException.Shortened(text)}'; it {claim}.");
}
