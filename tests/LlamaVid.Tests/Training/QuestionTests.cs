using System.Text.RegularExpressions;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training;

/// <summary>Every question has one right answer, found independently, and the language is closed and documented.</summary>
public sealed class QuestionTests
{
    private static readonly string[] Types =
        ["background", "color", "comparison", "count", "description", "direction", "existence", "order", "position", "shape"];
    private static readonly (Film Film, Question[] Questions)[] Asked =
        [.. Drawn.Clips(1200).Concat(Drawn.Films(60)).Select(film => (film, Drawn.Questions(film)))];
    private static readonly string Page = File.ReadAllText(Repository.Path("docs/shapes-world.md"));

    [Fact]
    public void A_witness_who_reads_only_the_truth_finds_the_same_single_answer()
    {
        foreach (var (film, questions) in Asked)
            foreach (var question in questions)
            {
                var (text, scene) = Scene(film, question.Text);
                var found = Witness.Answers(text, scene);
                Assert.True(found.SequenceEqual([question.Answer]), $"{film.Video} {question}: the witness says {string.Join(" / ", found)}");
            }
    }

    [Fact]
    public void Clips_are_asked_every_type_and_films_all_but_background_and_description()
    {
        Assert.Equal(Types, All(clips: true).Select(question => question.Type).Distinct().Order());
        var ofFilms = Types.Except(["background", "description"]).Select(type => "long_" + type);
        Assert.Equal(ofFilms, All(clips: false).Select(question => question.Type).Distinct().Order());
        Assert.All(Asked.Where(asked => asked.Film.Scenes.Count > 1), asked => Assert.Equal(10, asked.Questions.Length));
    }

    [Fact]
    public void Answers_come_from_the_documented_lists_and_all_of_them_occur()
    {
        string[] colors = ["red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"], shapes = ["circle", "square", "triangle", "cross"];
        var objects = colors.SelectMany(color => shapes.Select(shape => $"the {color} {shape}")).ToArray();
        var lists = new Dictionary<string, string[]>
        {
            ["color"] = colors,
            ["shape"] = shapes,
            ["direction"] = ["left", "right", "up", "down", "it stays still"],
            ["position"] = ["top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right"],
            ["count"] = ["one", "two", "three"],
            ["existence"] = ["yes", "no"],
            ["comparison"] = ["yes", "no", .. objects],
            ["order"] = ["yes", "no", .. objects],
            ["background"] = ["black", "gray", "white", "navy", "maroon", "olive", "teal", "tan"],
        };
        foreach (var (type, list) in lists)
            Assert.Equal(list.Order(), All(clips: true).Where(question => question.Type == type).Select(question => question.Answer).Distinct().Order());
    }

    [Theory]
    [InlineData("existence", 0.5)]
    [InlineData("direction", 0.28)]
    [InlineData("comparison", 0.4)]
    [InlineData("position", 0.2)]
    public void Always_giving_the_commonest_answer_is_right_no_more_often_than(string type, double share)
    {
        var answers = All(clips: true).Where(question => question.Type == type).Select(question => question.Answer).ToArray();
        Assert.InRange(answers.CountBy(answer => answer).Max(group => group.Value) / (double)answers.Length, 0, share + 0.04);
    }

    [Fact]
    public void The_words_are_those_of_the_page()
    {
        var captions = Asked.Where(asked => asked.Film.Scenes.Count == 1).SelectMany(asked => Captions.Of(asked.Film.Scenes[0]))
            .SelectMany(said => new[] { said.Request, said.Caption });
        var used = Asked.SelectMany(asked => asked.Questions).SelectMany(question => new[] { question.Text, question.Answer }).Concat(captions)
            .SelectMany(text => text.ToLowerInvariant().Split([' ', '.', ',', ':', '?'], StringSplitOptions.RemoveEmptyEntries))
            .Distinct().Order(StringComparer.Ordinal).ToArray();
        var listed = Regex.Match(Page, @"use (\d+) words:\s+```\s+([^`]+)```");
        var words = listed.Groups[2].Value.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        Assert.True(words.SequenceEqual(used), $"the page should list {used.Length}: {string.Join(' ', used)}");
        Assert.Equal(used.Length.ToString(), listed.Groups[1].Value);
    }

    [Fact]
    public void The_colours_are_those_of_the_page()
    {
        var listed = Regex.Matches(Page, @"\| (\w+) \| (\d+) (\d+) (\d+) (?=\|)")
            .Select(match => string.Join(' ', match.Groups.Values.Skip(1).Select(group => group.Value)));
        var drawn = Palette.Objects.Concat(Palette.Backgrounds).Select(paint => $"{paint.Name} {paint.Red} {paint.Green} {paint.Blue}");
        Assert.Equal(drawn.Order(), listed.Order());
    }

    private static IEnumerable<Question> All(bool clips) =>
        Asked.Where(asked => asked.Film.Scenes.Count == 1 == clips).SelectMany(asked => asked.Questions);

    private static (string Text, Truth.OfScene Scene) Scene(Film film, string question)
    {
        var scenes = Truth.Of(film).Scenes;
        var named = Regex.Match(question, @"^In the (\w+) scene, (\w)(.*)$");
        return named.Success
            ? (named.Groups[2].Value.ToUpperInvariant() + named.Groups[3].Value, scenes.Single(scene => scene.Background == named.Groups[1].Value))
            : (question, scenes.Single());
    }
}
