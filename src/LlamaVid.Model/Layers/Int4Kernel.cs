using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace LlamaVid.Model.Layers;

/// <summary>The inner loop of <see cref="Int4Product"/> in instructions that .NET does not offer: sums of four products of bytes, in all 512 bits (AVX512-VNNI). One tile, up to eight rows.</summary>
/// <remarks>
/// Assembled once for each number of rows. Every 64 bytes of steps are unpacked once for all rows, whose bytes are operands in memory. Whole numbers have one sum, and what follows is done in the order of
/// <see cref="Int4Product"/>, so the results are the same to the bit.
/// </remarks>
internal sealed unsafe class Int4Kernel
{
    private const int Rows = GroupBytes.Rows, Line = 64, Group = WeightRounding.Group, Half = Group / 2, Lines = Half / sizeof(int), Factors = WeightRounding.Tile * sizeof(ushort);

    private static readonly AssemblerRegisterZMM[] Sums = [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7];
    private static readonly AssemblerRegisterZMM[] FurtherSums = [zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15];
    private static readonly AssemblerRegisterZMM[] Totals = [zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23];
    private static readonly AssemblerRegisterZMM Low = zmm24, High = zmm25, Steps = zmm26, Scale = zmm27, Offset = zmm28, Scaled = zmm29, Middle = zmm30;

    private readonly nint[] _loops;

    private Int4Kernel(nint[] loops) => _loops = loops;

    /// <summary>Null where the processor or the system does not allow it.</summary>
    public static Int4Kernel? Here { get; } = MachineCode.OfRows(Rows, Assemble) is { } loops ? new(loops) : null;

    /// <summary>One call: where everything lies, and how far rows are apart in bytes.</summary>
    /// <param name="Factors">of eight rows that lie as <see cref="GroupBytes"/> writes them</param>
    /// <param name="Sums">[rows, 16], what comes out</param>
    /// <param name="Groups">counted down to 0</param>
    /// <param name="Next">steps to ask for, while these are multiplied</param>
    /// <param name="NextOfGroup">how many bytes of them in a group</param>
    [StructLayout(LayoutKind.Sequential)]
    public record struct Tile(nint Steps, nint Scales, nint Middles, nint Bytes, nint Factors, nint Sums, nint BytesOfRow, nint Groups, nint Next, nint NextOfGroup);

    /// <param name="rows">1 to 8</param>
    public void Sum(int rows, Tile tile) => ((delegate* unmanaged<Tile*, void>)_loops[rows])(&tile);

    private static Assembler Assemble(int rows)
    {
        var code = new Assembler(64);
        var (call, steps, scales, middles, factors, next, bytes) = (rdi, rax, rcx, rdx, r8, rbx, new RowOperands(rsi, r9, r10, r11));
        code.push(next);
        code.mov(eax, 0x0F0F0F0F);
        code.vpbroadcastd(Steps, eax);
        code.mov(eax, BitConverter.SingleToInt32Bits(8));
        code.vpbroadcastd(Middle, eax);
        code.mov(steps, __[call]);
        code.mov(scales, __[call + 8]);
        code.mov(middles, __[call + 16]);
        code.mov(rsi, __[call + 24]);
        code.mov(factors, __[call + 32]);
        code.mov(r9, __[call + 48]);
        code.mov(next, __[call + 64]);
        bytes.Prepare(code);
        for (var row = 0; row < rows; row++) code.vpxord(Totals[row], Totals[row], Totals[row]);

        var group = code.CreateLabel();
        code.Label(ref group);
        for (var row = 0; row < rows; row++)
        {
            code.vpxord(Sums[row], Sums[row], Sums[row]);
            code.vpxord(FurtherSums[row], FurtherSums[row], FurtherSums[row]);
        }
        for (var line = 0; line < Lines; line++)
        {
            code.prefetcht1(__[next + line * Line]);
            code.vmovdqu32(Low, __[steps + line * Line]);
            code.vpsrld(High, Low, 4);
            code.vpandd(Low, Low, Steps);
            code.vpandd(High, High, Steps);
            for (var row = 0; row < rows; row++)
            {
                code.vpdpbusd(Sums[row], Low, __dword_bcst[bytes[row] + line * sizeof(int)]);
                code.vpdpbusd(FurtherSums[row], High, __dword_bcst[bytes[row] + (line * sizeof(int) + Half)]);
            }
        }
        code.vpmovzxwd(Scale, __[scales]);
        code.vpslld(Scale, Scale, 16);
        code.vpmovzxwd(Offset, __[middles]);
        code.vpslld(Offset, Offset, 16);
        code.vmulps(Scaled, Middle, Scale);
        code.vsubps(Offset, Offset, Scaled);
        for (var row = 0; row < rows; row++)
        {
            code.vpaddd(Sums[row], Sums[row], FurtherSums[row]);
            code.vcvtdq2ps(Sums[row], Sums[row]);
            code.vmulps(Scaled, Scale, __dword_bcst[factors + row * sizeof(float)]);
            code.vfmadd231ps(Totals[row], Sums[row], Scaled);
            code.vfmadd231ps(Totals[row], Offset, __dword_bcst[factors + (Rows + row) * sizeof(float)]);
        }
        code.add(steps, Lines * Line);
        code.add(next, __[call + 72]);
        code.add(scales, Factors);
        code.add(middles, Factors);
        bytes.Advance(code, Group);
        code.add(factors, 2 * Rows * sizeof(float));
        code.dec(__qword_ptr[call + 56]);
        code.jnz(group);

        code.mov(rax, __[call + 40]);
        for (var row = 0; row < rows; row++) code.vmovups(__[rax + row * Line], Totals[row]);
        code.pop(next);
        code.vzeroupper();
        code.ret();
        return code;
    }
}
