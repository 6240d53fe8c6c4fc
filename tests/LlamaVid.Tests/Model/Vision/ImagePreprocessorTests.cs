using LlamaVid.Model.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Vision;

public sealed class ImagePreprocessorTests
{
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Std = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <summary>CRC-32 of what Pillow 9.4 makes of the same picture: resize(…, BICUBIC), then the centre; for the last one pasted into a square of (122, 116, 104) first.</summary>
    [Theory]
    [InlineData(1, 1, 224, 0x6c652460u, 0x2da4a918u, 0x2da4a918u)]
    [InlineData(2, 1, 56, 0x881fa941u, 0x4045c427u, 0xead03d73u)]
    [InlineData(3, 2, 224, 0xd2e2ac09u, 0x1fe3e521u, 0x45040f5cu)]
    [InlineData(1, 300, 224, 0x06048230u, 0x9ae90576u, 0xb4d36f76u)]
    [InlineData(400, 1, 224, 0x3cd38e2au, 0xe2eb8674u, 0x01838410u)]
    [InlineData(700, 3, 56, 0xb6998f19u, 0x5f96000bu, 0x2ec82c90u)]
    [InlineData(3, 1000, 56, 0x9f298248u, 0x6c424e79u, 0xb02fb2e6u)]
    [InlineData(5, 7, 224, 0x6c32d020u, 0x9f225ecdu, 0xd5f78310u)]
    [InlineData(223, 224, 224, 0xc2f267c7u, 0x32330059u, 0xdde4b28eu)]
    [InlineData(224, 225, 224, 0x3eccdc91u, 0xa6bf3f37u, 0x1f77b808u)]
    [InlineData(224, 224, 224, 0x15c774bcu, 0x7520bda6u, 0x7520bda6u)]
    [InlineData(225, 224, 336, 0xc45baa1bu, 0xc22d4e6du, 0x8afb3ef7u)]
    [InlineData(320, 240, 224, 0x3b128a8au, 0x9b672509u, 0xa07f9d85u)]
    [InlineData(240, 320, 336, 0x199681a0u, 0x1fea042eu, 0x58a4a369u)]
    [InlineData(641, 479, 224, 0xdef54393u, 0x083bdca8u, 0x0b487414u)]
    [InlineData(1280, 720, 224, 0x1aa7d1f8u, 0x1078d42au, 0xc1b36170u)]
    [InlineData(720, 1280, 224, 0x4f4b58bau, 0xb512ef4au, 0xd1ed4960u)]
    [InlineData(1920, 1080, 224, 0xce40fd8eu, 0x958c6609u, 0x345b2d48u)]
    [InlineData(1920, 1080, 336, 0xce40fd8eu, 0x54288706u, 0x25ef18b6u)]
    [InlineData(97, 1501, 50, 0xc0674139u, 0x1feb2e07u, 0xd18dd82au)]
    [InlineData(1023, 31, 51, 0xd76edb47u, 0x74d4f254u, 0x05e376a8u)]
    [InlineData(2000, 1999, 14, 0x86f4b509u, 0xcd82e2f6u, 0x51cc0086u)]
    public void Crops_are_pillows_to_the_byte(int width, int height, int side, uint picture, uint crop, uint pad)
    {
        var rgb = Noise(width, height);
        Assert.Equal(picture, Crc32(rgb));

        Assert.Equal(crop, Crc32(Prepare(side, rgb, width, height, ImageFit.Crop)));
        Assert.Equal(pad, Crc32(Prepare(side, rgb, width, height, ImageFit.Pad)));
    }

    [Theory]
    [InlineData("224.landscape.resized_u8", "landscape", 224, ImageFit.Crop)]
    [InlineData("224.portrait.resized_u8", "portrait", 224, ImageFit.Crop)]
    [InlineData("224.portrait.pad.resized_u8", "portrait", 224, ImageFit.Pad)]
    [InlineData("224.square.resized_u8", "square", 224, ImageFit.Crop)]
    [InlineData("224.small.resized_u8", "small", 224, ImageFit.Crop)]
    [InlineData("224.odd.resized_u8", "odd", 224, ImageFit.Crop)]
    [InlineData("224.odd.pad.resized_u8", "odd", 224, ImageFit.Pad)]
    [InlineData("336.odd.resized_u8", "odd", 336, ImageFit.Crop)]
    public void Crops_are_the_centre_of_the_official_resized_pictures(string name, string media, int side, ImageFit fit)
    {
        using var scope = NewDisposeScope();
        var resized = Golden.Open("misc/preprocess")[name];                   // [H, W, 3]
        var (top, left) = ((resized.shape[0] - side) / 2, (resized.shape[1] - side) / 2);
        var expected = resized.narrow(0, top, side).narrow(1, left, side).permute(2, 0, 1).contiguous();
        var (rgb, width, height) = Media.Picture($"{media}.png");

        Assert.Equal(expected.bytes.ToArray(), Prepare(side, rgb, width, height, fit));
    }

