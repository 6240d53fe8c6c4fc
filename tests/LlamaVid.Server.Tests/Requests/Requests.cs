using LlamaVid.Server.Requests;
using Microsoft.Extensions.Options;

namespace LlamaVid.Server.Tests.Requests;

/// <summary>Reads bodies as the endpoints do.</summary>
internal static class Read
{
    private static readonly RequestReader Reader = new(Options.Create(new ServerOptions { MaxMessages = 8, MaxMediaItems = 3 }), Options.Create(new RequestDefaultsOptions()));

    public static ChatRequest Chat(string json) => Body(RequestReader.ChatFields, json);

    public static ChatRequest Ask(string json) => Body(Features.Ask.AskFields.Json, json, isAsk: true);

    public static InvalidRequestException Refused(string json) => Assert.Throws<InvalidRequestException>(() => Chat(json));

    /// <summary>A chat request with one user message of these parts.</summary>
    public static string WithParts(string parts, string more = "") => $$$"""{"messages":[{"role":"user","content":[{{{parts}}},{"type":"text","text":"What?"}]}]{{{more}}}}""";

    public static string WithField(string field) => $$$"""{"messages":[{"role":"user","content":"Hi"}],{{{field}}}}""";

    private static ChatRequest Body(FieldTable<ChatDraft> fields, string json, bool isAsk = false)
    {
        var draft = Reader.NewDraft();
        draft.Question = isAsk ? "" : null;
        RequestReader.Read(System.Text.Encoding.UTF8.GetBytes(json), fields, draft);
        return Reader.Finish(draft);
    }
}
