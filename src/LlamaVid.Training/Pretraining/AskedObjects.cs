using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training.Pretraining;

/// <summary>What a question is about, read from its words: how much each object of a frame, or the empty background, deserves attention.</summary>
/// <remarks>
/// A question names objects by colour, shape or both; what has all that is named is meant, else what has a part of it. One that names none is about all.
/// One that names a background is about scenes before it only.
/// </remarks>
internal sealed class AskedObjects
{
    private static readonly char[] Marks = [' ', '.', ',', ':', '?'];

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

    /// <param name="weights">one for each actor; they sum to 1, or to 0 when only the background is left to look at</param>
    public void Weigh(Scene scene, double time, Span<float> weights)
    {
        weights.Clear();
        if (_background is not null && _background != scene.Background) return;
        var seen = 0f;
        foreach (var (paint, shape) in _named.Count > 0 ? _named : [(null, null)])
        {
            var best = scene.Actors.Max(actor => actor.IsVisible(time) ? Likeness(actor, paint, shape) : -1);
            if (best < 0 || (best == 0 && _named.Count > 0)) continue;
            var like = scene.Actors.Count(actor => actor.IsVisible(time) && Likeness(actor, paint, shape) == best);
            for (var i = 0; i < scene.Actors.Count; i++)
                if (scene.Actors[i].IsVisible(time) && Likeness(scene.Actors[i], paint, shape) == best) weights[i] += 1f / like;
            seen++;
        }
        if (seen == 0) return;
        foreach (ref var weight in weights) weight /= seen;
    }

    private static int Likeness(Actor actor, Paint? paint, Shape? shape) => (actor.Paint == paint ? 1 : 0) + (actor.Shape == shape ? 1 : 0);
}
