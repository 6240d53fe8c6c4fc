using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace LlamaVid.Model.Layers;

/// <summary>Operands in rows that lie at one distance: two bases and two distances reach eight of them, in one instruction each.</summary>
internal sealed class RowOperands(AssemblerRegister64 first, AssemblerRegister64 distance, AssemblerRegister64 threefold, AssemblerRegister64 fourth)
{
    /// <summary>Row 0 and the distance are known: the rest follows.</summary>
    public void Prepare(Assembler code)
    {
        code.lea(threefold, __[distance + distance * 2]);
        code.lea(fourth, __[first + distance * 4]);
    }

    /// <summary>All rows so many bytes further on.</summary>
    public void Advance(Assembler code, int bytes)
    {
        code.add(first, bytes);
        code.add(fourth, bytes);
    }

    /// <param name="row">from 0 to 7</param>
    public AssemblerMemoryOperand this[int row] => (row < 4 ? first : fourth, row % 4) switch
    {
        (var near, 0) => near + 0,
        (var near, 1) => near + distance,
        (var near, 2) => near + distance * 2,
        (var near, _) => near + threefold,
    };
}
