namespace LlamaVid.Training.Evaluation.Samples;

/// <summary>The annotation files of MSVD-QA, MSRVTT-QA and ActivityNet-QA, as their authors publish them and as the official evaluation has them.</summary>
internal static class QaFiles
{
    private static readonly string[] QuestionWords = ["what", "who", "how", "when", "where"];

    /// <summary>ActivityNet-QA's numbers of types.</summary>
    private static readonly string[] Types = ["motion", "spatial", "temporal", "yes_no", "color", "object", "location", "number", "other"];

    /// <summary><c>{"id","video_id","question","answer"}</c>; numbers of videos become names by youtube_mapping.txt, texts are names already.</summary>
    public static IEnumerable<(string, Sample)> Msvd(IReadOnlyList<string> files, VideoFolder videos, Faults faults)
    {
        var mapping = files.Where(IsMapping).Select(ReadMapping).SingleOrDefault() ?? [];
        return ByNumber(Single(files.Where(file => !IsMapping(file))), videos, faults, (id, place) =>
            !long.TryParse(id, out _) ? [id]
            : mapping.TryGetValue("vid" + id, out var name) ? [name, "vid" + id]
            : mapping.Count > 0 ? throw new EvaluationFaultException(place, $"video {id} is not in the mapping file.")
            : ["vid" + id, id]);
    }

    /// <summary>The same fields; video 7010 is <c>video7010.mp4</c>.</summary>
    public static IEnumerable<(string, Sample)> Msrvtt(IReadOnlyList<string> files, VideoFolder videos, Faults faults) =>
        ByNumber(files[0], videos, faults, (id, place) => long.TryParse(id, out _) ? ["video" + id, id] : [id]);

    /// <summary><c>{"video_name","question","question_id"}</c> and <c>{"question_id","answer","type"}</c>, joined by id and not by order.</summary>
    public static IEnumerable<(string, Sample)> ActivityNet(IReadOnlyList<string> files, VideoFolder videos, Faults faults)
    {
        if (files.Count != 2) throw new EvaluationFaultException("--annotations", "ActivityNet-QA has two files, questions and answers; name both.");
        var answers = new Dictionary<string, JsonRecord>();
        foreach (var record in JsonRecords.Read(files[1], Faults.Strict))
            if (!answers.TryAdd(record.Id("question_id"), record))
                throw new EvaluationFaultException(record.Place, $"is a second answer to question {record.Id("question_id")}.");
        foreach (var record in JsonRecords.Read(files[0], faults))
        {
            (string, Sample)? read = null;
            faults.Try(() =>
            {
                var id = record.Id("question_id");
                var answer = answers.GetValueOrDefault(id) ?? throw new EvaluationFaultException(record.Place, $"question {id} has no answer in {files[1]}.");
                var video = record.Text("video_name");
                read = (id, new(record.Place, videos.Find(record.Place, "v_" + video, video), TypeOf(answer), record.Text("question"), answer.Text("answer")));
            });
            if (read is { } sample) yield return sample;
        }
    }

    private static IEnumerable<(string, Sample)> ByNumber(string file, VideoFolder videos, Faults faults, Func<string, string, string[]> names)
    {
        foreach (var record in JsonRecords.Read(file, faults))
        {
            (string, Sample)? read = null;
            faults.Try(() =>
            {
                var (question, video) = (record.Text("question"), record.Id("video_id"));
                read = (record.Id("id"), new(
                    record.Place, videos.Find(record.Place, names(video, record.Place)), TypeOf(question), question, record.Text("answer")));
            });
            if (read is { } sample) yield return sample;
        }
    }

    /// <summary>The question's first word, which is how these two data sets are broken down.</summary>
    private static string TypeOf(string question)
    {
        var word = question.Trim().Split(' ')[0].ToLowerInvariant();
        return QuestionWords.Contains(word) ? word : "other";
    }

    private static string TypeOf(JsonRecord answer) =>
        int.TryParse(answer.Id("type"), out var type) && type >= 0 && type < Types.Length
            ? Types[type]
            : throw new EvaluationFaultException(answer.Place, $"\"type\" is {answer.Id("type")} and must be from 0 to {Types.Length - 1}.");

    private static bool IsMapping(string file) => Path.GetExtension(file).Equals(".txt", StringComparison.OrdinalIgnoreCase);

    /// <summary>Lines of <c>NAME vidN</c>.</summary>
    private static Dictionary<string, string> ReadMapping(string file)
    {
        if (!File.Exists(file)) throw new EvaluationFaultException(file, "there is no such file.");
        var names = new Dictionary<string, string>();
        foreach (var (line, number) in File.ReadLines(file).Select((line, at) => (line.Trim(), at + 1)))
        {
            if (line.Length == 0) continue;
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var name, var id] || !names.TryAdd(id, name))
                throw new EvaluationFaultException($"{Path.GetFileName(file)}, line {number}",
                    "must be a video's name and its number of its own, as in 'abc_1_5 vid7'.");
        }
        return names;
    }

    private static string Single(IEnumerable<string> files) =>
        files.ToArray() is [var one]
            ? one
            : throw new EvaluationFaultException("--annotations", "MSVD-QA takes one file of questions and at most one mapping (.txt).");
}
