namespace LlamaVid.Tests;

/// <summary>Finds files of the project itself.</summary>
internal static class Repository
{
    public static string DefaultModel => Path("deploy/models/default");

    public static string Path(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "LlamaVid.Server.sln"))) folder = folder.Parent;
        return System.IO.Path.Combine(folder?.FullName ?? throw new DirectoryNotFoundException("LlamaVid.Server.sln"), relative);
    }
}
