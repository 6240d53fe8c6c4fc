using LlamaVid.Model.Decoder;
using LlamaVid.Model.Text;
using LlamaVid.Model.Tokens;
using LlamaVid.Model.Vision;
using LlamaVid.Model.Weights;

namespace LlamaVid.Model;

/// <summary>The whole model: frames and text in, logits out. Pure functions of the weights; it knows no requests, no queue and no sampling.</summary>
/// <remarks>
/// <code>
/// frames ──EncodeFrames──► features ──FrameTokens(question)──► 2 tokens per frame ─┐
/// text ──Tokenizer──► ids ──Embed──► embeddings ───────────────────────────────────┴──Forward──► logits
/// </code>
/// Tensor letters used in every shape of this project: T frames, N features per frame (with class token), P patches, Q queries,
/// L question length, S positions, H heads, D head size, C vision width, E text decoder width, W decoder width, V vocabulary.
/// One thread calls it, with inference mode on; tensors that it returns belong to the caller's dispose scope.
/// </remarks>
public sealed class LlamaVidModel : IDisposable
{
    private readonly LlamaForCausalLm _decoder;
    private readonly RotaryTable _rotary;
    private readonly VisionTower? _tower;
    private readonly FrameTokenizer? _frameTokenizer;
    private readonly ImagePreprocessor? _preprocessor;
    private readonly BertTokenizer? _questionTokenizer;

    private readonly LayerPlaces _places;

    private LlamaVidModel(LlamaVidConfig config, LayerPlaces places, LlamaForCausalLm decoder, RopeFrequencies frequencies, LlamaTokenizer tokenizer, Sight? sight)
    {
        (Config, Tokenizer) = (config, tokenizer);
        (_decoder, _places) = (decoder, places);
        _rotary = new(config.Decoder, frequencies, StoredFrequencies(decoder, Placement));
        Prompts = new(tokenizer, config.Vision?.UsesStartEnd ?? false, config.Decoder.RopeScalingFactor > 1);
        if (sight is not null)
            (_tower, _frameTokenizer, _preprocessor, _questionTokenizer, TokensPerFrame, TowerIdentity) = sight;
    }

    public LlamaVidConfig Config { get; }

    /// <summary>Of everything that comes before the decoder's layers, and of the first of them; the layers may be divided over more devices.</summary>
    public Placement Placement => _places.First;

    /// <summary>The devices that hold the model, as options name them.</summary>
    public string DeviceNames => string.Join('+', _places.Blocks.Select(block => block.Place.Device));

    public LlamaTokenizer Tokenizer { get; }
    public PromptBuilder Prompts { get; }

    /// <summary>Cuts frames to what the tower takes. Null for a model that reads text only.</summary>
    public ImagePreprocessor? Preprocessor => _preprocessor;

    internal FrameTokenizer? FrameTokenizer => _frameTokenizer;

    /// <summary>Tokens that one frame becomes; 0 for a model that reads text only.</summary>
    public int TokensPerFrame { get; }

    /// <summary>N, features that the tower gives for one frame; 0 for a model that reads text only.</summary>
    public int FeaturesPerFrame => _tower?.RowCount ?? 0;

    /// <summary>Names the tower's weights and the preprocessing: features of models with the same name are interchangeable.</summary>
    public string TowerIdentity { get; } = "";

    /// <summary>Bytes that the keys and values of one position take, on all devices together.</summary>
    public long KvBytesPerPosition => Config.Decoder.Layers * KvBytesPerLayer;

    /// <summary>Those on the device that holds most of them. Joined CPUs are one device.</summary>
    public long KvBytesPerPositionOfOneDevice => KvBytesPerLayer * _places.Blocks.GroupBy(block => block.Place.Device.ToString()).Max(device => device.Sum(block => block.Layers));

    private long KvBytesPerLayer =>
        2L * Config.Decoder.KvHeads * (Config.Decoder.HiddenSize / Config.Decoder.Heads) * Placement.Dtype.ElementSize();

    /// <summary>Whether the tower's features begin with a class token, which movies lose before the text decoder.</summary>
    internal bool HasClassToken => _tower?.HasClassToken ?? false;

    /// <summary>Tokens that one frame would become with another pooling than the checkpoint's.</summary>
    /// <exception cref="CheckpointException">the tower's features do not form the grid that it needs</exception>
    public int TokensPerFrameWith(FramePooling pooling) => FrameTokenizer.TokensPerFrame(Config.Vision! with { Pooling = pooling }, _tower!.RowCount);

