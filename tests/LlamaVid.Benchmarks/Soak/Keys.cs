using System.Security.Cryptography;
using System.Text;

namespace LlamaVid.Benchmarks.Soak;

/// <summary>The keys of a soak: one for those who behave and the bad day's clients, one with a small share for those who attack. Made anew each time.</summary>
internal sealed record Keys(string Honest, string Hostile)
{
    private const int HostileShare = 12;

    public static Keys Make() => new(RandomNumberGenerator.GetHexString(64), RandomNumberGenerator.GetHexString(64));

    /// <summary>What a server that is started has to know of them.</summary>
    public IEnumerable<string> Settings =>
    [
        "Security:Keys:0:Name=honest", $"Security:Keys:0:Sha256={HashOf(Honest)}",
        "Security:Keys:1:Name=hostile", $"Security:Keys:1:Sha256={HashOf(Hostile)}", $"Security:Keys:1:MaxConcurrent={HostileShare}",
    ];

    private static string HashOf(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
