using LlamaVid.Training.Pretraining;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Tests.Training.Pretraining;

public sealed class LessonTests
{
    private const int Side = 8;

    private static readonly Actor Circle = new(Palette.Objects[0], Shape.Circle, 0.21, Motion.Still, 0.2, 0.2, 0, 0, 6);
    private static readonly Actor Square = new(Palette.Objects[5], Shape.Square, 0.34, Motion.Right, 0.3, 0.7, 0.05, 2.5, 6);
    private static readonly Scene Pair = new(Palette.Tints[0], 6, [Circle, Square]);

    public static TheoryData<string, double, float, float> Questions => new()
    {
        { "What color is the circle?", 0, 1, 0 },
        { "What shape is the blue object?", 0, 0, 0 },                                              // not there yet
        { "What shape is the blue object?", 3, 0, 1 },
        { "Which is larger, the red circle or the blue square?", 3, 0.75f, 0.25f },
        { "Does the blue square appear before the red circle?", 0, 0.25f, 0 },                      // the first has its share, seen or not
        { "Is there a red square?", 3, 0.5f, 0.5f },                                                // half of it is here, half there
        { "Is there a pink cross?", 3, 0, 0 },
        { "How many objects are there?", 0, 1, 0 },
        { "How many objects are there?", 3, 0.5f, 0.5f },
        { "In the navy scene, where is the red circle?", 0, 1, 0 },
        { "In the teal scene, where is the red circle?", 0, 0, 0 },
        { "What color is the background?", 3, 0.5f, 0.5f },
        { "Follow the blue square.", 3, 0, 1 },
    };

    [Theory]
    [MemberData(nameof(Questions))]
    public void Attention_goes_to_what_is_asked_for(string question, double time, float circle, float square)
    {
        var weights = new float[2];
        new AskedObjects(question).Weigh(Pair, time, weights);
        Assert.Equal([circle, square], weights);
    }

    [Fact]
    public void Every_visible_object_owns_a_patch_and_hidden_ones_own_none()
    {
        var (owners, outline) = (new int[Side * Side], new float[Side * Side * PatchOwners.Points]);
        for (var number = 0; number < 300; number++)
        {
            var dice = new Dice("owners", 1, "scene", number);
            var scene = SceneDraw.Draw(dice, dice.Pick(Palette.Backgrounds));
            var time = dice.Between(0, scene.Seconds - 1);
            Array.Clear(outline);
            PatchOwners.Find(scene, time, Side, owners, outline);
            for (var i = 0; i < scene.Actors.Count; i++) Assert.Equal(scene.Actors[i].IsVisible(time), owners.Contains(i));
            Assert.Equal(scene.Actors.Any(actor => actor.IsVisible(time)), outline.Contains(1));
        }
    }

    [Fact]
    public void Bag_of_two_objects_says_which_is_where_by_colour()
    {
        var bag = new float[Concepts.Count];
        Concepts.Add(bag, Circle, (0.2, 0.5), Pair.Background, 0.5f);
        Concepts.Add(bag, Square, (0.8, 0.5), Pair.Background, 0.5f);
        var swapped = new float[Concepts.Count];
        Concepts.Add(swapped, Circle, (0.8, 0.5), Pair.Background, 0.5f);
        Concepts.Add(swapped, Square, (0.2, 0.5), Pair.Background, 0.5f);
        Assert.NotEqual(bag, swapped);
        Assert.Equal(1, bag[..8].Sum(), 5);
        Assert.Equal(1, bag[^8..].Sum(), 5);                                                        // the background stays whole
    }

    [Fact]
    public void Lessons_depend_on_nothing_but_their_number()
    {
        SceneLesson[] Draw(int number) => [.. SceneLesson.Draw(new("lessons", 1, "test", number))];
        for (var number = 0; number < 60; number++)
        {
            var (first, second) = (Draw(number), Draw(number));
            Assert.Equal(first.Select(lesson => (lesson.Type, lesson.Request, lesson.Answer, lesson.Form)), second.Select(lesson => (lesson.Type, lesson.Request, lesson.Answer, lesson.Form)));
            Assert.All(first.Zip(second), pair => Assert.Equal(pair.First.Context, pair.Second.Context));
            Assert.All(first, lesson => Assert.Equal(lesson.Seconds * Concepts.Count, lesson.Context.Length));
            Assert.All(first.Zip(second), pair => Assert.Equal(pair.First.Notes, pair.Second.Notes));
        }
    }
}
