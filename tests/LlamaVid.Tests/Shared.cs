namespace LlamaVid.Tests;

/// <summary>Finds the folder of goldens and real media that lies beside a checkout; tests that need it are skipped, by name, where it is not.</summary>
internal static class Shared
{
    private static readonly string? Root = FindRoot();

    /// <summary>Full path of <paramref name="relative"/>, for instance <c>goldens/misc/tok_llama.json</c>.</summary>
    public static string Path(string relative)
    {
        var path = Find(relative);
        Assert.SkipWhen(path is null, $"shared/{relative} is not beside this checkout");
        return path!;
    }

    /// <summary>Full path, or null where it is not there: for the data of theories.</summary>
    public static string? Find(string relative)
    {
        var path = Root is null ? null : System.IO.Path.Combine(Root, relative);
        return File.Exists(path) || Directory.Exists(path) ? path : null;
    }

    private static string? FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(System.IO.Path.Combine(folder.FullName, "shared", "goldens")))
                return System.IO.Path.Combine(folder.FullName, "shared");
        return null;
    }
}
