using System.Diagnostics;
using System.Text;
using System.Text.Json;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training;

namespace LlamaVid.Tests.Training.Stages;

/// <summary>The three commands as a user runs them, on the golden parts and media.</summary>
public sealed class StageRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StringWriter _output = new(), _error = new();

    [Fact]
    public async Task The_stages_follow_each_other_and_every_checkpoint_loads()
    {
        var start = GoldenStage.Compose(_folder);
        var media = Shared.Path("goldens/media");
        var data = Path.GetDirectoryName(Shared.Path("goldens/train/s1.json"))!;
        await RunAsync("align", "--model", start, "--data", $"{data}/s1.json", "--media", media, "--out", Out("one"), "--steps", "2", "--batch", "2",
            "--accumulate", "1", "--save-dtype", "float32");
        await RunAsync("instruct", "--model", start, "--projector", Out("one/mm_projector.bin"), "--data", $"{data}/s2.json", "--media", media,
            "--out", Out("two"), "--steps", "2", "--batch", "2", "--accumulate", "2", "--features", Out("features"));
        MoviePickle.Convert(Path.Combine(media, "movie.pkl"), Out("movie.safetensors"));
        var films = _folder.Write("films.json", File.ReadAllText($"{data}/s3.json").TrimEnd().TrimEnd(']')
            + $$""", {"video":"{{media}}/clip_a.mp4","conversations":[{"from":"human","value":"<image>\nWhat moves?"},{"from":"gpt","value":"A ball."}]}]""");
        await RunAsync("long", "--model", Out("two"), "--data", films, "--out", Out("three"), "--steps", "2", "--batch", "2", "--accumulate", "1");

        Assert.Equal(2, Directory.GetFiles(Out("features")).Length);
        using var one = Load("one");
        using var two = Load("two");
        using var three = Load("three");
        Assert.Equal(16, three.Config.Decoder.RopeScalingFactor);
        Assert.Equal("qformer_pretrain_freeze_all", Config("three").GetProperty("bert_type").GetString());
        Assert.Equal("bfloat16", Config("two").GetProperty("torch_dtype").GetString());
        Assert.Equal("pad", Config("two").GetProperty("image_aspect_ratio").GetString());
        Assert.Equal(["model.mm_projector.0.bias"], Changed(start, "one").Where(name => name == "model.mm_projector.0.bias"));
        Assert.DoesNotContain(Changed(start, "one"), name => name.Contains("layers") || name.Contains("vlm_att_encoder") || name.Contains("vlm_att_ln"));
        Assert.DoesNotContain(Changed(Out("two"), "three"), name => name.Contains("vlm_att"));
    }

    [Fact]
    public async Task The_projector_file_has_the_official_names_and_shapes()
    {
        var start = GoldenStage.Compose(_folder);
        await RunAsync("align", "--model", start, "--data", Shared.Path("goldens/train/s1.json"), "--media", Shared.Path("goldens/media"), "--out", Out("one"),
            "--steps", "1", "--batch", "1", "--accumulate", "1");
        using var official = CheckpointReader.Open(Shared.Path("goldens/work_dirs/llama-vid-7b-pretrain-224-video-fps-1/mm_projector.bin"));
        using var ours = CheckpointReader.Open(Out("one/mm_projector.bin"));
        Assert.Equal(Shapes(official), Shapes(ours));

        static IEnumerable<string> Shapes(CheckpointReader reader) =>
            reader.Tensors.Values.Select(tensor => $"{tensor.Name} {string.Join(",", tensor.Shape)}").Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Broken_samples_stop_the_stage_by_name_or_are_skipped_and_listed()
    {
        var start = GoldenStage.Compose(_folder);
        _folder.Write("good.png", File.ReadAllBytes(Shared.Path("goldens/media/square.png")));
        _folder.Write("broken.mp4", "no video at all");
        var turns = """ "conversations":[{"from":"human","value":"What is it?\n<image>"},{"from":"gpt","value":"a blue ball on grass"}] """;
        var data = _folder.Write("data.json", $$"""
            [{"id":"g","image":"good.png",{{turns}}}, {"id":"b","video":"broken.mp4",{{turns}}}, {"id":"m","image":"missing.png",{{turns}}},
             {"id":"t",{{turns}}}, {"id":"p","video":"film.pkl",{{turns}}}]
            """);
        string[] args = ["align", "--model", start, "--data", data, "--out", Out("out"), "--steps", "2", "--batch", "2", "--accumulate", "1"];
        Assert.Equal(1, await TrainingCommand.RunAsync(args, _output, _error, TestContext.Current.CancellationToken));
        Assert.Matches("Sample [1-4] \\(\"[bmtp]\"\\) of .*data.json.*--on-error skip", _error.ToString());
        Assert.False(File.Exists(Out("out/config.json")));

        await RunAsync([.. args, "--on-error", "skip"]);
        var skipped = File.ReadLines(Out("out/run/log.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("skipped", out _)).ToDictionary(line => line.GetProperty("id").GetString()!, line => line.GetProperty("fault").GetString()!);
        Assert.Equal(["b", "m", "p", "t"], skipped.Keys.Order());
        Assert.Contains("missing.png does not exist", skipped["m"]);
        Assert.Contains("4 skipped", _output.ToString());
    }

    [Theory]
    [InlineData("--lr", "-1", "--lr is -1")]
    [InlineData("--batch", "0", "--batch is 0")]
    [InlineData("--on-error", "maybe", "maybe")]
    [InlineData("--model", "/nowhere", "there is no such folder")]
    public async Task Wrong_orders_are_said_in_one_line(string option, string value, string words)
    {
        string[] args = ["align", "--data", "x.json", "--out", Out("out"), option, value];
        if (option != "--model") args = [.. args, "--model", "/nowhere"];
        Assert.Equal(1, await TrainingCommand.RunAsync(args, _output, _error, TestContext.Current.CancellationToken));
        Assert.Contains(words, _error.ToString());
        Assert.Single(_error.ToString().TrimEnd().Split('\n'));
    }

    /// <summary>The process is really killed, at a step of chance, as often as it takes.</summary>
    [Fact]
    public async Task A_killed_process_continues_to_the_same_bits()
    {
        var start = GoldenStage.Compose(_folder);
        string[] args =
        [
            "instruct", "--model", start, "--data", Shared.Path("goldens/train/s2.json"), "--media", Shared.Path("goldens/media"), "--steps", "40",
            "--batch", "2", "--accumulate", "1", "--checkpoint-every", "3", "--log-every", "1", "--features", Out("features"), "--lr", "0.001", "--seed", "5", "--out",
        ];
        Assert.Equal(0, await ProcessAsync([.. args, Out("whole")], killAfterStep: null));
        var killAt = (int)(Stopwatch.GetTimestamp() % 30) + 1;
        Assert.NotEqual(0, await ProcessAsync([.. args, Out("killed")], killAt));
        Assert.Equal(0, await ProcessAsync([.. args, Out("killed"), "--resume"], killAfterStep: null));

        using var whole = CheckpointReader.Open(Out("whole/run/state.safetensors"));
        using var killed = CheckpointReader.Open(Out("killed/run/state.safetensors"));
        Assert.Equal(whole.Tensors.Keys.Order(), killed.Tensors.Keys.Order());
        foreach (var name in whole.Tensors.Keys.Where(name => name != "run"))
            Assert.True(Bytes(whole, name).AsSpan().SequenceEqual(Bytes(killed, name)), $"{name} differs after a kill at step {killAt}");
    }

    public void Dispose()
    {
        _folder.Dispose();
        _output.Dispose();
        _error.Dispose();
    }

    private string Out(string name) => Path.Combine(_folder.Path, name);

    private async Task RunAsync(params string[] args)
    {
        var code = await TrainingCommand.RunAsync(args, _output, _error, TestContext.Current.CancellationToken);
        Assert.True(code == 0, _error.ToString());
    }

    private LlamaVidModel Load(string name) => LlamaVidModel.Load(new()
    {
        Path = Out(name), Dtype = ModelDtype.Float32, Device = "cpu", TextTokenizer = Shared.Path("goldens/bert-base-uncased"),
    });

    private JsonElement Config(string name) => JsonDocument.Parse(File.ReadAllBytes(Out(name + "/config.json"))).RootElement;

    private List<string> Changed(string before, string after)
    {
        using var old = CheckpointReader.Open(before);
        using var now = CheckpointReader.Open(Out(after));
        return [.. now.Tensors.Keys.Where(name => old.Tensors.ContainsKey(name) && !Values(old, name).SequenceEqual(Values(now, name)))];

        static float[] Values(CheckpointReader reader, string name)
        {
            if (reader.Tensors[name].Dtype == TorchSharp.torch.ScalarType.Int64) return [];
            using var value = TorchSharp.torch.empty([.. reader.Tensors[name].Shape]);
            reader.CopyTo(name, value);
            return value.data<float>().ToArray();
        }
    }

    private static byte[] Bytes(CheckpointReader reader, string name)
    {
        using var value = TorchSharp.torch.empty([.. reader.Tensors[name].Shape], reader.Tensors[name].Dtype);
        reader.CopyTo(name, value);
        return value.bytes.ToArray();
    }

    /// <summary>The trainer's own executable, killed as soon as it says that step.</summary>
    private static async Task<int> ProcessAsync(string[] args, long? killAfterStep)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "LlamaVid.Training"), args)
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        })!;
        var said = new StringBuilder();
        while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            said.AppendLine(line);
            if (line.Contains($" step {killAfterStep} of ", StringComparison.Ordinal)) process.Kill();
        }
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(killAfterStep is not null || process.ExitCode == 0, said.ToString());
        return process.ExitCode;
    }
}
