using LlamaVid.Model.Text;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining.Tokenizers;

/// <summary>Everything the default model is to read and write: the questions, answers and captions of Shapes World, and the prompts around them.</summary>
internal static class ProjectText
{
    private const int Clips = 400, Films = 20;

    /// <summary>What prompts repeat word for word.</summary>
    public static IReadOnlyList<string> Phrases { get; } =
    [
        .. Conversation.Of(ConversationKind.VicunaV1).System.Split(". ").Select((sentence, i) => i == 0 ? sentence + "." : sentence),
        "Below is a movie. Memorize the content and answer my question after watching this movie.",
        "Now the movie end.",
    ];

    public static IReadOnlyList<string> Lines() => [.. Questions().SelectMany(question => new[] { question.Text, question.Answer }), "USER: ASSISTANT:"];

    private static IEnumerable<Question> Questions()
    {
        for (var number = 0; number < Clips; number++)
        {
            var film = FilmDraw.Clip("words", 0, number);
            foreach (var question in FilmQuestions.About(film, new Dice("words", 0, "questions", number))) yield return question;
            foreach (var (request, caption) in Captions.Of(film.Scenes[0])) yield return new("caption", request, caption);
        }
        for (var number = 0; number < Films; number++)
            foreach (var question in FilmQuestions.About(FilmDraw.Long("words", 0, number), new Dice("words", 0, "film questions", number))) yield return question;
    }
}
