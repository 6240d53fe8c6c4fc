using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training;

/// <summary>Videos that the tests look at: drawn, not encoded.</summary>
internal static class Drawn
{
    public const long Seed = 5;

    public static IEnumerable<Film> Clips(int count) => Enumerable.Range(0, count).Select(number => FilmDraw.Clip("tests", Seed, number));

    public static IEnumerable<Film> Films(int count) => Enumerable.Range(0, count).Select(number => FilmDraw.Long("tests", Seed, number));

    public static Question[] Questions(Film film) => [.. FilmQuestions.About(film, new("tests", Seed, film.Video, 0))];
}
