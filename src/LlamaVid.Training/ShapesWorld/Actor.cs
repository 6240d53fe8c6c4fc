namespace LlamaVid.Training.ShapesWorld;

internal enum Motion { Still, Left, Right, Up, Down }

/// <summary>One object of a scene: what it is and where it is when. Times are seconds of the scene, lengths frame widths, y grows downwards.</summary>
/// <param name="X">of the centre when it appears</param>
/// <param name="Speed">frame widths per second; 0 when still</param>
/// <param name="Appears">first moment it is seen</param>
/// <param name="Disappears">first moment it is no longer seen</param>
internal sealed record Actor(Paint Paint, Shape Shape, double Size, Motion Motion, double X, double Y, double Speed, double Appears, double Disappears)
{
    public string Name => $"{Paint.Name} {Shape.Word()}";

    public bool IsLarge => Size >= SceneDraw.SmallestLarge;

    public bool IsVisible(double time) => Appears <= time && time < Disappears;

    public (double X, double Y) At(double time)
    {
        var way = Speed * (time - Appears);
        return Motion switch
        {
            Motion.Left => (X - way, Y),
            Motion.Right => (X + way, Y),
            Motion.Up => (X, Y - way),
            Motion.Down => (X, Y + way),
            _ => (X, Y),
        };
    }
}

/// <summary>Some seconds before one background. Objects later in the list are drawn over earlier ones.</summary>
/// <param name="Seconds">whole seconds</param>
internal sealed record Scene(Paint Background, int Seconds, IReadOnlyList<Actor> Actors);

/// <summary>How the frames were compressed.</summary>
/// <param name="Crf">libx264's constant rate factor</param>
/// <param name="Gop">most frames from one key frame to the next</param>
internal sealed record Encoding(int Crf, string Preset, int Gop, string PixelFormat);

/// <summary>One video: a clip has one scene, a long film many. Data only.</summary>
/// <param name="Side">width and height in pixels</param>
/// <param name="Rate">frames per second</param>
internal sealed record Film(string Video, int Side, int Rate, IReadOnlyList<Scene> Scenes, Encoding Encoding)
{
    public int Seconds => Scenes.Sum(scene => scene.Seconds);
}
