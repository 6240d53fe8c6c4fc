using LlamaVid.Model.Weights;

namespace LlamaVid.Model.Vision;

/// <summary>
/// The rules of a CLIP <c>preprocessor_config.json</c>: which keys and values describe what <see cref="ImagePreprocessor"/> does. Everything else is
/// refused by name.
/// </summary>
internal static class ImageProcessorFile
{
    private const int Bicubic = 3;

    public static ImagePreprocessor Read(string path)
    {
        using var json = ConfigFile.Open(path);
        foreach (var key in json.Keys) Check(json, key);

        var size = Size(json, "size", "shortest_edge");
        var crop = Size(json, "crop_size", "height", "width");
        if (crop != size) throw json.Fault("crop_size", $"the size, {size}");
        return new(size, json.Numbers("image_mean", 3, 0, 1), json.Numbers("image_std", 3, 1e-6f, 1e6f));
    }

    private static void Check(ConfigFile json, string key)
    {
        switch (key)
        {
            case "size" or "crop_size" or "image_mean" or "image_std":
                break;
            case "do_resize" or "do_center_crop" or "do_rescale" or "do_normalize" or "do_convert_rgb":
                if (!json.Bool(key, true)) throw json.Fault(key, "true");
                break;
            case "resample":
                if (json.Int(key, min: 0) != Bicubic) throw json.Fault(key, $"{Bicubic} (bicubic)");
                break;
            case "rescale_factor":
                if (json.Positive(key) is not (1 / 255.0)) throw json.Fault(key, "1/255");
                break;
            case "feature_extractor_type":
                json.RequireOneOf(key, "CLIPFeatureExtractor");
                break;
            case "image_processor_type":
                json.RequireOneOf(key, "CLIPImageProcessor", "CLIPFeatureExtractor");
                break;
            case "processor_class":
            case var comment when comment.StartsWith('_'):
                break;                                              // says who wrote the file, not what to do
            default:
                throw json.Fault(key, "no such key in the configuration of a CLIP image processor");
        }
    }

    /// <summary>A number, or an object that gives the same number for every one of <paramref name="edges"/> and nothing else.</summary>
    private static int Size(ConfigFile json, string key, params string[] edges)
    {
        var accepted = $"a whole number from 1 to {ImagePreprocessor.LargestImageSize}, or an object with it as {string.Join(" and ", edges)}";
        var sizes = new HashSet<int>();
        if (json.IsObject(key))
        {
            using var byEdge = json.Object(key);
            if (!byEdge.Keys.Order().SequenceEqual(edges.Order())) throw json.Fault(key, accepted);
            foreach (var edge in edges) sizes.Add(byEdge.Int(edge));
        }
        else
        {
            sizes.Add(json.Int(key));
        }
        return sizes.Count == 1 && sizes.Single() is var size and <= ImagePreprocessor.LargestImageSize ? size : throw json.Fault(key, accepted);
    }
}
