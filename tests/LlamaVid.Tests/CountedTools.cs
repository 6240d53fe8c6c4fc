namespace LlamaVid.Tests;

/// <summary>ffmpeg and ffprobe that leave a mark whenever they are started, and can be held at their start. Media:FfmpegPath is told this folder.</summary>
/// <remarks>Marks are empty files: what the tools run under lets them write nothing.</remarks>
internal sealed class CountedTools : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lvtools");

    private CountedTools() { }

    public string Folder => _folder.FullName;

    public int Probes => Count("ffprobe");

    public int Decoders => Count("ffmpeg");

    public static async Task<CountedTools> MakeAsync(Func<string, string[], Task> run)
    {
        var tools = new CountedTools();
        foreach (var tool in (string[])["ffmpeg", "ffprobe"])
        {
            var script = $"#!/bin/sh\n: > {tools.Folder}/started-{tool}-$$\nwhile [ -e {tools.Folder}/held ]; do sleep 0.02; done\nexec {Path.Combine(FolderOf(tool), tool)} \"$@\"\n";
            // By a shell, so that no file of ours is open for writing while another test starts a child.
            await run("sh", ["-c", "printf %s \"$1\" > \"$0\" && chmod 700 \"$0\"", Path.Combine(tools.Folder, tool), script]);
        }
        return tools;
    }

    /// <summary>From now on they wait at their start.</summary>
    public void Hold() => File.Create(Path.Combine(Folder, "held")).Dispose();

    public void LetGo() => File.Delete(Path.Combine(Folder, "held"));

    public void Dispose() => _folder.Delete(recursive: true);

    private int Count(string tool) => _folder.EnumerateFiles($"started-{tool}-*").Count();

    private static string FolderOf(string tool) => Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).First(folder => File.Exists(Path.Combine(folder, tool)));
}