    /// <summary>Reads a checkpoint in the official layout.</summary>
    /// <exception cref="CheckpointException">something is missing, surplus or misshapen; names the file and the cure</exception>
    /// <exception cref="DeviceUnavailableException">a device is not there</exception>
    /// <exception cref="TooManyDevicesException">the model has fewer layers</exception>
    public static LlamaVidModel Load(ModelOptions options) => Load(options, Devices.Choose(options), config => config);

    /// <summary>For training, on one device: the weights stay as they are, so that they can be changed and saved.</summary>
    /// <param name="change">what the configuration is to say otherwise: a training stage that stretches the context</param>
    internal static LlamaVidModel Load(ModelOptions options, Func<LlamaVidConfig, LlamaVidConfig> change) =>
        Load(options, [Devices.Choose(options).Single() with { Form = WeightForm.Plain }], change);

    /// <param name="devices">over which the decoder's layers are divided; everything before them lies on the first</param>
    internal static LlamaVidModel Load(ModelOptions options, IReadOnlyList<Placement> devices, Func<LlamaVidConfig, LlamaVidConfig> change)
    {
        using var noGrad = torch.no_grad();
        var directory = CheckpointDirectory.Locate(options.Path, options.VisionTower, options.TextTokenizer, options.ImageProcessor);
        using var reader = CheckpointReader.Open(directory.Model);
        var config = change(directory.Config).WithVocabularyOf(reader);

        var loader = new WeightLoader(reader);
        loader.RequireLayers(layer => $"model.layers.{layer}.input_layernorm.weight", config.Decoder.Layers);
        var sight = config.Vision is { } vision ? Sight.Load(directory, vision, config.Decoder.HiddenSize, reader, loader, devices[0].AtLeastInt8) : null;
        var places = LayerPlaces.Over(devices, config.Decoder, sight is null ? [] : [sight.Tower, sight.FrameTokenizer]);
        var decoder = loader.Build(at => new LlamaForCausalLm(config.Decoder, at), new((Placement.Meta, config.Decoder.Layers)), places, "",
            name => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal));
        loader.RequireAllClaimed();

