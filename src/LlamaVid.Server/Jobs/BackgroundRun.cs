using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.Ask;
using LlamaVid.Server.Files;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Jobs;

/// <summary>A request for which nobody holds a connection.</summary>
/// <param name="Holder">The job or batch that it belongs to.</param>
/// <param name="Seed">When the request has none.</param>
/// <param name="Priority">How far behind the requests that somebody waits for.</param>
internal sealed record BackgroundRequest(
    string Holder, string Owner, string Endpoint, ReadOnlyMemory<byte> Body, JobUpload? Upload, string CompletionId, long Seed, DateTimeOffset Created, int Priority);

/// <summary>How it ended, as a client would have been answered.</summary>
internal sealed record Answered(int Status, string? Result, Error? Error);

/// <summary>Answers one such request through the engine, from what its client sent. Keeps nothing; whoever asks decides what a passing fault means.</summary>
internal sealed class BackgroundRun(
    FileStore store, NamedFiles named, EngineHost engine, RequestReader reader, IOptions<ServerOptions> server, TimeProvider time, ILogger<BackgroundRun> logger)
{
    /// <summary>What says nothing about the request: it would end well at another time.</summary>
    public static bool IsPassing(Exception fault) => fault is
        EngineOverloadedException or ClientOverloadedException or QueueTimeoutException or WorkerFailedException or EnginePausedException or EngineStoppedException or EngineLoadingException;

    /// <param name="chunks">Takes the chunks of a streamed answer.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <exception cref="Exception">a passing fault</exception>
    public async Task<Answered> AnswerAsync(BackgroundRequest request, IAnswerStream chunks, Action<GenerationEvent> progress, CancellationToken cancellationToken)
    {
        string? mediaPath = null;
        try
        {
            using var uploads = new RequestFiles(store, request.Owner, id => named.Find(request.Holder, id));
            var chat = Read(request, uploads);
            mediaPath = chat.Answer.MediaPath;
            if (chat.Model is { } model && model != engine.ModelName)
                throw new ModelNotFoundException(model, engine.ModelName);
            var generation = chat.Generation with
            {
                Id = request.CompletionId, Client = request.Owner, Priority = request.Priority + chat.Generation.Priority, Sampling = chat.Generation.Sampling with { Seed = chat.Generation.Sampling.Seed ?? request.Seed },
            };
            var seen = new List<GenerationEvent>();
            await using var running = engine.Engine.Submit(generation);
            await new StreamedAnswer(chunks, NewAnswer(), chat.Answer, time, server.Value.KeepAlive, fault => throw new UnreachableException(null, fault))
                .WriteAsync(WatchAsync(running.Events, progress, seen, cancellationToken), cancellationToken);
            var whole = await WholeAnswer.CollectAsync(seen.ToAsyncEnumerable(), NewAnswer(), chat.Answer, request.Endpoint == AskEndpoint.Route, cancellationToken);
            return new(StatusCodes.Status200OK, JsonSerializer.Serialize(whole, OpenAiJson.Wire.ChatCompletion), null);
        }
        catch (Exception fault) when (!IsPassing(fault) && !cancellationToken.IsCancellationRequested)
        {
            var (status, error) = ErrorMap.Map(fault, request.CompletionId, mediaPath);
            if (ErrorMap.IsOurs(error))
                Log.JobFailed(logger, fault, request.CompletionId);
            return new(status, null, error);
        }

        AnswerBuilder NewAnswer() => new(request.CompletionId, engine.ModelName, engine.Fingerprint, request.Created.ToUnixTimeSeconds());
    }

    private ChatRequest Read(BackgroundRequest request, RequestFiles uploads)
    {
        var draft = reader.NewDraft(uploads);
        var isAsk = request.Endpoint == AskEndpoint.Route;
        if (isAsk)
            draft.Question = "";
        if (request.Upload is { } upload)
            draft.QuestionPart.Media = new(new MediaSource.LocalFile(upload.Path), upload.Kind, upload.Field);
        RequestReader.Read(request.Body, isAsk ? AskFields.Json : RequestReader.ChatFields, draft);
        return reader.Finish(draft);
    }

    /// <summary>Passes the events on and remembers those that the result is made of.</summary>
    private static async IAsyncEnumerable<GenerationEvent> WatchAsync(
        IAsyncEnumerable<GenerationEvent> events, Action<GenerationEvent> progress, List<GenerationEvent> seen, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var @event in events.WithCancellation(cancellationToken))
        {
            if (@event is GenerationEvent.Queued or GenerationEvent.Progress)
                progress(@event);
            else
                seen.Add(@event);
            yield return @event;
        }
    }
}
