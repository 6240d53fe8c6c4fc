using System.Security.Cryptography;
using LlamaVid.Server.Composition;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Primitives;

namespace LlamaVid.Server.Security;

/// <summary>The keys that are valid now: those of the configuration and those of the keys file, which is read again when it changes.</summary>
/// <remarks>A file that cannot be read or understood, or that would leave no key at all, changes nothing: a slip of the pen never opens the server.</remarks>
internal sealed class KeyRing : IDisposable
{
    private readonly KeyOptions[] _fixed;
    private readonly string _path;
    private readonly ILogger<KeyRing> _logger;
    private readonly PhysicalFileProvider? _files;
    private readonly IDisposable? _watch;
    private volatile ApiKey[] _keys;

    /// <exception cref="StartupException">the keys file cannot be used</exception>
    public KeyRing(SecurityOptions options, ILogger<KeyRing> logger)
    {
        (_fixed, _path, _logger) = ([.. options.Keys], options.KeysFile.Length == 0 ? "" : Path.GetFullPath(options.KeysFile), logger);
        _keys = Read();
        if (_path.Length == 0) return;

        // Polled: mounted secrets change by a symbolic link, which no notification tells.
        _files = new(Path.GetDirectoryName(_path)!) { UsePollingFileWatcher = true, UseActivePolling = true };
        _watch = ChangeToken.OnChange(() => _files.Watch(Path.GetFileName(_path)), Reload);
    }

    public bool IsEmpty => _keys.Length == 0;

    /// <summary>The key that was presented; null when it is none of ours. Takes as long whichever it is.</summary>
    public ApiKey? Find(string presented)
    {
        var hash = ApiKey.HashOf(presented);
        ApiKey? found = null;
        foreach (var key in _keys)
            if (CryptographicOperations.FixedTimeEquals(hash, key.Hash))
                found = key;
        return found;
    }

    public void Dispose()
    {
        _watch?.Dispose();
        _files?.Dispose();
    }

    private ApiKey[] Read()
    {
        KeyOptions[] all = [.. _fixed, .. _path.Length == 0 ? [] : ReadFile(_path)];
        var faults = KeyOptions.Faults(all).ToArray();
        return faults.Length == 0 ? [.. all.Select(ApiKey.Of)] : throw new StartupException($"Security: {string.Join("; ", faults)}.");
    }

    private static IEnumerable<KeyOptions> ReadFile(string path)
    {
        try
        {
            var file = new ConfigurationBuilder().AddJsonFile(path, optional: false).Build();
            var keys = Settings.Read<KeysFile>(file, path);
            return keys.Keys.Count > 0 ? keys.Keys : throw new StartupException($"{path} holds no keys. Write them as {{\"Keys\": [{{\"Name\": …, \"Sha256\": …}}]}}.");
        }
        catch (Exception fault) when (fault is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"{path} (Security:KeysFile) cannot be read: {(fault.InnerException ?? fault).Message}");
        }
    }

    private void Reload()
    {
        try
        {
            _keys = Read();
            Log.KeysReloaded(_logger, string.Join(", ", _keys.Select(key => key.Name)));
        }
        catch (StartupException fault)
        {
            Log.KeysUnchanged(_logger, fault.Message);
        }
    }

    private sealed class KeysFile
    {
        public IList<KeyOptions> Keys { get; set; } = [];
    }
}