        var tokenizer = LlamaTokenizer.Load(directory.Model, config.Vision?.UsesPatchToken ?? false, config.Vision?.UsesStartEnd ?? false);
        if (tokenizer.VocabularySize > config.Decoder.VocabularySize)
            throw new CheckpointException(directory.Tokenizer,
                $"the tokenizer has {tokenizer.VocabularySize} tokens and model.embed_tokens.weight has {config.Decoder.VocabularySize} rows; "
                + "it is another model's, or config.json lacks \"mm_use_im_patch_token\": false, without which a token is added.");
        NativeHeap.Return();
        return new(config, places, decoder, options.RopeFrequencies, tokenizer, sight);
    }

    /// <summary>The frequencies as the official loader has them: it loads in float16, which rounds this buffer too. In float32 they are as stored.</summary>
    private static Tensor StoredFrequencies(LlamaForCausalLm decoder, Placement placement)
    {
        using var scope = NewDisposeScope();
        var stored = decoder.model.layers[0].self_attn.rotary_emb.inv_freq;
        var rounded = placement.Dtype == ScalarType.Float32 ? stored.alias() : stored.to(ScalarType.Float16).to(ScalarType.Float32);
        return rounded.DetachFromDisposeScope();
    }

    /// <param name="crops">T planar 8-bit pictures [3, S, S] as <see cref="Preprocessor"/> makes them</param>
    /// <returns>[T, N, C]; independent of any question</returns>
    public Tensor EncodeFrames(ReadOnlySpan<byte> crops, int frames)
    {
        using var scope = NewDisposeScope();
        var pixels = _preprocessor!.Normalise(crops, frames, Placement.Device, Placement.Dtype);
        return _tower!.call(pixels).MoveToOuterDisposeScope();
    }

    /// <returns>the question's word pieces, [L] int64</returns>
    public Tensor EncodeQuestion(string question) =>
        torch.tensor([.. _questionTokenizer!.Encode(question).Select(id => (long)id)], device: Placement.Device);

    /// <param name="features">[T, N, C] from <see cref="EncodeFrames"/></param>
    /// <param name="question">[L] from <see cref="EncodeQuestion"/>: what the context tokens look for</param>
    /// <param name="isMovie">the movie layout cuts the class token off before the Q-Former, as the official movie script does</param>
    /// <param name="pooling">in place of the checkpoint's: pooling has no weights, so any that the features allow can be tried</param>
    /// <returns>[T, n, W], n = <see cref="TokensPerFrame"/>, or <see cref="TokensPerFrameWith"/> another pooling; the context token first</returns>
    public Tensor FrameTokens(Tensor features, Tensor question, bool isMovie, FramePooling? pooling = null)
    {
        using var scope = NewDisposeScope();
        if (isMovie && _tower!.HasClassToken) features = features.narrow(1, 1, features.shape[1] - 1);
        var ids = question.unsqueeze(0);
        return FrameTokens(features, ids, torch.ones_like(ids, ScalarType.Bool), pooling).MoveToOuterDisposeScope();
    }

    /// <summary>Frames of several videos in one pass, each with the question that is asked of it.</summary>
    /// <param name="features">[T, N, C]</param>
    /// <param name="questions">[T, L] int64 word pieces, the shorter ones padded at their end</param>
    /// <param name="isText">[T, L] bool, false for padding</param>
    /// <param name="pooling">in place of the checkpoint's</param>
    /// <returns>[T, n, W], n = <see cref="TokensPerFrame"/>, the context token first</returns>
    public Tensor FrameTokens(Tensor features, Tensor questions, Tensor isText, FramePooling? pooling = null) =>
        _frameTokenizer!.forward(features, questions, isText, pooling);

    /// <returns>[S, W]</returns>
    public Tensor Embed(IReadOnlyList<int> ids)
    {
        using var scope = NewDisposeScope();
        var indices = torch.tensor([.. ids.Select(id => (long)id)], device: Placement.Device);
        return _decoder.model.embed_tokens.call(indices).MoveToOuterDisposeScope();
    }

    /// <param name="capacity">positions that the sequence may come to have; all memory is taken at once</param>
    public KvCache NewCache(int capacity) => new(Config.Decoder, capacity, _places);

    /// <summary>Computes the next positions of several sequences in one pass.</summary>
    /// <param name="embeddings">[N, W], the rows of the chunks one after the other</param>
    /// <returns>[N, W] hidden states</returns>
    public Tensor Forward(Tensor embeddings, IReadOnlyList<SequenceChunk> chunks)
    {
        using var scope = NewDisposeScope();
        var angles = chunks.Select(chunk => _rotary.At(chunk.Cache.Length, chunk.Rows, chunk.SequenceLength, Placement.Dtype)).ToArray();
        var (cos, sin) = angles.Length == 1 ? angles[0] : (torch.cat([.. angles.Select(at => at.Cos)], 0), torch.cat([.. angles.Select(at => at.Sin)], 0));
        var rows = new CachedAttention(chunks, embeddings, Config.Decoder);
        var hidden = _decoder.model.forward(embeddings, cos, sin, rows);
        foreach (var chunk in chunks) chunk.Cache.Advance(chunk.Rows);
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>Computes the next positions of one sequence.</summary>
    /// <param name="embeddings">[S, W], the positions that follow what <paramref name="cache"/> holds</param>
    /// <param name="cache">takes the new positions in</param>
    /// <param name="sequenceLength">positions of the whole prompt when this is a chunk of one, else of the sequence including these</param>
    /// <returns>[S, W] hidden states</returns>
    public Tensor Forward(Tensor embeddings, KvCache cache, int sequenceLength) =>
        Forward(embeddings, [new(cache, (int)embeddings.shape[0], sequenceLength)]);

    /// <summary>Computes whole sequences from their first position on, without a cache: what training differentiates.</summary>
    /// <param name="embeddings">[B, S, W]; shorter sequences are padded at their end, which no earlier position sees</param>
    /// <returns>[B, S, W] hidden states</returns>
    public Tensor Forward(Tensor embeddings)
    {
        using var scope = NewDisposeScope();
        var (sequences, length) = ((int)embeddings.shape[0], (int)embeddings.shape[1]);
        var (cos, sin) = _rotary.At(0, length, length, Placement.Dtype);
        var hidden = _decoder.model.forward(embeddings.flatten(0, 1), cos.repeat(sequences, 1, 1), sin.repeat(sequences, 1, 1), new WholeAttention(sequences));
        return hidden.view(embeddings.shape).MoveToOuterDisposeScope();
    }

    /// <summary>The same, with what comes out of the first layers.</summary>
    /// <param name="half">how many they are</param>
    /// <returns>[B, S, W] each</returns>
    internal (Tensor Half, Tensor Hidden) Forward(Tensor embeddings, int half)
    {
        using var scope = NewDisposeScope();
        var (sequences, length) = ((int)embeddings.shape[0], (int)embeddings.shape[1]);
        var (cos, sin) = _rotary.At(0, length, length, Placement.Dtype);
        var (early, hidden) = _decoder.model.forward(
            half, embeddings.flatten(0, 1), cos.repeat(sequences, 1, 1), sin.repeat(sequences, 1, 1), new WholeAttention(sequences));
        return (early.view(embeddings.shape).MoveToOuterDisposeScope(), hidden.view(embeddings.shape).MoveToOuterDisposeScope());
    }

    /// <param name="hidden">[…, W] from <see cref="Forward(Tensor)"/> or its overloads</param>
    /// <returns>[…, V] float32</returns>
    public Tensor Logits(Tensor hidden) => _decoder.Logits(hidden);

    /// <summary>In a sentence, for the log: where it computes, in which dtype, and how many linear layers keep their weights in which form.</summary>
    public string Precision
    {
        get
        {
            var linears = new nn.Module?[] { _decoder, _frameTokenizer, _tower }.SelectMany(part => part?.modules() ?? []).OfType<Linear>();
            var forms = linears.CountBy(layer => layer.Packed?.Form ?? WeightForm.Plain).Select(form => $"{form.Value} are {form.Key}");
            var layers = _places.Blocks.Count == 1 ? "" : $" with {string.Join(" + ", _places.Blocks.Select(block => block.Layers))} layers";
            return $"{DeviceNames}{layers} computes in {Placement.Dtype}; linear layers are to be {Placement.Form} and {string.Join(", ", forms)}";
        }
    }

    /// <summary>What training may change, by the names of the checkpoint. The vision tower, which has a file of its own, is not among them.</summary>
    public IEnumerable<(string Name, Parameter Value)> Parameters =>
        _decoder.named_parameters().Concat(_frameTokenizer?.named_parameters().Select(item => ("model." + item.name, item.parameter)) ?? []);

    /// <summary>What a checkpoint holds: the parameters, and the buffers that official files have too. Without the vision tower.</summary>
    public IEnumerable<(string Name, Tensor Value)> State =>
        _decoder.state_dict().Select(item => (item.Key, item.Value))
            .Concat(_frameTokenizer?.state_dict().Select(item => ("model." + item.Key, item.Value)) ?? []);

    public void Dispose()
    {
        _rotary.Dispose();
        _decoder.Dispose();
        _frameTokenizer?.Dispose();
        _tower?.Dispose();
    }

    /// <summary>What a model needs to see: tower, frame tokenizer, picture preprocessing and the question's own tokenizer.</summary>
    private sealed record Sight(
        VisionTower Tower, FrameTokenizer FrameTokenizer, ImagePreprocessor Preprocessor, BertTokenizer QuestionTokenizer, int TokensPerFrame, string Identity)
    {
        private const string UnusedTower = "model.vision_tower.";              // the official loader ignores these: the tower has a file of its own

        public static Sight Load(CheckpointDirectory directory, VisionConfig config, int decoderWidth, CheckpointReader reader, WeightLoader loader, Placement placement)
        {
            var shape = TextDecoderShape.Read(config, reader);
            var frameTokenizer = loader.Build(at => new FrameTokenizer(config, shape, decoderWidth, at), placement, "model.",
                name => name.EndsWith(".position_ids", StringComparison.Ordinal));
            loader.Ignore(name => name.StartsWith(UnusedTower, StringComparison.Ordinal));

            var preprocessor = ImagePreprocessor.Read(directory.ImageProcessor!);
            var tower = VisionTower.Load(directory.VisionTower!, config, preprocessor.ImageSize, placement);
            var questions = BertTokenizer.Load(directory.TextVocabulary!);
            if (questions.VocabularySize != shape.VocabularySize)
                throw new CheckpointException(directory.TextVocabulary!,
                    $"the word list makes {questions.VocabularySize} words with [DEC] and {TextDecoderShape.Words} has {shape.VocabularySize} rows; "
                    + "it is another model's.");

            var tokensPerFrame = FrameTokenizer.TokensPerFrame(config, tower.RowCount);
            return new(tower, frameTokenizer, preprocessor, questions, tokensPerFrame, Weights.TowerIdentity.Of(directory, placement.Form));
        }
    }
}
