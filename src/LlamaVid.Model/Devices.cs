using System.Runtime.Intrinsics.X86;

namespace LlamaVid.Model;

/// <summary>Which devices and dtype a model runs in. The one place that asks what the machine has.</summary>
internal static class Devices
{
    /// <exception cref="DeviceUnavailableException">the options name a device that is not there</exception>
    /// <returns>one for each device that the options join, of one dtype</returns>
    public static IReadOnlyList<Placement> Choose(ModelOptions options) => [.. options.Device.Split('+').Select(name => Choose(name, options))];

    private static Placement Choose(string name, ModelOptions options)
    {
        var device = name switch
        {
            "auto" => torch.cuda.is_available() ? torch.device("cuda:0") : torch.CPU,
            "cpu" => torch.CPU,
            "cuda" => Cuda(name, 0),
            var cuda => Cuda(cuda, int.Parse(cuda.AsSpan("cuda:".Length))),
        };
        var dtype = options.Dtype switch
        {
            ModelDtype.Float32 => ScalarType.Float32,
            ModelDtype.BFloat16 => ScalarType.BFloat16,
            ModelDtype.Float16 => ScalarType.Float16,
            _ when device.type == DeviceType.CUDA => ScalarType.Float16,
            _ => MultipliesBFloat16 ? ScalarType.BFloat16 : ScalarType.Float32,
        };
        return new(dtype, device, options.Quantization switch
        {
            Quantization.Int8 => WeightForm.Int8,
            Quantization.Int4 => WeightForm.Int4,
            _ => dtype == ScalarType.BFloat16 ? WeightForm.BFloat16 : WeightForm.Plain,
        });
    }

    private static Device Cuda(string name, int index)
    {
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        return index < count ? torch.device($"cuda:{index}") : throw new DeviceUnavailableException(name, count);
    }

    /// <summary>With AVX512-BF16 or AMX-BF16 a model in bfloat16 is faster than one in float32; on other CPUs the opposite holds.</summary>
    public static bool MultipliesBFloat16 { get; } = HasAmxBFloat16 || Has(7, 1, eax: 5);

    /// <summary>Intel's cores from AVX512-FP16 on are made to multiply bfloat16 by AMX; where a hypervisor hides that, their AVX512-BF16 has half the rate of float32 multiply-adds.</summary>
    public static bool PairsBFloat16Slowly { get; } = IsIntel && MultipliesBFloat16 && Has(7, 0, edx: 23) && !HasAmxBFloat16;

    /// <summary>With AVX512-VNNI or AVX-VNNI sums of 8-bit products have 32 bits; what older CPUs use instead may overflow.</summary>
    public static bool MultipliesInt8 { get; } = Has(7, 0, ecx: 11) || Has(7, 1, eax: 4);

    /// <summary>AVX512-VNNI, which .NET has no instructions for, in registers that the system keeps.</summary>
    public static bool SumsInt8In512Bits { get; } = Avx512BW.IsSupported && Has(7, 0, ecx: 11);

    private static bool HasAmxBFloat16 => Has(7, 0, edx: 22);

    private static bool IsIntel => X86Base.IsSupported && X86Base.CpuId(0, 0).Ebx == BitConverter.ToInt32("Genu"u8);

    private static bool Has(int leaf, int subleaf, int? eax = null, int? ecx = null, int? edx = null)
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < leaf) return false;
        var (a, _, c, d) = X86Base.CpuId(leaf, subleaf);
        return IsSet(a, eax) || IsSet(c, ecx) || IsSet(d, edx);

        static bool IsSet(int register, int? bit) => bit is { } at && (register >> at & 1) != 0;
    }
}

/// <summary>The options join more devices than the model has layers. The operator's to mend.</summary>
public sealed class TooManyDevicesException(int devices, int layers)
    : Exception($"The configuration divides the model over {devices} devices and it has {layers} layers; each device takes one at least. Join at most {layers} devices with + (Model:Device, Engine:Devices).")
{
    public int Devices { get; } = devices;
    public int Layers { get; } = layers;
}

/// <summary>The options name a CUDA device and this machine, or this build, does not have it.</summary>
public sealed class DeviceUnavailableException(string device, int count)
    : Exception($"The configuration names the device '{device}' and this machine offers {count} CUDA devices to libtorch. Use cpu or auto, or build with -p:TorchBackend=cuda on a machine with that device.")
{
    public string Device { get; } = device;
    public int Count { get; } = count;
}
