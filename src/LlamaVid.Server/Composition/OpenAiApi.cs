using System.Text.Json.Serialization;
using LlamaVid.Server.Answers;
using LlamaVid.Server.Errors;
using LlamaVid.Server.Features.Admin;
using LlamaVid.Server.Features.Ask;
using LlamaVid.Server.Features.Batches;
using LlamaVid.Server.Features.ChatCompletions;
using LlamaVid.Server.Features.Estimate;
using LlamaVid.Server.Features.Files;
using LlamaVid.Server.Features.Health;
using LlamaVid.Server.Features.Jobs;
using LlamaVid.Server.Features.Models;
using LlamaVid.Server.Features.Tokens;
using LlamaVid.Server.Features.Uploads;
using LlamaVid.Server.OpenAi;
using LlamaVid.Server.Requests;
using LlamaVid.Server.Security;
using LlamaVid.Server.Telemetry;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Composition;

[OptionsValidator]
internal sealed partial class ServerOptionsValidator : IValidateOptions<ServerOptions>;

[OptionsValidator]
internal sealed partial class RequestDefaultsOptionsValidator : IValidateOptions<RequestDefaultsOptions>;

/// <summary>The HTTP surface: what reads requests, what writes answers and errors, the routes and their documentation.</summary>
internal static class OpenAiApi
{
    /// <summary>What turns a client's fields into a request; the command line needs no more.</summary>
    public static IServiceCollection AddRequests(this IServiceCollection services)
    {
        services.AddOptionsWithValidateOnStart<ServerOptions, ServerOptionsValidator>().BindConfiguration(ServerOptions.Section);
        services.AddOptionsWithValidateOnStart<RequestDefaultsOptions, RequestDefaultsOptionsValidator>().BindConfiguration(RequestDefaultsOptions.Section);
        return services.AddSingleton<RequestReader>();
    }

    public static IServiceCollection AddOpenAiApi(this IServiceCollection services)
    {
        services.AddRequests().AddSingleton<Answering>().AddSingleton<MultipartForm>().AddSingleton<AskForm>().AddSingleton<BodyBudget>();
        services.AddExceptionHandler<OpenAiExceptionHandler>();
        services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        services.ConfigureHttpJsonOptions(options =>               // what the document describes is what is written
        {
            options.SerializerOptions.PropertyNamingPolicy = OpenAiJson.Wire.Options.PropertyNamingPolicy;
            options.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            options.SerializerOptions.TypeInfoResolverChain.Insert(0, OpenAiJson.Wire);
        });
        services.AddOpenApi(options => options.AddSchemaTransformer(Documentation.FieldsAsync).AddOperationTransformer(Documentation.SecurityAsync).AddDocumentTransformer((document, _, _) =>
        {
            Documentation.AddSecurityScheme(document);
            document.Info.Title = "LlamaVid.Server";
            document.Info.Version = VersionNumber.Served.Version;
            document.Info.Description = "Answers questions about videos with LLaMA-VID, behind OpenAI's chat completions.";
            document.Servers?.Clear();
            return Task.CompletedTask;
        }));
        return services;
    }

    /// <summary>Whatever fails from here on is answered in OpenAI's form.</summary>
    public static void UseErrors(this WebApplication app)
    {
        app.UseExceptionHandler(_ => { });
        app.UseStatusCodePages(context => OpenAiExceptionHandler.WriteAsync(
            context.HttpContext, context.HttpContext.Response.StatusCode,
            ErrorMap.OfStatus(context.HttpContext.Response.StatusCode, context.HttpContext.Request), context.HttpContext.RequestAborted));
    }

    public static void UseOpenAiApi(this WebApplication app)
    {
        app.MapOpenApi("/openapi/v1.json").AllowAnyKey();
        app.UseSwaggerUI(page =>
        {
            page.SwaggerEndpoint("/openapi/v1.json", "LlamaVid.Server");
            page.DisplayRequestDuration();
        });

        app.MapChatCompletions();
        app.MapAsk();
        app.MapJobs();
        app.MapEstimate();
        app.MapTokens();
        app.MapBatches();
        app.MapModels();
        app.MapFiles();
        app.MapUploads();
        app.MapHealth();
        app.MapMetrics();
        app.MapAdmin();
    }
}
