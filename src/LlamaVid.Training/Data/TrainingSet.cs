using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Training.Loop;
using LlamaVid.Training.Stages;

namespace LlamaVid.Training.Data;

/// <summary>Every usable sample of a data file, ready for batches. All faults of the data are found here, before the first step.</summary>
internal sealed class TrainingSet : IDisposable
{
    private readonly Dictionary<SampleMedia, Features> _features;

    private TrainingSet(IReadOnlyList<Prepared> samples, Dictionary<SampleMedia, Features> features, IReadOnlyList<SkippedSample> skipped) =>
        (Samples, _features, Skipped) = (samples, features, skipped);

    public IReadOnlyList<Prepared> Samples { get; }

    public IReadOnlyList<SkippedSample> Skipped { get; }

    /// <summary>Equal for equal samples: what tells a continued run that its data has changed.</summary>
    public string Identity
    {
        get
        {
            var hash = Samples.Aggregate(0L, (sum, sample) => Seeds.Mix(
                sum, sample.Media?.Frames ?? 0, Seeds.Mix([.. sample.Text.Ids.Select(id => (long)id), .. sample.Questions.SelectMany(words => words)])));
            return $"{Samples.Count} samples {hash:x16}";
        }
    }

    /// <param name="seed">of the run: decides on which side of their text placeholders stand</param>
    /// <param name="progress">gets one line now and then</param>
    /// <exception cref="DataFileException">The file cannot be read.</exception>
    /// <exception cref="SampleException">A sample is broken and none is to be skipped.</exception>
    /// <exception cref="NoSamplesException">Nothing is left.</exception>
    public static async Task<TrainingSet> LoadAsync(
        LlamaVidModel model, Stage stage, DataOrder order, long seed, Action<string> progress, CancellationToken cancellationToken)
    {
        var skipped = new List<SkippedSample>();
        var samples = new List<Sample>();
        await foreach (var (number, id, sample, fault) in DataFile.ReadAsync(order.File, order.Media, cancellationToken).ConfigureAwait(false))
            if (fault is not null) Skip(number, id, fault);
            else samples.Add(sample!);

        var users = samples.Where(sample => sample.Media is not null).ToLookup(sample => sample.Media!);
        var broken = new Dictionary<SampleMedia, Exception>();
        var maker = new FeatureMaker(model, stage.Pictures, order.Features, order.FeatureType) { TowerIdentity = order.TowerIdentity };
        var features = await maker.MakeAsync([.. users.Select(group => group.Key)], Break, Tell, cancellationToken).ConfigureAwait(false);

        var encoder = new SampleEncoder(model, stage, order.MaxLength, seed);
        var prepared = new List<Prepared>();
        try
        {
            foreach (var sample in samples)
                if (sample.Media is not null && broken.TryGetValue(sample.Media, out var fault)) Skip(sample.Number, sample.Id, fault);
                else
                    try
                    {
                        prepared.Add(encoder.Prepare(sample, sample.Media is null ? null : features[sample.Media]));
                    }
                    catch (Exception problem) when (problem is SampleFault or CheckpointException)
                    {
                        Skip(sample.Number, sample.Id, problem);
                    }
            if (prepared.Count == 0) throw new NoSamplesException(order.File, skipped.Count);
        }
        catch
        {
            foreach (var made in features.Values) made.Dispose();
            throw;
        }
        return new(prepared, features, skipped);

        void Skip(int number, string id, Exception fault)
        {
            if (!order.SkipsFaults) throw new SampleException(order.File, number, id, fault);
            skipped.Add(new(number, id, fault.Message));
        }

        void Break(SampleMedia media, Exception fault)
        {
            broken[media] = fault;
            if (!order.SkipsFaults) Skip(users[media].First().Number, users[media].First().Id, fault);
        }

        void Tell(int done)
        {
            if (done * 20L / users.Count > (done - 1) * 20L / users.Count) progress($"{done} of {users.Count} pictures and videos encoded");
        }
    }

    public void Dispose()
    {
        foreach (var features in _features.Values) features.Dispose();
    }
}

/// <summary>Which data, and what to do with the broken part of it.</summary>
/// <param name="File">the JSON file</param>
/// <param name="Media">the folder that paths in it start from</param>
/// <param name="Features">keeps features in this folder instead of memory</param>
/// <param name="TowerIdentity">tells features of one tower from those of another</param>
/// <param name="MaxLength">ids of a sample before visual tokens are put in</param>
internal sealed record DataOrder(
    string File, string Media, int MaxLength, bool SkipsFaults = false, string? Features = null, string TowerIdentity = "",
    ScalarType FeatureType = ScalarType.Float16);

/// <summary>A sample that is not trained on, and why. A line of the log.</summary>
internal sealed record SkippedSample(int Skipped, string Id, string Fault);
