using LlamaVid.Model;
using LlamaVid.Model.Decoder;
using TorchSharp;
using static TorchSharp.torch;

namespace LlamaVid.Tests.Model.Decoder;

/// <summary>The rotary tables of the 64K model (head size 128, linear factor 16): exact, and as rebuilt from a checkpoint's stored frequencies.</summary>
[Collection(AloneCollection.Name)]
public sealed class RotaryTableTests
{
    private const int MaxPositions = 4096;
    private static readonly DecoderConfig Config = new(128, 1, 1, 1, 1, 1, MaxPositions, 1e-5, 10000, 16);

    [Theory]
    [InlineData("exact", RopeFrequencies.Exact)]
    [InlineData("infer_fp32ck", RopeFrequencies.Stored)]
    [InlineData("infer_bf16ck", RopeFrequencies.Stored)]
    public void Long_sequences_rotate_as_in_the_official_tables(string table, RopeFrequencies frequencies)
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Open("misc/rope");
        using var rotary = new RotaryTable(Config, frequencies, golden[$"{table}.inv_freq"]);
        AssertAngles(golden, table, rotary, sequenceLength: MaxPositions + 1);
    }

    [Fact]
    public void Up_to_the_trained_length_stored_frequencies_are_not_used()
    {
        using var scope = NewDisposeScope();
        var golden = Golden.Open("misc/rope");
        using var rotary = new RotaryTable(Config, RopeFrequencies.Stored, golden["infer_bf16ck.inv_freq"]);
        AssertAngles(golden, "exact", rotary, sequenceLength: MaxPositions);
    }

    [Fact]
    public void Exact_frequencies_are_those_of_the_reference()
    {
        using var scope = NewDisposeScope();
        TensorAssert.Close(Golden.Open("misc/rope")["exact.inv_freq"], RotaryEmbedding.ExactFrequencies(128, 10000, CPU), 1e-9);
    }

    private static void AssertAngles(Golden golden, string table, RotaryTable rotary, int sequenceLength)
    {
        int[] positions = [.. golden.Json.GetProperty("positions").EnumerateArray().Select(position => position.GetInt32())];
        var rows = positions.Select(position => rotary.At(position, 1, sequenceLength, ScalarType.Float32)).ToArray();
        TensorAssert.Close(golden[$"{table}.cos"], cat([.. rows.Select(row => row.Cos)]).squeeze(1), 2e-6);
        TensorAssert.Close(golden[$"{table}.sin"], cat([.. rows.Select(row => row.Sin)]).squeeze(1), 2e-6);
    }
}
