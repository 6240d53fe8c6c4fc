using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.Ask;
using LlamaVid.Server.Features.ChatCompletions;
using LlamaVid.Server.Hosting;
using LlamaVid.Server.Jobs;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Answers;

/// <summary>Puts a checked request into the engine and writes its answer, whole or as a stream, or takes it as a job. The client going away ends the generation.</summary>
internal sealed class Answering(EngineHost engine, BackgroundAnswering background, TimeProvider time, IOptions<ServerOptions> options, ILogger<Answering> logger)
{
    public async Task WriteAsync(HttpContext context, ChatRequest request, bool isAsk)
    {
        if (request.Model is { } model && model != engine.ModelName)
            throw new ModelNotFoundException(model, engine.ModelName);
        OpenAiExceptionHandler.SetMediaPath(context, request.Answer.MediaPath);
        if (request.Background is { } order)
        {
            await background.TakeAsync(context, request, order, isAsk ? AskEndpoint.Route : ChatCompletionsEndpoint.Route);
            return;
        }

        var cancellationToken = context.RequestAborted;
        var answer = new AnswerBuilder(request.Generation.Id, engine.ModelName, engine.Fingerprint, time.GetUtcNow().ToUnixTimeSeconds());
        await using var generation = engine.Engine.Submit(request.Generation with { Client = ClientIdentity.ShareOf(context) });   // a full queue throws here, before the first byte
        try
        {
            if (request.Answer.Stream)
            {
                var stream = new EventStream(context.Response, time);
                await new StreamedAnswer(stream, answer, request.Answer, time, options.Value.KeepAlive, Describe).WriteAsync(generation.Events, cancellationToken);
            }
            else
            {
                var whole = await WholeAnswer.CollectAsync(generation.Events, answer, request.Answer, isAsk, cancellationToken);
                await WriteWholeAsync(context, whole, cancellationToken);
            }
        }
        finally
        {
            context.Features.Set(new RequestWork(
                answer.Id, answer.Prompt?.Media.Sum(media => media.Frames) ?? 0, answer.Prompt?.Positions ?? 0, answer.TokenCount));
        }

        Error Describe(Exception fault)
        {
            var (_, error) = ErrorMap.Map(fault, RequestIds.Of(context), request.Answer.MediaPath);
            if (ErrorMap.IsOurs(error))
                Log.RequestFailed(logger, fault, RequestIds.Of(context));
            return error;
        }
    }

    private static Task WriteWholeAsync(HttpContext context, ChatCompletion answer, CancellationToken cancellationToken)
    {
        var (headers, timings) = (context.Response.Headers, answer.Timings);
        headers["x-queue-time"] = Milliseconds(timings.QueueMs);
        headers["x-inference-time"] = Milliseconds(timings.FetchMs + timings.DecodeVideoMs + timings.VisionMs + timings.PrefillMs + timings.DecodeMs);
        headers["x-prompt-tokens"] = answer.Usage.PromptTokens.ToString();
        headers["x-generated-tokens"] = answer.Usage.CompletionTokens.ToString();
        return context.Response.WriteAsJsonAsync(answer, OpenAiJson.Wire.ChatCompletion, cancellationToken: cancellationToken);
    }

    private static string Milliseconds(double value) => Math.Round(value).ToString();
}

/// <summary>How much was done for a request, for the log.</summary>
internal sealed record RequestWork(string Id, int Frames, int PromptTokens, int GeneratedTokens)
{
    public override string ToString() => $", {Id}: {Frames} frames, {PromptTokens} + {GeneratedTokens} tokens";
}
