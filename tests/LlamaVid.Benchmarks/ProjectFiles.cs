namespace LlamaVid.Benchmarks;

/// <summary>Where things of the project lie on this machine. Knows no contents.</summary>
internal static class ProjectFiles
{
    public static string Root { get; } = FindRoot();

    public static string DefaultModel => Path.Combine(Root, "deploy/models/default");

    /// <summary>Generated models and films, which are made once.</summary>
    public static string Cache => Directory.CreateDirectory(Path.Combine(Root, "artifacts/benchmarks")).FullName;

    /// <summary>The server that was built together with this program.</summary>
    public static string Server
    {
        get
        {
            var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
            return Path.Combine(Root, "artifacts/bin/LlamaVid.Server", configuration, "LlamaVid.Server.dll");
        }
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "LlamaVid.Server.sln"))) folder = folder.Parent;
        return folder?.FullName
            ?? throw new BenchmarkException($"no folder above {AppContext.BaseDirectory} holds LlamaVid.Server.sln; run it where it was built.");
    }
}

/// <summary>A measurement that cannot be made, said in one line.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
