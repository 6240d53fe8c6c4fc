using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LlamaVid.Model.Layers;

/// <summary>Products of rows with 4-bit weights: bytes against steps in whole numbers, group by group, with the scales of both after each.</summary>
/// <remarks>
/// libtorch's kernel computes in float32: it reaches half of the memory's speed with one row, and is slower than 8 bits with eight. Here the steps of an output are unpacked
/// once for four rows, and the outputs of a task stay in the cache for all rows. The sums of a row are made in one order, whatever stands beside it.
/// </remarks>
internal static unsafe class Int4Product
{
    private const int Group = WeightRounding.Group, Half = Group / 2, OutputsOfTask = 64, RowsTogether = 4;
    private const nuint Alignment = 64;

    private static readonly Vector512<float> Middle = Vector512.Create(8f);

    /// <param name="rows">[M, inputs] bfloat16, contiguous</param>
    /// <returns>[M, outputs] float32</returns>
    public static Tensor Multiply(Tensor rows, Weight weight)
    {
        var (count, inputs, outputs, lanes) = ((int)rows.shape[0], weight.Groups * Group, weight.Outputs, weight.Lanes);
        var product = torch.empty([count, outputs], ScalarType.Float32);
        var floats = (nuint)(sizeof(float) * count * lanes);
        var memory = (nint)NativeMemory.AlignedAlloc((nuint)count * (nuint)inputs + 2 * floats, Alignment);
        try
        {
            fixed (byte* source = rows.bytes, target = product.bytes)
            {
                var (from, to) = ((nint)source, (nint)target);
                var all = new Rows((float*)memory, (float*)(memory + (nint)floats), (sbyte*)(memory + 2 * (nint)floats), (float*)to, inputs, lanes, outputs);
                BFloat16Lanes.ForRows(count, inputs, row =>
                {
                    var one = all.From(row);
                    GroupBytes.Round((ushort*)from + (long)row * inputs, weight.Groups, one.Bytes, one.Scales, one.Sums, lanes);
                });
                Parallel.For(0, (outputs + OutputsOfTask - 1) / OutputsOfTask, task => Multiply(all, count, weight, task * OutputsOfTask, Math.Min(outputs, (task + 1) * OutputsOfTask)));
            }
        }
        finally
        {
            NativeMemory.AlignedFree((void*)memory);
        }
        return product;
    }

    private static void Multiply(in Rows all, int count, Weight weight, int first, int end)
    {
        for (var row = 0; row < count;)
        {
            var (rows, isFour) = (all.From(row), count - row >= RowsTogether);
            for (var output = first; output < end; output++)
                if (isFour) Four(weight.Of(output), rows, output);
                else One(weight.Of(output), rows, output);
            row += isFour ? RowsTogether : 1;
        }
    }

    private static void One(in Output weight, in Rows rows, int output)
    {
        var sum = Vector512<float>.Zero;
        for (var group = 0; group < weight.Groups; group++)
        {
            var (low, high, scale) = weight.Group(group);
            sum = Add(sum, low, high, scale, rows.Bytes + group * Group, rows.Scales[group]);
        }
        for (var lane = 0; lane < weight.Lanes; lane += Vector512<float>.Count)
            sum = Vector512.FusedMultiplyAdd(weight.Offsets(lane), Vector512.Load(rows.Sums + lane), sum);
        rows.Result[output] = Vector512.Sum(sum);
    }

