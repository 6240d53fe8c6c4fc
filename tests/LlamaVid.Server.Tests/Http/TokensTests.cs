using System.Text.Json;

namespace LlamaVid.Server.Tests.Http;

/// <summary>Text to tokens and back, as clients of vLLM and of llama.cpp ask for it.</summary>
[Collection(nameof(DefaultServer))]
public sealed class TokensTests(DefaultServer fixture)
{
    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task A_prompt_is_tokenised_and_comes_back()
    {
        var reply = await PostAsync("/tokenize", """{"prompt":"What happens, é 漢?","return_token_strs":true}""");
        Assert.Equal(200, reply.Status);
        var ids = Ids(reply);
        Assert.Equal((ids.Length, _server.Engine.Engine.Card!.ContextLength), (reply.Json.GetProperty("count").GetInt32(), reply.Json.GetProperty("max_model_len").GetInt32()));
        Assert.Equal(ids.Length, reply.Json.GetProperty("token_strs").GetArrayLength());
        Assert.Equal(_server.Engine.Engine.Tokenizer.BosId, ids[0]);

        var back = await PostAsync("/detokenize", $$"""{"tokens":[{{string.Join(',', ids[1..])}}],"model":"default"}""");
        Assert.Equal(("What happens, é 漢?", "What happens, é 漢?"), (back.Json.GetProperty("prompt").GetString(), back.Json.GetProperty("content").GetString()));
        Assert.Equal("", (await PostAsync("/detokenize", """{"tokens":[]}""")).Json.GetProperty("prompt").GetString());
    }

    [Fact]
    public async Task Special_tokens_are_as_each_servers_clients_expect()
    {
        var plain = Ids(await PostAsync("/tokenize", """{"content":"Hi"}"""));
        Assert.Equal(plain, Ids(await PostAsync("/tokenize", """{"prompt":"Hi","add_special_tokens":false}""")));
        int[] special = [_server.Engine.Engine.Tokenizer.BosId, .. plain];
        Assert.Equal(special, Ids(await PostAsync("/tokenize", """{"content":"Hi","add_special":true}""")));
    }

    [Fact]
    public async Task A_conversation_is_tokenised_as_the_model_reads_it()
    {
        const string messages = """[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]""";
        var chat = await _server.ChatAsync($$"""{"messages":{{messages}},"max_tokens":1,"return_token_ids":true}""");
        Assert.Equal(chat.Json.GetProperty("prompt_token_ids").EnumerateArray().Select(id => id.GetInt32()), Ids(await PostAsync("/tokenize", $$"""{"messages":{{messages}}}""")));
    }

    [Fact]
    public async Task Pieces_are_texts_or_the_bytes_of_what_is_no_character()
    {
        var reply = await PostAsync("/tokenize", """{"content":"a 漢","with_pieces":true}""");
        var pieces = reply.Json.GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("piece")).ToArray();
        Assert.Contains(pieces, piece => piece.ValueKind == JsonValueKind.String);
        Assert.Equal([0xE6, 0xBC, 0xA2], pieces.Where(piece => piece.ValueKind == JsonValueKind.Array).SelectMany(piece => piece.EnumerateArray()).Select(value => value.GetInt32()));
    }

    [Theory]
    [InlineData("/tokenize", "{}", 400, "prompt")]
    [InlineData("/tokenize", "[]", 400, null)]
    [InlineData("/tokenize", """{"prompt":5}""", 400, "prompt")]
    [InlineData("/tokenize", """{"prompt":"a","content":"b"}""", 400, "content")]
    [InlineData("/tokenize", """{"prompt":"a","messages":[{"role":"user","content":"b"}]}""", 400, "prompt")]
    [InlineData("/tokenize", """{"prompt":"\ud800"}""", 400, "prompt")]
    [InlineData("/tokenize", """{"prompt":"a","add_generation_prompt":false}""", 400, "add_generation_prompt")]
    [InlineData("/tokenize", """{"prompt":"a","speed":1}""", 400, "speed")]
    [InlineData("/tokenize", """{"prompt":"a","model":"other"}""", 404, "model")]
    [InlineData("/tokenize", """{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"https://x.org/a.png"},{"type":"text","text":"b"}]}]}""", 400, "messages")]
    [InlineData("/detokenize", "{}", 400, "tokens")]
    [InlineData("/detokenize", """{"tokens":"a"}""", 400, "tokens")]
    [InlineData("/detokenize", """{"tokens":[1,-1]}""", 400, "tokens[1]")]
    [InlineData("/detokenize", """{"tokens":[1.5]}""", 400, "tokens[0]")]
    [InlineData("/detokenize", """{"tokens":[999999]}""", 400, "tokens")]
    [InlineData("/detokenize", """{"tokens":[99999999999]}""", 400, "tokens[0]")]
    public async Task What_is_wrong_is_refused_by_its_path(string path, string json, int status, string? param)
    {
        var reply = await PostAsync(path, json);
        Assert.Equal((status, param), (reply.Status, reply.Error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Text_of_a_million_characters_is_the_most()
    {
        var reply = await PostAsync("/tokenize", $$"""{"prompt":"{{new string('x', 1_000_001)}}"}""");
        Assert.Equal((400, "prompt"), (reply.Status, reply.Error.GetProperty("param").GetString()));
    }

    private Task<Reply> PostAsync(string path, string json) => _server.PostAsync(path, new StringContent(json, null, "application/json"));

    private static int[] Ids(Reply reply) => [.. reply.Json.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32())];
}
