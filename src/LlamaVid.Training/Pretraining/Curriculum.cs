namespace LlamaVid.Training.Pretraining;

/// <summary>One leg of what the language model learns: how much is asked, how much is only watched.</summary>
/// <param name="Name">of the part of the run, and of its stream of lessons</param>
/// <param name="Asked">lessons with a question, in batches</param>
/// <param name="Watched">scenes beside them of which notes are all that is learned, in batches</param>
/// <param name="AsksWhatIsHard">seldom forms of questions come more often</param>
/// <param name="MotionWeight">of notes about motion, among notes of weight 1</param>
internal sealed record Curriculum(string Name, double Asked, double Watched, bool AsksWhatIsHard, float MotionWeight)
{
    public static readonly Curriculum Language = new("language", 1, 0, AsksWhatIsHard: false, MotionWeight: 1);

    public static readonly Curriculum Revision = new("revision", 1, 1, AsksWhatIsHard: true, MotionWeight: 1);

    /// <summary>For motions of several objects at once: they are 32 things to learn apart, and the notes about them drown among the others.</summary>
    public static readonly Curriculum Watching = new("watching", 0.5, 2, AsksWhatIsHard: true, MotionWeight: 5);
}
