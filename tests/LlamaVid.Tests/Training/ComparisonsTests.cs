using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training;

/// <summary>Statements about two objects never contradict an answer to a comparison of them.</summary>
public sealed class ComparisonsTests
{
    [Fact]
    public void Statements_say_what_comparisons_answer()
    {
        var compared = 0;
        for (var number = 0; number < 400; number++)
        {
            var dice = new Dice("statements", 1, "scene", number);
            var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
            var statements = Comparisons.Of(scene).ToDictionary(each => each.Request, each => each.Statement);
            var pairs = scene.Actors.Count * (scene.Actors.Count - 1);
            Assert.Equal(pairs, statements.Keys.Count(request => request.StartsWith("Compare ", StringComparison.Ordinal)));
            foreach (var question in PairQuestions.About(scene, dice).Where(each => each.Type == "comparison"))
            {
                var (a, b) = Pair(scene, question.Text);
                var statement = statements[$"Compare the {a.Name} and the {b.Name}."];
                if (question.Text.StartsWith("Which is ", StringComparison.Ordinal))
                {
                    var word = question.Text.Split(' ')[2].TrimEnd(',');
                    Assert.Equal(question.Answer == $"the {a.Name}", statement.StartsWith($"the {a.Name} is {word}", StringComparison.Ordinal));
                    Assert.StartsWith($"the {(a.IsLarge ? a : b).Name} is larger, ", statements[$"Sort the {a.Name} and the {b.Name} by size."]);
                }
                else
                {
                    var place = question.Text[$"Is the {a.Name} ".Length..^1];
                    Assert.Equal(question.Answer == "yes", statement.Split(", ").Contains(place));
                }
                compared++;
            }
        }
        Assert.InRange(compared, 100, int.MaxValue);
    }

    /// <summary>Both objects, in the order in which they are named.</summary>
    private static (Actor First, Actor Second) Pair(Scene scene, string text)
    {
        var named = scene.Actors.Where(actor => text.Contains($"the {actor.Name}", StringComparison.Ordinal)).OrderBy(actor => text.IndexOf($"the {actor.Name}", StringComparison.Ordinal)).ToArray();
        return (named[0], named[1]);
    }
}
