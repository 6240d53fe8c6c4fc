using LlamaVid.Media;
using Microsoft.Extensions.Logging.Abstractions;

namespace LlamaVid.Tests.Media;

/// <summary>What a killed process leaves behind goes when the next one starts; what a living one works with stays.</summary>
public sealed class WorkspaceTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("lv");

    private MediaOptions Options => new() { TempDirectory = _root.FullName };

    [Fact]
    public void Folders_of_the_dead_are_swept_at_start()
    {
        var folder = _root.CreateSubdirectory("llamavid-0123456789abcde");
        foreach (var name in (string[])["lock", "media", "s1"])
            File.WriteAllText(Path.Combine(folder.FullName, name), "");

        using var opener = new MediaOpener(Options, NullLogger.Instance);

        Assert.Empty(_root.GetFileSystemInfos());
    }

    [Theory]
    [InlineData("llamavid-0123456789abcde")]
    [InlineData(".llamavid-0123456789abcde")]
    [InlineData(".llamavid-0123456789abcde", "lock")]
    public void Folders_of_those_killed_while_they_made_or_deleted_one_are_swept_too(string name, params string[] files)
    {
        var folder = _root.CreateSubdirectory(name);
        foreach (var file in files) File.WriteAllText(Path.Combine(folder.FullName, file), "");

        using var opener = new MediaOpener(Options, NullLogger.Instance);

        Assert.Empty(_root.GetFileSystemInfos());
    }

    [Fact]
    public void Empty_folders_of_others_are_kept()
    {
        var folder = _root.CreateSubdirectory("llamavid-models");
        using var opener = new MediaOpener(Options, NullLogger.Instance);
        Assert.True(folder.Exists);
        Assert.Single(_root.GetFileSystemInfos());
    }

    [Fact]
    public void What_a_link_leads_to_is_kept()
    {
        var film = Path.Combine(_root.CreateSubdirectory("films").FullName, "film.mp4");
        File.WriteAllText(film, "film");
        using (var workspace = Workspace.Create(Options)) workspace.Link(film);
        Assert.Equal("film", File.ReadAllText(film));
        Assert.Single(_root.GetFileSystemInfos());
    }

    [Fact]
    public void Folders_of_the_living_are_kept()
    {
        using var living = Workspace.Create(Options);
        living.CreateMedia().Dispose();

        using var opener = new MediaOpener(Options, NullLogger.Instance);

        Assert.True(File.Exists(living.MediaPath));
    }

    [Fact]
    public void Folders_that_are_just_made_are_there_while_others_start()
    {
        Parallel.For(0, 2000, i =>
        {
            if (i % 4 == 0) new MediaOpener(Options, NullLogger.Instance).Dispose();
            else
            {
                using var living = Workspace.Create(Options);
                living.CreateMedia().Dispose();
                Assert.True(File.Exists(living.MediaPath));
            }
        });
        Assert.Empty(_root.GetFileSystemInfos());
    }

    [Theory]
    [InlineData("llamavid-models", "config.json")]
    [InlineData("other", "lock")]
    public void Folders_of_others_are_kept(string folder, string file)
    {
        var path = Path.Combine(_root.CreateSubdirectory(folder).FullName, file);
        File.WriteAllText(path, "");

        using var opener = new MediaOpener(Options, NullLogger.Instance);

        Assert.True(File.Exists(path));
    }

    public void Dispose() => _root.Delete(recursive: true);
}
