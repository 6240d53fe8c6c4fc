using System.Diagnostics;
using LlamaVid.Training.ShapesWorld;

namespace LlamaVid.Training;

/// <summary>Fills a folder with drawn videos, their questions and their truth. Knows the order of work; what is drawn is Shapes World's.</summary>
/// <remarks>The text files come last: a folder that has them has every video they name.</remarks>
internal static class Preparation
{
    private const int ClipsPerRun = 8;

    /// <exception cref="FolderNotEmptyException">There is something in the folder.</exception>
    /// <exception cref="EncodingFailedException">ffmpeg failed.</exception>
    public static async Task RunAsync(PrepareOrder order, TextWriter output, TextWriter progress, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(order.Folder);
        if (Directory.EnumerateFileSystemEntries(order.Folder).Count() is > 0 and var entries) throw new FolderNotEmptyException(order.Folder, entries);

        var started = Stopwatch.GetTimestamp();
        var (total, done) = (order.Clips + order.Films, 0);
        progress = TextWriter.Synchronized(progress);
        var batches = Enumerable.Range(0, order.Clips).Chunk(ClipsPerRun).Concat(Enumerable.Range(order.Clips, order.Films).Chunk(1));
        await Parallel.ForEachAsync(batches, cancellationToken, async (batch, token) =>
        {
            await VideoWriter.WriteAsync([.. batch.Select(number => Draw(order, number))], order.Folder, token).ConfigureAwait(false);
            var finished = Interlocked.Add(ref done, batch.Length);
            if (finished * 20L / total > (finished - batch.Length) * 20L / total)
                await progress.WriteLineAsync($"{finished} of {total} videos").ConfigureAwait(false);
        }).ConfigureAwait(false);

        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var questions = WriteTexts(order);
        await output.WriteLineAsync(
            $"{order.Folder}: {order.Clips} clips, {order.Films} films, {questions} questions in {seconds:0.0} s ({total / seconds:0.0} videos/s)")
            .ConfigureAwait(false);
    }

    private static int WriteTexts(PrepareOrder order)
    {
        using var files = new DataFiles(order.Folder, films: order.Films > 0);
        for (var number = 0; number < order.Clips + order.Films; number++)
        {
            var film = Draw(order, number);
            files.Add(film, FilmQuestions.About(film, new(order.Split, order.Seed, "questions of " + film.Video, number)));
        }
        return files.QuestionCount;
    }

    private static Film Draw(PrepareOrder order, int number) =>
        number < order.Clips ? FilmDraw.Clip(order.Split, order.Seed, number) : FilmDraw.Long(order.Split, order.Seed, number - order.Clips);
}
