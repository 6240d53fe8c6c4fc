namespace LlamaVid.Media;

/// <summary>The kinds of content that are decoded here, recognised by their first bytes, each with the one ffmpeg demuxer that may read it.</summary>
/// <remarks>Nothing that refers to other files or hosts is among them: no playlists, no concat scripts, no session descriptions, no file name patterns.</remarks>
/// <param name="Name">As shown to clients.</param>
/// <param name="Demuxer">As ffmpeg takes it after <c>-f</c>.</param>
public sealed record MediaFormat(string Name, string Demuxer, bool IsPicture = false)
{
    public const int SniffedBytes = 4096;
    public const string Accepted = "MP4, MOV, 3GP, WebM, Matroska, AVI, FLV, MPEG-TS, MPEG-PS, Ogg, WMV, GIF, PNG, JPEG, WebP or BMP";

    /// <summary>Decoders that may run, for every format. The rest of ffmpeg's several hundred stay closed to what clients send.</summary>
    internal const string Decoders =
        "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,libaom-av1,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4,mpeg1video,mpeg2video,mpegvideo,h261,h263,h263p,h263i," +
        "theora,vp3,vp6,vp6a,vp6f,flv,vc1,wmv1,wmv2,wmv3,mjpeg,prores,dnxhd,dvvideo,ffv1,huffyuv,ffvhuff,utvideo,rawvideo,cinepak,svq1,svq3,qtrle,msvideo1,rpza," +
        "gif,png,apng,bmp,webp," +
        "aac,aac_latm,ac3,eac3,mp2,mp2float,mp3,mp3float,vorbis,opus,flac,alac,amrnb,amrwb,wmav1,wmav2,pcm_s16le,pcm_s16be,pcm_u8";

    private static readonly MediaFormat
        Mp4 = new("mp4", "mov"), Matroska = new("matroska", "matroska"), Avi = new("avi", "avi"), Flv = new("flv", "flv"),
        MpegTs = new("mpegts", "mpegts"), Mpeg = new("mpeg", "mpeg"), Ogg = new("ogg", "ogg"), Asf = new("asf", "asf"), Gif = new("gif", "gif"),
        Apng = new("apng", "apng"), Png = new("png", "png_pipe", true), Jpeg = new("jpeg", "jpeg_pipe", true), Webp = new("webp", "webp_pipe", true),
        Bmp = new("bmp", "bmp_pipe", true);

    private static readonly string[] Mp4Boxes = ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp", "moof", "sidx"];

    /// <param name="head">The first <see cref="SniffedBytes"/> bytes, or the whole if it is shorter.</param>
    /// <exception cref="UnsupportedMediaException">None of the known kinds.</exception>
    public static MediaFormat Sniff(ReadOnlySpan<byte> head)
    {
        if (head.IsEmpty) throw new UnsupportedMediaException("empty");
        if (head.StartsWith(Ebml)) return Matroska;
        if (head.StartsWith("FLV\x01"u8)) return Flv;
        if (head.StartsWith("OggS"u8)) return Ogg;
        if (head.StartsWith("GIF87a"u8) || head.StartsWith("GIF89a"u8)) return Gif;
        if (head.StartsWith(PngSignature)) return head.IndexOf("acTL"u8) >= 0 ? Apng : Png;
        if (head.StartsWith(JpegStart)) return Jpeg;
        if (head.StartsWith("BM"u8) && head.Length >= 26) return Bmp;
        if (head.StartsWith(AsfHeader)) return Asf;
        if (head.StartsWith(PackHeader)) return Mpeg;
        if (head.Length >= 12 && head.StartsWith("RIFF"u8))
        {
            if (head[8..].StartsWith("AVI "u8)) return Avi;
            if (head[8..].StartsWith("WEBP"u8)) return Webp;
        }
        if (IsTransportStream(head, 188, 0) || IsTransportStream(head, 192, 4)) return MpegTs;
        if (head.Length >= 8 && IsMp4Box(head[4..8])) return Mp4;
        throw new UnsupportedMediaException(Describe(head));
    }

    private static ReadOnlySpan<byte> Ebml => [0x1A, 0x45, 0xDF, 0xA3];
    private static ReadOnlySpan<byte> PngSignature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static ReadOnlySpan<byte> JpegStart => [0xFF, 0xD8, 0xFF];
    private static ReadOnlySpan<byte> AsfHeader => [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11];
    private static ReadOnlySpan<byte> PackHeader => [0x00, 0x00, 0x01, 0xBA];

    private static bool IsMp4Box(ReadOnlySpan<byte> type)
    {
        foreach (var box in Mp4Boxes)
            if (type[0] == box[0] && type[1] == box[1] && type[2] == box[2] && type[3] == box[3])
                return true;
        return false;
    }

    private static bool IsTransportStream(ReadOnlySpan<byte> head, int packet, int offset)
    {
        if (head.Length < offset + packet + 1) return false;
        for (var at = offset; at < Math.Min(head.Length, 5 * packet); at += packet)
            if (head[at] != 0x47) return false;
        return true;
    }

    private static string Describe(ReadOnlySpan<byte> head)
    {
        head = head.StartsWith("\uFEFF"u8) ? head[3..] : head;
        if (head.StartsWith("#EXTM3U"u8) || head.StartsWith("ffconcat"u8) || head.StartsWith("v=0"u8)) return "a playlist or script, not a video";
        if (head.TrimStart(" \t\r\n"u8).StartsWith("<"u8)) return "a web page or XML, not a video";
        if (head.StartsWith("ID3"u8) || head.StartsWith("fLaC"u8) || (head.StartsWith("RIFF"u8) && head.Length >= 12 && head[8..].StartsWith("WAVE"u8)))
            return "sound without pictures";
        return "of an unknown kind";
    }
}
