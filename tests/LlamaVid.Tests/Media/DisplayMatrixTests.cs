using LlamaVid.Media;

namespace LlamaVid.Tests.Media;

public sealed class DisplayMatrixTests
{
    /// <summary>4:2:2 shows whether turning comes before conversion to RGB, as in ffmpeg, or after it.</summary>
    [Theory]
    [InlineData(90, 48, 64)]
    [InlineData(180, 64, 48)]
    [InlineData(270, 48, 64)]
    public async Task Turned_video_has_the_bytes_of_ffmpegs_autorotate(int degrees, int width, int height)
    {
        await using var lab = new MediaLab();
        var plain = await lab.MakeAsync("a.mp4", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=5:duration=1", "-pix_fmt", "yuv422p");
        var turned = await lab.MakeAsync("b.mp4", "-i", plain, "-c", "copy", "-metadata:s:v:0", $"rotate={degrees}");
        await using var media = await lab.OpenAsync(turned);

        var seen = await MediaLab.ReadAsync(media, MediaLab.All);

        var bytes = await MediaLab.RunAsync("ffmpeg", "-v", "quiet", "-i", turned, "-f", "rawvideo", "-pix_fmt", "rgb24", "-");
        var size = width * height * 3;
        Assert.Equal((width, height), (media.Info.Width, media.Info.Height));
        Assert.Equal(bytes.Chunk(size).Select(frame => MediaLab.Sha256(frame)), seen.Select(frame => frame.Sha256));
    }

    [Theory]
    [InlineData("65536 0 0|0 65536 0|0 0 1073741824", "", 0)]
    [InlineData("0 65536 0|-65536 0 0|0 0 1073741824", "transpose=clock", 90)]
    [InlineData("0 65536 0|65536 0 0|0 0 1073741824", "transpose=cclock_flip", 90)]
    [InlineData("-65536 0 0|0 -65536 0|0 0 1073741824", "hflip,vflip", 180)]
    [InlineData("0 -65536 0|65536 0 0|0 0 1073741824", "transpose=cclock", 270)]
    [InlineData("65536 0 0|0 -65536 0|0 0 1073741824", "vflip", 0)]
    [InlineData("46341 46341 0|-46341 46341 0|0 0 1073741824", "rotate=45.000000*PI/180", 45)]
    public void Matrix_becomes_filters(string rows, string filters, int rotation)
    {
        var matrix = DisplayMatrix.Parse("\n" + string.Join('\n', rows.Split('|').Select((row, at) => $"{at:D8}: {row}")) + "\n");
        Assert.Equal((filters, rotation), (matrix?.Filters, matrix?.Rotation));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("00000000: 0 0 0\n00000001: 0 0 0\n00000002: 0 0 0")]
    [InlineData("00000000: 1 2 3")]
    [InlineData("00000000: a b c\n00000001: 0 0 0\n00000002: 0 0 0")]
    [InlineData("00000000: 99999999999 0 0\n00000001: 0 1 0\n00000002: 0 0 1")]
    public void Nonsense_counts_as_no_matrix(string? text) => Assert.Null(DisplayMatrix.Parse(text));
}