    [Theory]
    [InlineData("landscape.png|crop|224")]
    [InlineData("landscape.png|pad|224")]
    [InlineData("landscape.png|pad|336")]
    [InlineData("odd.png|crop|224")]
    [InlineData("odd.png|pad|56")]
    [InlineData("portrait.png|pad|224")]
    [InlineData("portrait.png|pad|56")]
    [InlineData("small.png|crop|224")]
    [InlineData("square.png|crop|224")]
    [InlineData("square.png|crop|56")]
    [InlineData("clip_a.mp4|crop|224")]
    [InlineData("clip_a.mp4|crop|56")]
    public void Crops_are_the_inputs_of_the_golden_cases(string name)
    {
        var expected = Golden.Open("cases/inputs").Bytes(name);
        var parts = name.Split('|');
        var (file, fit, side) = (parts[0], parts[1] == "pad" ? ImageFit.Pad : ImageFit.Crop, int.Parse(parts[2]));

        var actual = new List<byte>();
        foreach (var (rgb, width, height) in Media.Frames(file)) actual.AddRange(Prepare(side, rgb, width, height, fit));

        Assert.Equal(expected.ToArray(), actual.ToArray());
    }

    [Theory]
    [InlineData("224.small.crop", "small", 224, ImageFit.Crop)]
    [InlineData("224.small.pad", "small", 224, ImageFit.Pad)]
    [InlineData("56.landscape.crop", "landscape", 56, ImageFit.Crop)]
    [InlineData("56.landscape.pad", "landscape", 56, ImageFit.Pad)]
    [InlineData("56.odd.crop", "odd", 56, ImageFit.Crop)]
    [InlineData("56.odd.pad", "odd", 56, ImageFit.Pad)]
    [InlineData("56.portrait.crop", "portrait", 56, ImageFit.Crop)]
    [InlineData("56.square.pad", "square", 56, ImageFit.Pad)]
    public void Pixel_values_are_the_official_ones_exactly(string name, string media, int side, ImageFit fit)
    {
        using var scope = NewDisposeScope();
        var expected = Golden.Open("misc/preprocess")[$"{name}.pixel_values"];
        var (rgb, width, height) = Media.Picture($"{media}.png");

        var actual = new ImagePreprocessor(side, Mean, Std).Normalise(Prepare(side, rgb, width, height, fit), 1, CPU, ScalarType.Float32);

        TensorAssert.Close(expected, actual[0], atol: 0);
    }

    [Fact]
    public void Pixel_values_are_cast_after_they_are_computed()
    {
        using var scope = NewDisposeScope();
        var preprocessor = new ImagePreprocessor(16, Mean, Std);
        var levels = new byte[2 * 3 * 16 * 16];
        for (var i = 0; i < levels.Length; i++) levels[i] = (byte)i;

        var exact = preprocessor.Normalise(levels, 2, CPU, ScalarType.Float32);
        var half = preprocessor.Normalise(levels, 2, CPU, ScalarType.BFloat16);

        Assert.Equal([2L, 3, 16, 16], half.shape);
        TensorAssert.Close(exact.to(ScalarType.BFloat16), half, atol: 0);
    }

    [Theory]
    [InlineData(1, 2_000_000)]
    [InlineData(2_000_000, 1)]
    [InlineData(1, 5000)]
    [InlineData(10_000, 3)]
    public void Extreme_shapes_neither_overflow_nor_take_absurd_memory(int width, int height)
    {
        var rgb = new byte[3 * width * height];
        rgb.AsSpan().Fill(200);
        var destination = new byte[3 * 224 * 224];
        var preprocessor = new ImagePreprocessor(224, Mean, Std);
        var before = GC.GetAllocatedBytesForCurrentThread();

        preprocessor.Prepare(rgb, width, height, ImageFit.Crop, destination);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        Assert.Equal(-1, destination.AsSpan().IndexOfAnyExcept((byte)200));
    }

