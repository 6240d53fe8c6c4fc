using System.Runtime.CompilerServices;
using LlamaVid.Engine;
using LlamaVid.Media;
using LlamaVid.Model;
using LlamaVid.Model.Weights;
using LlamaVid.Server.Composition;
using LlamaVid.Server.Errors;

namespace LlamaVid.Server.Tests.Errors;

public sealed class ErrorMapTests
{
    /// <summary>Faults of the operator's installation: they stop the process at start, and a client that meets one gets 500.</summary>
    private static readonly string[] OperatorsOwn = ["CheckpointException", "DeviceUnavailableException", "TooManyDevicesException", "FfmpegNotFoundException", "TemporaryFolderUnusableException", "IsolationUnavailableException", "FeatureStoreUnusableException", "FileStoreUnusableException", nameof(StartupException)];

    public static TheoryData<Type> OwnExceptions => [.. new[] { typeof(MediaSource), typeof(ModelOptions), typeof(GenerationEngine), typeof(ErrorMap) }
        .SelectMany(type => type.Assembly.GetTypes()).Where(type => type.IsSubclassOf(typeof(Exception)) && !type.IsAbstract)];

    [Theory]
    [MemberData(nameof(OwnExceptions))]
    public void Every_exception_of_ours_has_a_row(Type type)
    {
        var (status, error) = ErrorMap.Map((Exception)RuntimeHelpers.GetUninitializedObject(type), "r1");
        Assert.Equal(OperatorsOwn.Contains(type.Name), status == 500);
        Assert.NotEqual("", error.Code);
    }

    [Fact]
    public void A_bug_says_nothing_but_the_requests_id()
    {
        var (status, error) = ErrorMap.Map(new InvalidOperationException("secret /path/of/ours"), "req_1");
        Assert.Equal(500, status);
        Assert.Equal("The server failed on this request. Its id is req_1.", error.Message);
    }

    [Fact]
    public void Faults_of_media_name_the_field_that_held_them()
    {
        var (status, error) = ErrorMap.Map(new VideoUnreadableException("it is empty."), "r1", "messages[0].content[1].video_url.url");
        Assert.Equal((422, "video_unreadable", "messages[0].content[1].video_url.url"), (status, error.Code, error.Param));
    }

    [Fact]
    public void A_checkpoint_fault_is_one_line_for_the_operator() =>
        Assert.Equal("/m/config.json: no such key", StartupFault.Describe(new CheckpointException("/m/config.json", "no such\nkey")));

    [Fact]
    public void A_bug_at_start_keeps_its_stack_trace() => Assert.Null(StartupFault.Describe(new InvalidOperationException("x")));
}
