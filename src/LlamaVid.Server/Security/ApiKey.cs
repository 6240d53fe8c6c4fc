using System.Security.Cryptography;
using System.Text;

namespace LlamaVid.Server.Security;

/// <summary>One key as the server knows it: by its hash, and by what its bearer may do.</summary>
/// <remarks>Keys are 256 random bits, so a plain hash cannot be turned back by trying (docs/decisions/0019).</remarks>
internal sealed record ApiKey(string Name, byte[] Hash, Right Rights, IReadOnlyList<string> Models, int RequestsPerMinute, int MaxConcurrent)
{
    private const string Prefix = "lv-";

    public static ApiKey Of(KeyOptions key) =>
        new(key.Name, Convert.FromHexString(key.Sha256), key.Rights, [.. key.Models], key.RequestsPerMinute, key.MaxConcurrent);

    /// <summary>A key that nobody has yet.</summary>
    public static string New() => Prefix + Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public static byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    public bool MayAsk(string model) => Models.Count == 0 || Models.Contains(model);
}
