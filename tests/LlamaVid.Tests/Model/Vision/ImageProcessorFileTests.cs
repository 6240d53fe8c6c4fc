using LlamaVid.Model.Vision;
using LlamaVid.Model.Weights;

namespace LlamaVid.Tests.Model.Vision;

public sealed class ImageProcessorFileTests : IDisposable
{
    private const string Official = """
        "crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("llamavid/processor/clip-patch14-224", 224)]
    [InlineData("llamavid/processor/clip-patch14-336", 336)]
    [InlineData("model_zoo/OpenAI/clip-vit-large-patch14", 56)]
    public void Official_files_are_read(string folder, int size) =>
        Assert.Equal(size, ImagePreprocessor.Read(Shared.Path($"goldens/{folder}/preprocessor_config.json")).ImageSize);

    [Fact]
    public void Newer_files_with_sizes_as_objects_mean_the_same() =>
        Assert.Equal(336, Read("""
            { "_processor_class": null, "_valid_processor_keys": ["images"], "processor_class": "CLIPProcessor", "image_processor_type": "CLIPImageProcessor",
              "do_convert_rgb": true, "do_rescale": true, "rescale_factor": 0.00392156862745098, "do_center_crop": true, "do_normalize": true, "do_resize": true, "resample": 3,
              "crop_size": { "height": 336, "width": 336 }, "size": { "shortest_edge": 336 },
              "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711] }
            """).ImageSize);

    [Theory]
    [InlineData("\"size\": 224", "\"size\": 0", "\"size\" is 0; accepted: a whole number of at least 1.")]
    [InlineData("\"size\": 224", "\"size\": 224.5", "\"size\" is 224.5; accepted: a whole number of at least 1.")]
    [InlineData("\"size\": 224", "\"size\": 1000000", "\"size\" is 1000000; accepted: a whole number from 1 to 2048, or an object with it as shortest_edge.")]
    [InlineData("\"size\": 224", "\"size\": {\"height\": 224, \"width\": 224}", "\"size\" is {\"height\": 224, \"width\": 224}; accepted: a whole number from 1 to 2048, or an object with it as shortest_edge.")]
    [InlineData("\"size\": 224", "\"size\": 225", "\"crop_size\" is 224; accepted: the size, 225.")]
    [InlineData(", \"size\": 224", "", "\"size\" is missing.")]
    [InlineData("\"crop_size\": 224", "\"crop_size\": {\"height\": 224, \"width\": 200}", "\"crop_size\" is {\"height\": 224, \"width\": 200}; accepted: a whole number from 1 to 2048, or an object with it as height and width.")]
    [InlineData("\"resample\": 3", "\"resample\": 2", "\"resample\" is 2; accepted: 3 (bicubic).")]
    [InlineData("\"do_resize\": true", "\"do_resize\": false", "\"do_resize\" is false; accepted: true.")]
    [InlineData("\"resample\": 3", "\"rescale_factor\": 1", "\"rescale_factor\" is 1; accepted: 1/255.")]
    [InlineData("CLIPFeatureExtractor", "ViTFeatureExtractor", "\"feature_extractor_type\" is \"ViTFeatureExtractor\"; accepted: CLIPFeatureExtractor.")]
    [InlineData("\"resample\": 3", "\"do_pad\": true", "\"do_pad\" is true; accepted: no such key in the configuration of a CLIP image processor.")]
    [InlineData("[0.48145466, 0.4578275, 0.40821073]", "[0.5, 0.5]", "\"image_mean\" is [0.5, 0.5]; accepted: an array of 3 numbers from 0 to 1.")]
    [InlineData("[0.48145466, 0.4578275, 0.40821073]", "[122, 116, 104]", "\"image_mean\" is [122, 116, 104]; accepted: an array of 3 numbers from 0 to 1.")]
    [InlineData("0.26862954", "0", "\"image_std\" is [0, 0.26130258, 0.27577711]; accepted: an array of 3 numbers from 1E-06 to 1000000.")]
    [InlineData("0.26862954", "\"x\"", "\"image_std\" is [\"x\", 0.26130258, 0.27577711]; accepted: an array of 3 numbers from 1E-06 to 1000000.")]
    public void Anything_else_is_refused_by_name(string official, string other, string problem)
    {
        Assert.Contains(official, Official);
        var fault = Assert.Throws<CheckpointException>(() => Read($"{{ {Official.Replace(official, other)} }}"));
        Assert.Equal($"{fault.File}: {problem}", fault.Message);
        Assert.EndsWith("preprocessor_config.json", fault.File);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{ \"size\": 224")]
    public void What_is_not_json_is_refused(string text) => Assert.Throws<CheckpointException>(() => Read(text));

    [Fact]
    public void A_missing_file_is_refused() => Assert.Throws<CheckpointException>(() => ImagePreprocessor.Read(Path.Combine(_folder, "preprocessor_config.json")));

    private ImagePreprocessor Read(string json)
    {
        File.WriteAllText(Path.Combine(_folder, "preprocessor_config.json"), json);
        return ImagePreprocessor.Read(Path.Combine(_folder, "preprocessor_config.json"));
    }
}
