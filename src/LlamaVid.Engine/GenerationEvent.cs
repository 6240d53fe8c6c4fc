namespace LlamaVid.Engine;

public enum WorkStage { Fetch, Decode, Vision, Prefill }

public enum FinishReason { Stop, Length }

/// <summary>What happens to a request, in order. Ends with <see cref="Finished"/> or <see cref="Failed"/>, exactly once.</summary>
public abstract record GenerationEvent
{
    private GenerationEvent() { }

    /// <summary>Requests that will run before this one. Sent when it changes.</summary>
    /// <param name="Wait">how long it may take until this one runs, by the pace of the line so far; null while there is none</param>
    public sealed record Queued(int Position, int Waiting, TimeSpan? Wait) : GenerationEvent;

    /// <summary>Its media are open and, as far as they tell, it fits: only waiting and work are left. Whatever can be refused by its numbers was refused before.</summary>
    public sealed record Admitted : GenerationEvent;

    /// <summary>A worker has taken it: it waits no more.</summary>
    public sealed record Started : GenerationEvent;

    /// <param name="Total">Null while it cannot be known.</param>
    public sealed record Progress(WorkStage Stage, long Done, long? Total) : GenerationEvent;

    /// <summary>The prompt is complete and fits: all media are decoded and their tokens known. Comes before the first token.</summary>
    public sealed record Prepared(PromptReport Prompt) : GenerationEvent;

    /// <param name="Text">Text that is final; may be empty while a character or a stop text is incomplete.</param>
    public sealed record Token(int Id, string Text) : GenerationEvent
    {
        /// <summary>The answer that it belongs to, from 0, when the request asks for several.</summary>
        public int Choice { get; init; }

        /// <summary>With <see cref="SamplingOptions.Likeliest"/>.</summary>
        public TokenLikelihood? Likelihood { get; init; }

        /// <summary>With <see cref="SamplingOptions.Likeliest"/>: the likeliest tokens in its place, likeliest first.</summary>
        public IReadOnlyList<TokenLikelihood> Likeliest { get; init; } = [];
    }

    /// <summary>One of several answers is complete; others go on.</summary>
    public sealed record ChoiceFinished(ChoiceEnd End) : GenerationEvent;

    /// <param name="Text">What was still held back at the end.</param>
    public sealed record Finished(FinishReason Reason, string Text, GenerationTimings Timings) : GenerationEvent
    {
        /// <summary>The answer that was complete last.</summary>
        public int Choice { get; init; }

        public AnswerStop? StoppedBy { get; init; }

        public ChoiceEnd End => new(Choice, Reason, Text, StoppedBy);
    }

    public sealed record Failed(Exception Error) : GenerationEvent;
}

/// <summary>How one answer of a request ended.</summary>
/// <param name="Text">What was still held back at the end.</param>
/// <param name="StoppedBy">The client's own stop text or token, when it was that.</param>
public sealed record ChoiceEnd(int Choice, FinishReason Reason, string Text, AnswerStop? StoppedBy);

/// <summary>How likely a token was in its place.</summary>
/// <param name="Text">As it reads inside a text; a byte of a character that has no token of its own reads &lt;0xNN&gt;.</param>
/// <param name="LogProbability">Natural logarithm.</param>
public sealed record TokenLikelihood(int Id, string Text, IReadOnlyList<byte> Bytes, double LogProbability);

/// <summary>What the model reads.</summary>
/// <param name="TokenIds">Text ids; each media item (movie layout: each run of placeholders) is one -200.</param>
/// <param name="Positions">Length of the expanded sequence.</param>
/// <param name="CachedPositions">of them, those whose keys and values were there already</param>
public sealed record PromptReport(
    string Text, IReadOnlyList<int> TokenIds, int Positions, int CachedPositions, int VideoTokens, int ImageTokens, IReadOnlyList<MediaReport> Media);

/// <summary>What was seen of one media item.</summary>
/// <param name="Timestamps">Seconds, one per frame used.</param>
/// <param name="Duration">Seconds; null when the file does not tell.</param>
/// <param name="FramesPerSecond">Average rate of the source; null for pictures.</param>
/// <param name="WasKnown">the vision tower did not run for it: its features were kept from an earlier request, or shared with one that runs</param>
public sealed record MediaReport(
    MediaKind Kind, int Frames, IReadOnlyList<double> Timestamps, double? Duration, double? FramesPerSecond, int Width, int Height, int TokensPerFrame, bool WasKnown)
{
    /// <summary>Null where there are none.</summary>
    public SubtitleOrigin? Subtitles { get; init; }

    /// <summary>Frames behind which subtitles stand; null where there are none.</summary>
    public int? CaptionedFrames { get; init; }
}

/// <summary>Where the subtitles of a video come from.</summary>
/// <param name="Track">of its file; null: the request itself</param>
public sealed record SubtitleOrigin(ProbedTrack? Track);

/// <summary>Milliseconds spent in each stage; <see cref="TimeToFirstToken"/> counts from submission.</summary>
public sealed record GenerationTimings(
    double Queue, double Fetch, double DecodeVideo, double Vision, double Prefill, double Decode, double TimeToFirstToken);
