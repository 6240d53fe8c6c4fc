namespace LlamaVid.Engine;

/// <summary>What a running sequence does next.</summary>
internal enum WorkPhase
{
    /// <summary>Frames are encoded and compressed to tokens.</summary>
    See,

    /// <summary>All frames are seen; more positions are needed than were planned, and not free yet.</summary>
    Wait,

    /// <summary>The prompt is computed, chunk by chunk.</summary>
    Prefill,

    /// <summary>One token per step.</summary>
    Decode,
}

/// <summary>What a sequence owes before its answer, as a step pays it.</summary>
internal enum WorkKind
{
    /// <summary>Frames through the tower.</summary>
    Encode,

    /// <summary>Encoded frames to tokens.</summary>
    Compress,

    /// <summary>Positions of the prompt.</summary>
    Prefill,
}

/// <summary>How far a running sequence has come and what it owes. Numbers only.</summary>
internal abstract class Workload
{
    public WorkPhase Phase { get; protected set; }

    /// <summary>Positions of the budget that it holds.</summary>
    public int Positions { get; set; }

    /// <summary>Answers that it advances by one token in a step.</summary>
    public virtual int Answers => 1;

    /// <summary>Frames that lie ready for the tower and that no sequence before it takes through.</summary>
    public int FramesToEncode { get; protected set; }

    /// <summary>Encoded frames that it has not compressed to tokens yet.</summary>
    public int FramesToCompress { get; protected set; }

    /// <summary>Prompt positions that are not computed yet.</summary>
    public int PromptOwed { get; protected set; }

    /// <summary>What can be paid of it now, whatever answers others write; null while it writes itself, or waits for frames.</summary>
    public WorkKind? Owes => Phase switch
    {
        WorkPhase.See when FramesToCompress > 0 => WorkKind.Compress,
        WorkPhase.See when FramesToEncode > 0 => WorkKind.Encode,
        WorkPhase.Prefill => WorkKind.Prefill,
        _ => null,
    };

    /// <summary>Positions between it and its first token, as far as they are known.</summary>
    public int Distance => Phase == WorkPhase.Prefill ? PromptOwed : Positions;
}

/// <summary>The part of a workload that one step pays.</summary>
internal readonly record struct Share(Workload Work, int Encode, int Compress, int Prefill, bool Decodes);
