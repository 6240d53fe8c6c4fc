using System.ComponentModel.DataAnnotations;

namespace LlamaVid.Model;

public enum ModelDtype { Auto, Float32, BFloat16, Float16 }

/// <summary>Bits of the weights of linear layers.</summary>
public enum Quantization { None, Int8, Int4 }

/// <summary>Which frequencies rotate a sequence that is longer than the model was made for.</summary>
public enum RopeFrequencies
{
    /// <summary>As the official code: exact up to <c>max_position_embeddings</c>; a longer sequence uses the frequencies stored in the checkpoint for all positions.</summary>
    Stored,

    /// <summary>Exact frequencies at every length.</summary>
    Exact,
}

/// <summary>Which checkpoint is served, and how it is loaded. Read once at start; a wrong value stops the process before it listens.</summary>
public sealed record ModelOptions
{
    public const string Section = "Model";

    /// <summary>The checkpoint's folder, in the official layout.</summary>
    [Required(ErrorMessage = "a checkpoint folder is needed")]
    public string Path { get; set; } = "";

    /// <summary>The id that clients see. Empty: the name of the folder.</summary>
    [StringLength(200)]
    public string? Name { get; set; }

    /// <summary>The vision tower's weights, when they are not where <c>config.json</c> says.</summary>
    public string? VisionTower { get; set; }

    /// <summary>The folder of the BERT vocabulary, when it is not where <c>config.json</c> says.</summary>
    public string? TextTokenizer { get; set; }

    /// <summary>The folder of the image processor's settings, when it is not where <c>config.json</c> says.</summary>
    public string? ImageProcessor { get; set; }

    /// <summary>Auto: float16 on CUDA, bfloat16 on CPUs made for it, float32 otherwise.</summary>
    [EnumDataType(typeof(ModelDtype))]
    public ModelDtype Dtype { get; set; } = ModelDtype.Auto;

    /// <summary>None: the weights of linear layers have the dtype's bits. Otherwise they are rounded when they are loaded.</summary>
    [EnumDataType(typeof(Quantization))]
    public Quantization Quantization { get; set; } = Quantization.None;

    /// <summary>How one device is named, or several that hold a model together: <c>auto</c>, <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c>, <c>cuda:0+cuda:1</c>; for tests <c>cpu+cpu</c>.</summary>
    public const string DevicePattern = @"(auto|cpu(\+cpu)*|cuda(:[0-9]{1,2}(\+cuda:[0-9]{1,2})*)?)";

    /// <summary>As <see cref="DevicePattern"/> says. The layers of the language model are divided over joined devices in their order.</summary>
    [Required]
    [RegularExpression(DevicePattern, ErrorMessage = "must be auto, cpu or cuda:N, or GPUs that hold the model together, as in cuda:0+cuda:1")]
    [DistinctDevices]
    public string Device { get; set; } = "auto";

    [EnumDataType(typeof(RopeFrequencies))]
    public RopeFrequencies RopeFrequencies { get; set; } = RopeFrequencies.Stored;

    /// <summary><see cref="Name"/>, or the folder's name.</summary>
    public string ServedName() =>
        string.IsNullOrWhiteSpace(Name) ? System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(Path))) : Name;
}