    [Theory]
    [InlineData(1, 20_000)]
    [InlineData(20_000, 1)]
    public void Padding_an_extreme_shape_never_makes_the_square(int width, int height)
    {
        var rgb = new byte[3 * width * height];
        var destination = new byte[3 * 56 * 56];
        var preprocessor = new ImagePreprocessor(56, Mean, Std);
        var before = GC.GetAllocatedBytesForCurrentThread();

        preprocessor.Prepare(rgb, width, height, ImageFit.Pad, destination);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16 << 20);
        Assert.Equal([122, 116, 104], new[] { destination[0], destination[56 * 56], destination[2 * 56 * 56] });
    }

    [Fact]
    public void One_preprocessor_serves_many_threads_and_sizes()
    {
        var preprocessor = new ImagePreprocessor(56, Mean, Std);
        var sizes = new[] { (31, 90), (120, 64), (56, 56), (200, 57) };
        var expected = sizes.Select(size => Crc32(Prepare(56, Noise(size.Item1, size.Item2), size.Item1, size.Item2, ImageFit.Crop))).ToArray();

        Parallel.For(0, 200, i =>
        {
            var (width, height) = sizes[i % 4];
            var destination = new byte[3 * 56 * 56];
            preprocessor.Prepare(Noise(width, height), width, height, ImageFit.Crop, destination);
            Assert.Equal(expected[i % 4], Crc32(destination));
        });
    }

    [Fact]
    public void A_second_frame_of_the_same_size_allocates_nothing()
    {
        var preprocessor = new ImagePreprocessor(56, Mean, Std);
        var (rgb, destination) = (Noise(160, 120), new byte[3 * 56 * 56]);

        // The least of a few: a collection may empty the array pool between two of them.
        var allocated = Enumerable.Range(0, 5).Min(_ =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            preprocessor.Prepare(rgb, 160, 120, ImageFit.Crop, destination);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        });

        Assert.Equal(0, allocated);
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 0, 0)]
    [InlineData(-1, -1, 3)]
    [InlineData(2, 2, 11)]
    [InlineData(2, 2, 13)]
    [InlineData(40_000, 40_000, 12)]
    public void Sizes_that_contradict_the_bytes_are_refused(int width, int height, int bytes) =>
        Assert.ThrowsAny<ArgumentException>(() => new ImagePreprocessor(8, Mean, Std).Prepare(new byte[bytes], width, height, ImageFit.Crop, new byte[3 * 64]));

    [Fact]
    public void Destinations_of_another_size_are_refused()
    {
        var fault = Assert.Throws<ArgumentException>(() => new ImagePreprocessor(8, Mean, Std).Prepare(new byte[12], 2, 2, ImageFit.Crop, new byte[3 * 64 + 1]));
        Assert.StartsWith("destination has 193 bytes; the sizes say 192.", fault.Message);
        Assert.Throws<ArgumentException>(() => new ImagePreprocessor(8, Mean, Std).Normalise(new byte[3 * 64], 2, CPU, ScalarType.Float32));
    }

    private static byte[] Prepare(int side, byte[] rgb, int width, int height, ImageFit fit)
    {
        var destination = new byte[3 * side * side];
        new ImagePreprocessor(side, Mean, Std).Prepare(rgb, width, height, fit, destination);
        return destination;
    }

    /// <summary>Bytes of a linear congruential generator, every third run of them black or white, so that the clamps are reached.</summary>
    private static byte[] Noise(int width, int height)
    {
        var (bytes, state) = (new byte[3 * width * height], (uint)(12345 + width * 31 + height));
        for (var i = 0; i < bytes.Length; i++)
        {
            state = state * 1664525 + 1013904223;
            bytes[i] = i / 97 % 3 != 0 ? (byte)(state >> 24) : state >> 31 == 1 ? (byte)255 : (byte)0;
        }
        return bytes;
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0u - (crc & 1) & 0xEDB88320);
        }
        return ~crc;
    }
}
