using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace LlamaVid.Model.Layers;

/// <summary>The inner loop of <see cref="Int8Product"/> in instructions that .NET does not offer: sums of four products of bytes, in all 512 bits (AVX512-VNNI). One tile, up to eight rows.</summary>
/// <remarks>Assembled once for each number of rows. Up to four rows take a tile in one pass; for more its halves come one after the other, so that all sums stay in registers.</remarks>
internal sealed unsafe class Int8Kernel
{
    /// <summary>Inputs are a multiple of this.</summary>
    public const int InputsOfPass = Fours * StepsOfPass;

    public const int MostRows = 8;

    private const int Fours = 4, StepsOfPass = 4, Line = 64, Lines = Int8Product.Tile * Fours / Line, BytesOfStep = Lines * Line, RowsOfWholeTile = 4;

    private static readonly AssemblerRegisterZMM[] Sums = [zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15];
    private static readonly AssemblerRegisterZMM[] Weights = [zmm16, zmm17, zmm18, zmm19];
    private static readonly AssemblerRegisterZMM Inputs = zmm20;
    private static readonly AssemblerRegister64 Call = rdi, Next = r8;

    private readonly nint[] _loops;

    private Int8Kernel(nint[] loops) => _loops = loops;

    /// <summary>Null where the processor or the system does not allow it.</summary>
    public static Int8Kernel? Here { get; } = MachineCode.OfRows(MostRows, Assemble) is { } loops ? new(loops) : null;

    /// <summary>One call: where everything lies.</summary>
    /// <param name="Weights">[inputs / 4, 64, 4]</param>
    /// <param name="Rows">[rows, width] bytes</param>
    /// <param name="Width">bytes from a row to the next</param>
    /// <param name="Sums">[rows, 64], added to</param>
    /// <param name="Passes">inputs / 16</param>
    /// <param name="Next">weights to ask for, while these are multiplied</param>
    /// <param name="NextOfPass">how many bytes of them for 16 inputs, or for 16 of one half</param>
    [StructLayout(LayoutKind.Sequential)]
    public record struct Tile(nint Weights, nint Rows, nint Width, nint Sums, nint Passes, nint Next, nint NextOfPass);

    /// <summary>Times that a call of so many rows goes through the inputs.</summary>
    public static int Turns(int rows) => rows <= RowsOfWholeTile ? 1 : 2;

    /// <param name="rows">1 to 8</param>
    public void Sum(int rows, Tile tile) => ((delegate* unmanaged<Tile*, void>)_loops[rows])(&tile);

    private static Assembler Assemble(int rows)
    {
        var code = new Assembler(64);
        var lines = Lines / Turns(rows);
        code.mov(Next, __[Call + 40]);
        for (var first = 0; first < Lines; first += lines) Assemble(code, rows, first, lines);
        code.vzeroupper();
        code.ret();
        return code;
    }

    private static void Assemble(Assembler code, int rows, int firstLine, int lines)
    {
        var (weights, passes, sums, inputs) = (rax, rdx, rcx, new RowOperands(rsi, r9, r10, r11));
        code.mov(weights, __[Call]);
        code.mov(rsi, __[Call + 8]);
        code.mov(r9, __[Call + 16]);
        code.mov(sums, __[Call + 24]);
        code.mov(passes, __[Call + 32]);
        inputs.Prepare(code);
        for (var row = 0; row < rows; row++)
            for (var line = 0; line < lines; line++) code.vmovdqu32(Sums[row * lines + line], __[sums + (row * Lines + firstLine + line) * Line]);

        var pass = code.CreateLabel();
        code.Label(ref pass);
        for (var step = 0; step < StepsOfPass; step++)
        {
            for (var line = 0; line < lines; line++) code.prefetcht1(__[Next + (step * lines + line) * Line]);
            for (var line = 0; line < lines; line++) code.vmovdqu32(Weights[line], __[weights + (step * BytesOfStep + (firstLine + line) * Line)]);
            for (var row = 0; row < rows; row++)
            {
                code.vpbroadcastd(Inputs, __dword_ptr[inputs[row] + step * Fours]);
                for (var line = 0; line < lines; line++) code.vpdpbusd(Sums[row * lines + line], Inputs, Weights[line]);
            }
        }
        code.add(weights, StepsOfPass * BytesOfStep);
        code.add(Next, __[Call + 48]);
        inputs.Advance(code, InputsOfPass);
        code.dec(passes);
        code.jnz(pass);

        for (var row = 0; row < rows; row++)
            for (var line = 0; line < lines; line++) code.vmovdqu32(__[sums + (row * Lines + firstLine + line) * Line], Sums[row * lines + line]);
    }
}
