using System.Text.Json;
using LlamaVid.Model;
using LlamaVid.Tests.Model.Weights;
using LlamaVid.Training.Data;
using LlamaVid.Training.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Training.Stages;

/// <summary>One stage as the goldens have it: the official start values, samples and media, in float32 and without dropout.</summary>
internal sealed class GoldenStage : IDisposable
{
    private const long SideSeed = 4;                                            // the golden coins: behind, in front

    private readonly TemporaryFolder _folder;
    private readonly TrainingSet _data;

    private GoldenStage(TemporaryFolder folder, Golden golden, LlamaVidModel model, Stage stage, TrainingSet data) =>
        (_folder, Golden, Model, Stage, _data) = (folder, golden, model, stage, data);

    public Golden Golden { get; }

    public LlamaVidModel Model { get; }

    public Stage Stage { get; }

    public IReadOnlyList<Prepared> Samples => _data.Samples;

    public StageObjective Objective => new(Model, Stage, Samples, Samples.Count, 1);

    public IEnumerable<JsonElement> Batches => Golden.Json.GetProperty("batches").EnumerateArray();

    public static async Task<GoldenStage> OpenAsync(int number)
    {
        var (stage, folder) = (new[] { Stage.Align, Stage.Instruct, Stage.Long }[number - 1], new TemporaryFolder());
        var golden = Golden.Open($"train/train_stage{number}");
        var start = Compose(folder);
        var model = LlamaVidModel.Load(
            new()
            {
                Path = number == 3 ? Shared.Path("goldens/work_dirs/llama-vid/llama-vid-7b-full-224-video-fps-1") : start,
                Dtype = ModelDtype.Float32, Device = "cpu",
            },
            config => number == 3 ? config with { Decoder = config.Decoder with { RopeScalingFactor = RopeScaling.For(config.Decoder, stage.MaxLength) } } : config);
        if (number == 1) Fill(model, Golden.Open("train/train_stage1_init"));
        if (number == 2) Projector.Read(Shared.Path("goldens/work_dirs/llama-vid-7b-pretrain-224-video-fps-1/mm_projector.bin"), model);

        var order = new DataOrder(Data(folder, number), Shared.Path("goldens/media"), stage.MaxLength, FeatureType: ScalarType.Float32);
        var data = await TrainingSet.LoadAsync(model, stage, order, SideSeed, _ => { }, TestContext.Current.CancellationToken);
        return new(folder, golden, model, stage, data);
    }

    /// <summary>The official parts as one checkpoint.</summary>
    public static string Compose(TemporaryFolder folder)
    {
        var path = Path.Combine(folder.Path, "start");
        new Composition(Shared.Path("goldens/model_zoo/LLM/vicuna/7B-V1.5"), Shared.Path("goldens/model_zoo/LAVIS/instruct_blip_vicuna7b_trimmed.pth"),
            Shared.Path("goldens/model_zoo/LAVIS/eva_vit_g.pth"), Shared.Path("goldens/llamavid/processor/clip-patch14-224"), path).Write();
        Directory.CreateDirectory(Path.Combine(path, "bert-base-uncased"));
        foreach (var file in Directory.EnumerateFiles(Shared.Path("goldens/bert-base-uncased")))
            File.Copy(file, Path.Combine(path, "bert-base-uncased", Path.GetFileName(file)));
        return path;
    }

    /// <summary>The golden's samples; movie.pkl is given as the safetensors file that docs/training.md shows how to make.</summary>
    private static string Data(TemporaryFolder folder, int number)
    {
        var text = File.ReadAllText(Shared.Path($"goldens/train/s{number}.json"));
        if (number < 3) return folder.Write("data.json", text);
        var movie = MoviePickle.Convert(Shared.Path("goldens/media/movie.pkl"), Path.Combine(folder.Path, "movie.safetensors"));
        return folder.Write("data.json", text.Replace("movie.pkl", movie, StringComparison.Ordinal));
    }

    private static void Fill(LlamaVidModel model, Golden values)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var parameters = model.Parameters.ToDictionary(item => item.Name, item => item.Value);
        foreach (var name in values.Names) parameters["model." + name["init.".Length..]].copy_(values[name]);
    }

    public void Dispose()
    {
        _data.Dispose();
        Model.Dispose();
        _folder.Dispose();
    }
}
