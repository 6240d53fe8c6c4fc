using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace LlamaVid.Server.Tests.Deployment;

/// <summary>A certificate for nobody, so that a proxy's configuration can be read.</summary>
internal static class Certificates
{
    public static void WriteTo(string folder)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=llamavid.example.com", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100));
        File.WriteAllText(Path.Combine(folder, "fullchain.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "privkey.pem"), key.ExportPkcs8PrivateKeyPem());
    }
}
