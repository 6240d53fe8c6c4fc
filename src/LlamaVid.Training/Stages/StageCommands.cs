using System.CommandLine;
using LlamaVid.Model;

namespace LlamaVid.Training.Stages;

/// <summary>
/// The commands <c>compose</c>, <c>align</c>, <c>instruct</c> and <c>long</c>: options to orders. An option that is not given has the stage's
/// official value.
/// </summary>
internal static class StageCommands
{
    public static IEnumerable<Command> All(TextWriter output, TextWriter error) =>
    [
        Compose(output),
        Train(Stage.Align, "Stage 1: aligns the tower with the language model. Trains projectors and context attention.", output, error),
        Train(Stage.Instruct, "Stage 2: follows instructions about pictures and clips. Trains everything but the tower.", output, error),
        Train(Stage.Long, "Stage 3: reads films. Trains language model and projector, with stretched positions.", output, error),
    ];

    private static Command Compose(TextWriter output)
    {
        var language = Required("--language-model", "Folder of the language model (Vicuna).");
        var qFormer = Required("--qformer", "instruct_blip_vicuna7b_trimmed.pth.");
        var tower = Required("--tower", "eva_vit_g.pth; config.json goes on naming it as written here.");
        var processor = Required("--image-processor", "Folder of preprocessor_config.json; config.json goes on naming it as written here.");
        var folder = Required("--out", "Folder for the checkpoint.");
        var seed = new Option<long>("--seed") { Description = "Of the fresh projectors." };
        var command = new Command("compose", "Makes the checkpoint that stage 1 starts from out of the parts one downloads.")
        {
            language, qFormer, tower, processor, folder, seed,
        };
        command.SetAction(async (parsed, _) =>
        {
            var composition = new Composition(parsed.GetRequiredValue(language), parsed.GetRequiredValue(qFormer), parsed.GetRequiredValue(tower),
                parsed.GetRequiredValue(processor), Path.GetFullPath(parsed.GetRequiredValue(folder)), parsed.GetValue(seed));
            composition.Write();
            await output.WriteLineAsync($"{composition.Out}: the start of stage 1").ConfigureAwait(false);
        });
        return command;
    }

