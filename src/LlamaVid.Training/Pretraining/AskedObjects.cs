using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>What a question is about, read from its words: how much each object of a frame, or the empty background, deserves attention.</summary>
/// <remarks>
/// A question names objects by colour, shape or both; what has all that is named is meant, else what has a part of it. One that names none is about all.
/// One that names a background is about scenes before it only. Of two that are named the first has three quarters of the attention, seen or not, so that an
/// average over both still says which is which.
/// </remarks>
internal sealed class AskedObjects
{
    private static readonly char[] Marks = [' ', '.', ',', ':', '?'];

    private const float FirstOfTwo = 0.75f;

    private readonly List<(Paint? Paint, Shape? Shape)> _named = [];
    private readonly Paint? _background;

    public AskedObjects(string question)
    {
        var words = question.ToLowerInvariant().Split(Marks, StringSplitOptions.RemoveEmptyEntries);
        Paint? paint = null;
        foreach (var word in words)
        {
            _background = Palette.Backgrounds.FirstOrDefault(color => color.Name == word) ?? _background;
            Shape? shape = Geometry.Shapes.Select(each => (Shape?)each).FirstOrDefault(each => each!.Value.Word() == word);
            if (shape is not null) _named.Add((paint, shape));
            else if (paint is not null) _named.Add((paint, null));
            paint = Palette.Objects.FirstOrDefault(color => color.Name == word);
        }
        if (paint is not null) _named.Add((paint, null));
    }

    /// <param name="weights">one for each actor; what is missing to 1 belongs to the empty background</param>
    public void Weigh(Scene scene, double time, Span<float> weights)
    {
        weights.Clear();
        if (_background is not null && _background != scene.Background) return;
        if (_named.Count == 0) Share(scene, time, null, null, 1, weights);
        for (var i = 0; i < _named.Count; i++)
            Share(scene, time, _named[i].Paint, _named[i].Shape, _named.Count == 1 ? 1 : i == 0 ? FirstOfTwo : (1 - FirstOfTwo) / (_named.Count - 1), weights);
    }

    /// <summary>Gives a share to what is most like a name, if anything is; without a name, to all.</summary>
    private static void Share(Scene scene, double time, Paint? paint, Shape? shape, float share, Span<float> weights)
    {
        var best = scene.Actors.Max(actor => actor.IsVisible(time) ? Likeness(actor, paint, shape) : -1);
        if (best < 0 || (best == 0 && (paint is not null || shape is not null))) return;
        var alike = scene.Actors.Count(actor => actor.IsVisible(time) && Likeness(actor, paint, shape) == best);
        for (var i = 0; i < scene.Actors.Count; i++)
            if (scene.Actors[i].IsVisible(time) && Likeness(scene.Actors[i], paint, shape) == best) weights[i] += share / alike;
    }

    private static int Likeness(Actor actor, Paint? paint, Shape? shape) => (actor.Paint == paint ? 1 : 0) + (actor.Shape == shape ? 1 : 0);
}
