using System.Runtime.Intrinsics.X86;

namespace LlamaVid.Model;

/// <summary>Which device and dtype a model runs in. The one place that asks what the machine has.</summary>
internal static class Devices
{
    /// <exception cref="DeviceUnavailableException">the options name a device that is not there</exception>
    public static Placement Choose(ModelOptions options)
    {
        var device = options.Device switch
        {
            "auto" => torch.cuda.is_available() ? torch.device("cuda:0") : torch.CPU,
            "cpu" => torch.CPU,
            "cuda" => Cuda(options.Device, 0),
            var cuda => Cuda(cuda, int.Parse(cuda.AsSpan("cuda:".Length))),
        };
        return new(options.Dtype switch
        {
            ModelDtype.Float32 => ScalarType.Float32,
            ModelDtype.BFloat16 => ScalarType.BFloat16,
            ModelDtype.Float16 => ScalarType.Float16,
            _ when device.type == DeviceType.CUDA => ScalarType.Float16,
            _ => MultipliesBFloat16() ? ScalarType.BFloat16 : ScalarType.Float32,
        }, device);
    }

    private static Device Cuda(string name, int index)
    {
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        return index < count ? torch.device($"cuda:{index}") : throw new DeviceUnavailableException(name, count);
    }

    /// <summary>CPUs with AVX512-BF16 or AMX-BF16 multiply bfloat16 matrices faster than float32 ones; on others the opposite holds.</summary>
    private static bool MultipliesBFloat16()
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7) return false;
        var amx = X86Base.CpuId(7, 0).Edx & (1 << 22);
        var avx512 = X86Base.CpuId(7, 1).Eax & (1 << 5);
        return (amx | avx512) != 0;
    }
}

/// <summary>The options name a CUDA device and this machine, or this build, does not have it.</summary>
public sealed class DeviceUnavailableException(string device, int count)
    : Exception($"The configuration names the device '{device}' and this machine offers {count} CUDA devices to libtorch. Use cpu or auto, or build with -p:TorchBackend=cuda on a machine with that device.")
{
    public string Device { get; } = device;
    public int Count { get; } = count;
}
