namespace LlamaVid.Tests;

/// <summary>Finds files of the project itself.</summary>
internal static class Repository
{
    /// <summary>A made-up checkpoint of the smallest sizes, whose answers are noise: three decoder layers of width 64, a tower of two blocks.</summary>
    public static string TinyModel => Path("tests/fixtures/tiny/default");

    public static string Path(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "LlamaVid.Server.sln"))) folder = folder.Parent;
        return System.IO.Path.Combine(folder?.FullName ?? throw new DirectoryNotFoundException("LlamaVid.Server.sln"), relative);
    }
}
