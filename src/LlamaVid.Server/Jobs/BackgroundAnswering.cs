using System.Security.Cryptography;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.Jobs.Batches;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;

namespace LlamaVid.Server.Jobs;

/// <summary>Takes a checked request as a job and answers 202 as soon as nothing can lose it.</summary>
internal sealed class BackgroundAnswering(EngineHost engine, JobViews views, GuardedHttp http, JobBoard? board = null, BatchBoard? batches = null)
{
    /// <summary>The jobs there are.</summary>
    public JobBoard Board => board ?? throw NoFolder();

    public BatchBoard Batches => batches ?? throw NoFolder();

    /// <exception cref="EnginePausedException">the server is drained</exception>
    /// <exception cref="EngineStoppedException">the server stops</exception>
    public void RefuseUnlessOpen()
    {
        if (engine.Engine.State == EngineState.Paused) throw new EnginePausedException();
        if (engine.Engine.State is EngineState.Stopping or EngineState.Stopped) throw new EngineStoppedException();
    }

    public async Task TakeAsync(HttpContext context, ChatRequest request, BackgroundOrder order, string endpoint)
    {
        RefuseUnlessOpen();
        if (order.Webhook is { } webhook)
            http.Check(webhook.Url);
        var job = await Board.AcceptAsync(
            ClientIdentity.Of(context),
            new(endpoint, order.Body, order.Upload, order.Files, request.Generation.Id, request.Generation.Sampling.Seed ?? RandomNumberGenerator.GetInt32(int.MaxValue), order.Webhook),
            context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.Headers.Location = $"/v1/jobs/{job.Id}";
        await context.Response.WriteAsJsonAsync(views.Of(job, null, null), OpenAiJson.Wire.JobView, cancellationToken: context.RequestAborted);
    }

    private static InvalidRequestException NoFolder() => InvalidRequestException.NotSupported(
        "background", "This server does no work in the background (Jobs:Path is not set). Send the request without 'background'.");
}