    private static Command Train(Stage stage, string description, TextWriter output, TextWriter error)
    {
        var model = Required("--model", "Checkpoint to start from, in the official layout.");
        var data = Required("--data", $"JSON file in the official format, or a folder with {stage.DataFile}.");
        var folder = Required("--out", "Folder for the new checkpoint; its folder run holds state and log.");
        var media = Text("--media", "Folder that the data's paths start from. Default: the JSON file's.");
        var projector = Text("--projector", "mm_projector.bin of stage 1, put into the model first.");
        var features = Text("--features", "Folder that keeps the tower's output for later runs. Default: in memory.");
        var tower = Text("--vision-tower", "The tower's weights, when they are not where config.json says.");
        var words = Text("--text-tokenizer", "Folder of the BERT vocabulary, when it is not where config.json says.");
        var processor = Text("--image-processor", "Folder of the image processor, when it is not where config.json says.");
        var epochs = Number("--epochs", "Times through the data.", 1, 1e-6, 1e6);
        var steps = Maybe<long>("--steps", "Optimizer steps, instead of epochs.", 1, 1_000_000_000);
        var batch = Maybe<int>("--batch", $"Samples at once ({stage.Batch}).", 1, 100_000);
        var accumulate = Maybe<int>("--accumulate", $"Batches of one step ({stage.Accumulate}).", 1, 100_000);
        var rate = Maybe<double>("--lr", $"Highest learning rate ({stage.LearningRate}).", 0, 100);
        var length = Maybe<int>("--max-length", $"Ids of a sample, before visual tokens are put in ({stage.MaxLength}).", 8, 1 << 24);
        var warmUp = Number("--warmup", "Share of the steps in which the rate rises.", 0.03, 0, 1);
        var decay = Number("--weight-decay", "As AdamW's.", 0, 0, 10);
        var dropout = Number("--dropout", "Of the Q-Former while training.", 0.1, 0, 0.9);
        var seed = new Option<long>("--seed") { Description = "Another seed is another run.", DefaultValueFactory = _ => 42 };
        var checkpoint = Maybe<long>("--checkpoint-every", "Steps between two saved states; 0 saves at the end only (500).", 0, 1_000_000_000);
        var log = Maybe<long>("--log-every", "Steps per line of the log (10).", 1, 1_000_000);
        var resume = new Option<bool>("--resume") { Description = "Continue the run in --out, to the bit as if it had never stopped." };
        var onError = new Option<string>("--on-error")
        {
            Description = "What to do with broken samples: stop, or skip and list them.", DefaultValueFactory = _ => "stop",
        };
        onError.AcceptOnlyFromAmong("stop", "skip");
        var dtype = new Option<ModelDtype>("--dtype") { Description = "In which the weights are trained.", DefaultValueFactory = _ => ModelDtype.Float32 };
        var saved = new Option<string>("--save-dtype") { Description = "In which they are written.", DefaultValueFactory = _ => "bfloat16" };
        saved.AcceptOnlyFromAmong("float32", "bfloat16", "float16");

        var command = new Command(stage.Name, description)
        {
            model, data, folder, media, projector, features, tower, words, processor, epochs, steps, batch, accumulate, rate, length, warmUp, decay, dropout,
            seed, checkpoint, log, resume, onError, dtype, saved,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var order = new StageOrder(
                stage, parsed.GetRequiredValue(model), parsed.GetRequiredValue(data), Path.GetFullPath(parsed.GetRequiredValue(folder)))
            {
                Media = parsed.GetValue(media), Projector = parsed.GetValue(projector), Features = parsed.GetValue(features),
                VisionTower = parsed.GetValue(tower), TextTokenizer = parsed.GetValue(words), ImageProcessor = parsed.GetValue(processor),
                Epochs = parsed.GetValue(epochs), Steps = parsed.GetValue(steps), Batch = parsed.GetValue(batch), Accumulate = parsed.GetValue(accumulate),
                LearningRate = parsed.GetValue(rate), MaxLength = parsed.GetValue(length), WarmUp = parsed.GetValue(warmUp), WeightDecay = parsed.GetValue(decay),
                Dropout = parsed.GetValue(dropout), Seed = parsed.GetValue(seed), CheckpointEvery = parsed.GetValue(checkpoint) ?? 500,
                LogEvery = parsed.GetValue(log) ?? 10, Resume = parsed.GetValue(resume), SkipsFaults = parsed.GetValue(onError) == "skip",
                Dtype = parsed.GetValue(dtype), SavedDtype = Enum.Parse<ScalarType>(parsed.GetValue(saved)!, ignoreCase: true),
            };
            await StageRun.RunAsync(order, output, error, cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static Option<string> Required(string name, string description) => new(name) { Description = description, Required = true };

    private static Option<string?> Text(string name, string description) => new(name) { Description = description };

    private static Option<double> Number(string name, string description, double value, double least, double most)
    {
        var option = new Option<double>(name) { Description = $"{description} Default: {value}.", DefaultValueFactory = _ => value };
        Bound(option, least, most);
        return option;
    }

    private static Option<T?> Maybe<T>(string name, string description, T least, T most) where T : struct, IComparable<T>, IParsable<T>
    {
        var option = new Option<T?>(name) { Description = description };
        Bound(option, least, most);
        return option;
    }

    private static void Bound<T>(Option option, T least, T most) where T : IComparable<T>, IParsable<T> => option.Validators.Add(result =>
    {
        if (result.Tokens is [{ Value: var text }] && T.TryParse(text, null, out var value) && !(value.CompareTo(least) >= 0 && value.CompareTo(most) <= 0))
            result.AddError($"{option.Name} is {text}; it must be from {least} to {most}.");
    });
}