    private static void Four(in Output weight, in Rows rows, int output)
    {
        var (sum0, sum1, sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        var (inputs, lanes, outputs) = (rows.Inputs, rows.Lanes, (long)rows.Outputs);
        for (var group = 0; group < weight.Groups; group++)
        {
            sbyte* bytes = rows.Bytes + group * Group;
            float* scales = rows.Scales + group;
            var (low, high, scale) = weight.Group(group);
            sum0 = Add(sum0, low, high, scale, bytes, scales[0]);
            sum1 = Add(sum1, low, high, scale, bytes + inputs, scales[lanes]);
            sum2 = Add(sum2, low, high, scale, bytes + 2 * inputs, scales[2 * lanes]);
            sum3 = Add(sum3, low, high, scale, bytes + 3 * inputs, scales[3 * lanes]);
        }
        for (var lane = 0; lane < lanes; lane += Vector512<float>.Count)
        {
            var offsets = weight.Offsets(lane);
            float* sums = rows.Sums + lane;
            sum0 = Vector512.FusedMultiplyAdd(offsets, Vector512.Load(sums), sum0);
            sum1 = Vector512.FusedMultiplyAdd(offsets, Vector512.Load(sums + lanes), sum1);
            sum2 = Vector512.FusedMultiplyAdd(offsets, Vector512.Load(sums + 2 * lanes), sum2);
            sum3 = Vector512.FusedMultiplyAdd(offsets, Vector512.Load(sums + 3 * lanes), sum3);
        }
        var result = rows.Result + output;
        (result[0], result[outputs], result[2 * outputs], result[3 * outputs]) = (Vector512.Sum(sum0), Vector512.Sum(sum1), Vector512.Sum(sum2), Vector512.Sum(sum3));
    }

    /// <summary>One group of one row. Two products of 15 · 127 and their neighbours' fit 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add(Vector512<float> sum, Vector512<byte> low, Vector512<byte> high, Vector512<float> scale, sbyte* bytes, float rowScale)
    {
        var products = ByteProducts.Twos(low, Vector512.Load(bytes)) + ByteProducts.Twos(high, Vector512.Load(bytes + Half));
        return Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(ByteProducts.Twos(products)), scale * Vector512.Create(rowScale), sum);
    }

    /// <summary>Where a weight lies, as <see cref="WeightRounding.ToInt4"/> makes it.</summary>
    /// <param name="Steps">[outputs, inputs / 2]</param>
    /// <param name="Scales">[outputs, lanes] bfloat16, as are the <paramref name="Middles"/></param>
    public readonly record struct Weight(nint Steps, nint Scales, nint Middles, int Outputs, int Groups, int Lanes)
    {
        internal Output Of(int output) => new(
            (byte*)Steps + (long)output * Groups * Half, (ushort*)Scales + (long)output * Lanes, (ushort*)Middles + (long)output * Lanes, Groups, Lanes);
    }

    /// <summary>The weights of one output.</summary>
    internal readonly struct Output(byte* steps, ushort* scales, ushort* middles, int groups, int lanes)
    {
        private readonly byte* _steps = steps;
        private readonly ushort* _scales = scales, _middles = middles;

        public int Groups { get; } = groups;

        public int Lanes { get; } = lanes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (Vector512<byte> Low, Vector512<byte> High, Vector512<float> Scale) Group(int group)
        {
            var (both, mask) = (Vector512.Load(_steps + group * Half), Vector512.Create((byte)0x0F));
            return (both & mask, (both.AsUInt16() >>> 4).AsByte() & mask, Vector512.Create(BFloat16Lanes.Wide(_scales[group])));
        }

        /// <summary>The values of step 0 of sixteen groups.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Offsets(int lane) => Wide(_middles + lane) - Middle * Wide(_scales + lane);

        private static Vector512<float> Wide(ushort* values)
        {
            var (first, second) = Vector256.Widen(Vector256.Load(values));
            return (Vector512.Create(first, second) << 16).AsSingle();
        }
    }

    /// <summary>Where rows lie that are rounded to bytes, from the first one on, and their results.</summary>
    private readonly struct Rows(float* scales, float* sums, sbyte* bytes, float* result, int inputs, int lanes, int outputs)
    {
        public readonly float* Scales = scales;
        public readonly float* Sums = sums;
        public readonly sbyte* Bytes = bytes;
        public readonly float* Result = result;
        public readonly int Inputs = inputs, Lanes = lanes, Outputs = outputs;

        public Rows From(int row) =>
            new(Scales + (long)row * Lanes, Sums + (long)row * Lanes, Bytes + (long)row * Inputs, Result + (long)row * Outputs, Inputs, Lanes, Outputs);
    }
}
