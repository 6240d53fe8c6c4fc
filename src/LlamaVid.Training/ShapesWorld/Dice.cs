using System.Buffers.Binary;
using System.Security.Cryptography;

namespace LlamaVid.Training.ShapesWorld;

/// <summary>Chance that can be repeated anywhere: the same names give the same draws on every machine and runtime. Knows nothing of what is drawn.</summary>
/// <remarks>SplitMix64, started from SHA-256 of the names: two splits, seeds or numbers share no stream.</remarks>
internal sealed class Dice
{
    private ulong _state;

    public Dice(string split, long seed, string purpose, int number)
    {
        var names = System.Text.Encoding.UTF8.GetBytes($"shapes-world 1\n{split}\n{seed}\n{purpose}\n{number}");
        _state = BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(names));
    }

    /// <summary>A whole number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => low + (int)Math.BigMul(Next(), (ulong)(high - low + 1), out _);

    /// <summary>A multiple of 0.001 from <paramref name="low"/> to <paramref name="high"/>.</summary>
    public double Thousandths(double low, double high) => Between((int)Math.Ceiling(low * 1000 - 1e-6), (int)Math.Floor(high * 1000 + 1e-6)) / 1000.0;

    public bool Chance(int percent) => Between(1, 100) <= percent;

    public T Pick<T>(IReadOnlyList<T> among) => among[Between(0, among.Count - 1)];

    /// <summary>The first <paramref name="count"/> of a shuffled copy.</summary>
    public T[] Deal<T>(IReadOnlyList<T> from, int count)
    {
        var cards = from.ToArray();
        for (var i = 0; i < count; i++)
        {
            var other = Between(i, cards.Length - 1);
            (cards[i], cards[other]) = (cards[other], cards[i]);
        }
        return cards[..count];
    }

    private ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
