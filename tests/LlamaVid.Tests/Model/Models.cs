using System.Collections.Concurrent;
using LlamaVid.Model;

namespace LlamaVid.Tests.Model;

/// <summary>Models that several tests use, loaded once each, in float32 on the CPU.</summary>
internal static class Models
{
    private static readonly ConcurrentDictionary<string, Lazy<LlamaVidModel>> Loaded = new();

    public static LlamaVidModel Load(string folder) =>
        Loaded.GetOrAdd(folder, path => new(() => LlamaVidModel.Load(new() { Path = path, Dtype = ModelDtype.Float32, Device = "cpu" }))).Value;
}
