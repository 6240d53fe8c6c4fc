using LlamaVid.Model.Text;
using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training.Pretraining.Tokenizers;

namespace LlamaVid.Tests.Training.Pretraining;

public sealed class TokenizerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LlamaTokenizer _tokenizer;

    public TokenizerTests()
    {
        SentencePieceFile.Write(Path.Combine(_folder.Path, "tokenizer.model"), PieceTrainer.Train(ProjectText.Lines(), ProjectText.Phrases));
        _folder.Write("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizer", "legacy": false}""");
        _tokenizer = LlamaTokenizer.Load(_folder.Path);
    }

    [Fact]
    public void Every_word_of_the_project_is_one_piece()
    {
        foreach (var line in ProjectText.Lines().Take(2000))
        {
            var words = line.Split(' ').Sum(word => 1 + word.Count(char.IsPunctuation));
            Assert.True(_tokenizer.Encode(line).Count - 1 <= words, line);
        }
    }

    [Fact]
    public void What_every_prompt_repeats_is_one_piece_each()
    {
        foreach (var phrase in ProjectText.Phrases) Assert.Equal(2, _tokenizer.Encode(phrase).Count);
    }

    [Theory]
    [InlineData("Which direction does the red circle move?")]
    [InlineData("10 zebras, 3 ümläute and 🎥 — nothing that it was trained on")]
    [InlineData("  spaces   stay ")]
    public void Any_text_comes_back(string text) => Assert.Equal(text, _tokenizer.Decode(_tokenizer.Encode(text), skipSpecialTokens: true));

    [Fact]
    public void Digits_stay_single()
    {
        var ids = _tokenizer.Encode("2026");
        Assert.Equal(5, ids.Count);
    }

    [Fact]
    public void Questions_are_known_words_to_the_text_decoder()
    {
        File.WriteAllLines(Path.Combine(_folder.Path, "vocab.txt"), WordPieces.Of(ProjectText.Lines()));
        var words = BertTokenizer.Load(_folder.Path);
        Assert.Equal(2 + 8, words.Encode("Which direction does the red circle move?").Count);
        Assert.DoesNotContain(1, words.Encode("an unheard-of zebra 42"));                           // letter by letter, not [UNK]
    }

    public void Dispose() => _folder.Dispose();
}
