using LlamaVid.Model.Vision;

namespace LlamaVid.Training.Stages;

/// <summary>One row of the paper's table of stages: what is trained, on which data, how. The defaults are those of the official scripts.</summary>
internal sealed record Stage
{
    public required string Name { get; init; }

    /// <summary>The data file in a folder that <c>prepare</c> made.</summary>
    public string DataFile => Name + ".json";

    /// <summary>Which parameters are trained, by their names in the checkpoint.</summary>
    public required Func<string, bool> Trains { get; init; }

    /// <summary><c>bert_type</c> of the result, for models whose Q-Former is a pretrained one.</summary>
    public required string TextDecoder { get; init; }

    public required double LearningRate { get; init; }

    /// <summary>Samples of a micro-batch on one device.</summary>
    public required int Batch { get; init; }

    /// <summary>Micro-batches of a step, so that a step has as many samples as an official one on eight devices.</summary>
    public int Accumulate { get; init; } = 8;

    /// <summary>Ids before visual tokens are put in.</summary>
    public required int MaxLength { get; init; }

    /// <summary>How pictures become square. Videos are always cut.</summary>
    public required ImageFit Pictures { get; init; }

    public required SampleForm Form { get; init; }

    /// <summary>Steps hold samples of one modality and of similar length.</summary>
    public bool GroupsByModality => Form != SampleForm.Plain;

    /// <summary>Aligns what the tower sees with the language model: projectors and context attention.</summary>
    public static readonly Stage Align = new()
    {
        Name = "align", TextDecoder = "qformer_pretrain_freeze", LearningRate = 1e-3, Batch = 32, MaxLength = 2048, Pictures = ImageFit.Crop,
        Form = SampleForm.Plain,
        Trains = name => IsUnder(name, "mm_projector", "vlm_att_projector", "vlm_att_key_projector", "vlm_att_val_projector"),
    };

    /// <summary>Teaches to follow instructions about pictures and clips: everything but the tower.</summary>
    public static readonly Stage Instruct = new()
    {
        Name = "instruct", TextDecoder = "qformer_pretrain", LearningRate = 2e-5, Batch = 16, MaxLength = 2048, Pictures = ImageFit.Pad,
        Form = SampleForm.Conversation,
        Trains = _ => true,
    };

    /// <summary>Stretches the context for films: language model and content projector.</summary>
    public static readonly Stage Long = new()
    {
        Name = "long", TextDecoder = "qformer_pretrain_freeze_all", LearningRate = 2e-5, Batch = 1, MaxLength = 65536, Pictures = ImageFit.Pad,
        Form = SampleForm.Movie,
        Trains = name => !name.StartsWith("model.vlm_att_", StringComparison.Ordinal),
    };

    private static bool IsUnder(string name, params ReadOnlySpan<string> modules)
    {
        foreach (var module in modules)
            if (name.StartsWith($"model.{module}.", StringComparison.Ordinal)) return true;
        return false;
    }
}

/// <summary>How a sample is written: a caption alone, a conversation, or one question about a movie whose every visual token has a placeholder.</summary>
internal enum SampleForm { Plain, Conversation, Movie }
