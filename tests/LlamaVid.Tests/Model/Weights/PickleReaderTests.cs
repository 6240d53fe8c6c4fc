using LlamaVid.Model.Weights;

namespace LlamaVid.Tests.Model.Weights;

public sealed class PickleReaderTests
{
    [Theory]
    [InlineData("os", "system"), InlineData("posix", "system"), InlineData("builtins", "eval"), InlineData("builtins", "getattr"), InlineData("torch", "load")]
    [InlineData("torch.storage", "_load_from_bytes"), InlineData("numpy.core.multiarray", "_reconstruct"), InlineData("copyreg", "_reconstructor")]
    public void Global_that_a_state_dict_does_not_need_is_refused_by_name(string module, string name)
    {
        var call = Pickle.Start().Global(module, name).Text("touch /tmp/pwned").Op(0x85, 'R').Stop();
        Assert.Contains($"\"{module}.{name}\"", Refused(call).Message);
        var stackGlobal = Pickle.Start().Op(0x8c, module.Length).Raw(module).Op(0x8c, name.Length).Raw(name).Op(0x93).Stop();
        Assert.Contains($"\"{module}.{name}\"", Refused(stackGlobal).Message);
    }

    [Theory]
    [InlineData('i', "INST"), InlineData('o', "OBJ"), InlineData('P', "PERSID"), InlineData(0x82, "EXT1"), InlineData(0x92, "NEWOBJ_EX"), InlineData(0x97, "NEXT_BUFFER")]
    public void Opcode_that_makes_objects_is_refused_by_name(int opcode, string name) => Assert.Contains(name, Refused(Pickle.Start().Op(opcode).Stop()).Message);

    [Fact]
    public void Values_of_every_protocol_are_read()
    {
        Assert.Equal(-2L, Read(new Pickle().Raw("I-2\n").Stop()));
        Assert.Equal(true, Read(new Pickle().Raw("I01\n").Stop()));
        Assert.Equal(7L, Read(new Pickle().Raw("L7L\n").Stop()));
        Assert.Equal(1.5, Read(new Pickle().Raw("F1.5\n").Stop()));
        Assert.Equal("ab", Read(new Pickle().Raw("S'ab'\n").Stop()));
        Assert.Equal("ab", Read(new Pickle().Raw("Vab\n").Stop()));
        Assert.Equal("ab", Read(Pickle.Start().Op('U', 2).Raw("ab").Stop()));
        Assert.Equal("é", Read(Pickle.Start().Text("é").Stop()));
        Assert.Equal("ab", Read(Pickle.Start().Op(0x95, 5, 0, 0, 0, 0, 0, 0, 0, 0x8c, 2).Raw("ab").Op(0x94).Stop()));
        Assert.Equal(-2L, Read(Pickle.Start().Op('J', 0xfe, 0xff, 0xff, 0xff).Stop()));
        Assert.Equal(513L, Read(Pickle.Start().Op('M', 1, 2).Stop()));
        Assert.Equal(-1L, Read(Pickle.Start().Op(0x8a, 1, 0xff).Stop()));
        Assert.Equal(0L, Read(Pickle.Start().Op(0x8a, 0).Stop()));
        Assert.Equal(new object?[] { 1L, null, false }, Read(Pickle.Start().Number(1).Op('N', 0x89, 0x87).Stop()));
        Assert.Equal(new byte[] { 9 }, Read(Pickle.Start().Op('C', 1, 9).Stop()));
        Assert.Equal(2L, Read(Pickle.Start().Number(2).Op('(').Number(3).Op('1').Stop()));
        Assert.Equal(new object?[] { 5L, 5L }, Read(Pickle.Start().Number(5).Op('q', 0, '0', 'h', 0, '2', 0x86).Stop()));
    }

    [Fact]
    public void Protocol_4_state_dict_with_memoised_names_is_read()
    {
        var pickle = new Pickle().Op(0x80, 4, 0x8c, 11).Raw("collections").Op(0x94, 0x8c, 11).Raw("OrderedDict").Op(0x94, 0x93, 0x94, ')', 'R', 0x94, '(')
            .Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Op('u', '}').Text("_metadata").Op('}', 's', 'b').Stop();
        var dict = Assert.IsType<PickledDict>(Read(pickle));
        Assert.IsType<PickledTensor>(Assert.Single(dict.Items).Value);
    }

    [Fact]
    public void Parameters_and_tensors_with_attributes_are_read_as_tensors()
    {
        var parameter = Pickle.Start().Global("torch._utils", "_rebuild_parameter").Tensor("HalfStorage", "0", 1, 0, [1], [1]).Op(0x88).Op('}', 0x87, 'R').Stop();
        Assert.IsType<PickledTensor>(Read(parameter));

        var typed = Pickle.Start().Global("torch._tensor", "_rebuild_from_type_v2").Op('(').Global("torch._utils", "_rebuild_tensor_v2").Global("torch.nn.parameter", "Parameter")
            .Op('(').Storage("HalfStorage", "0", 1).Number(0).Tuple(1).Tuple(1).Op(0x89, '}', 't', '}', 't', 'R').Stop();
        Assert.IsType<PickledTensor>(Read(typed));

        var untyped = Pickle.Start().Global("torch._utils", "_rebuild_tensor_v3").Op('(', '(').Text("storage").Global("torch.storage", "UntypedStorage").Text("0").Text("cpu").Number(2).Op('t', 'Q')
            .Number(0).Tuple(1).Tuple(1).Op(0x89, '}').Global("torch", "bfloat16").Op('t', 'R').Stop();
        Assert.Equal(TorchSharp.torch.ScalarType.BFloat16, Assert.IsType<PickledTensor>(Read(untyped)).Dtype);
    }

    [Fact]
    public void Deeply_nested_values_are_read_without_recursion() => Assert.IsType<List<object?>>(Read([.. Enumerable.Repeat((byte)']', 1_000_000), (byte)'.']));

    [Fact]
    public void Doubling_lists_stay_as_small_as_the_pickle()
    {
        var bomb = Pickle.Start().Op(']');
        for (var i = 0; i < 100; i++) bomb.Op('q', i, '0', ']', '(', 'h', i, 'h', i, 'e');
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.NotNull(Read(bomb.Stop()));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }

    [Fact]
    public void Calls_with_a_remembered_huge_shape_are_refused_at_once()
    {
        var bomb = Pickle.Start().Op('(');
        for (var i = 0; i < 100_000; i++) bomb.Op('K', 1);
        bomb.Op('t', 'q', 0, '0').Global("torch._utils", "_rebuild_tensor").Op('(').Storage("FloatStorage", "0", 1).Number(0).Op('h', 0, 'h', 0, 't', 'R');
        Assert.Contains("arguments that are not accepted", Refused(bomb.Stop()).Message);
    }

    [Theory]
    [InlineData(new byte[] { 0x80, 9, (byte)'.' }, "protocol 9")]
    [InlineData(new byte[] { (byte)'.' }, "stack is empty")]
    [InlineData(new byte[] { (byte)'N', (byte)'(', (byte)'.' }, "stack is empty")]
    [InlineData(new byte[] { (byte)'t', (byte)'.' }, "no mark")]
    [InlineData(new byte[] { (byte)'h', 7, (byte)'.' }, "recalls 7")]
    [InlineData(new byte[] { 0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, (byte)'.' }, "truncated")]
    [InlineData(new byte[] { (byte)'T', 0xff, 0xff, 0xff, 0xff, (byte)'.' }, "truncated")]
    [InlineData(new byte[] { (byte)'X', 0xff, 0xff, 0xff, 0xff, (byte)'.' }, "truncated")]
    [InlineData(new byte[] { 0x8b, 0xff, 0xff, 0xff, 0x7f, (byte)'.' }, "2147483647 bytes")]
    [InlineData(new byte[] { 0xff, (byte)'.' }, "0xff is no opcode")]
    [InlineData(new byte[] { (byte)'N', (byte)'N', (byte)'s', (byte)'.' }, "stack is empty")]
    [InlineData(new byte[] { (byte)'N', (byte)'N', (byte)'b', (byte)'.' }, "not a dict")]
    [InlineData(new byte[] { (byte)'N', (byte)'Q', (byte)'.' }, "not a storage")]
    [InlineData(new byte[] { (byte)'N', (byte)')', (byte)'R', (byte)'.' }, "not a name")]
    [InlineData(new byte[] { }, "truncated")]
    public void Damaged_pickle_is_refused(byte[] pickle, string why) => Assert.Contains(why, Refused(pickle).Message);

    private static object? Read(byte[] pickle) => PickleReader.Read("file.bin", pickle);

    private static CheckpointException Refused(byte[] pickle) => Assert.Throws<CheckpointException>(() => Read(pickle));
}
