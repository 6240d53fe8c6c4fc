using System.Net;

namespace LlamaVid.Server.Security;

/// <summary>How many wrong keys one address may present: a burst of a minute's worth, evenly refilled. Knows no keys, and keeps no right one from being used.</summary>
/// <remarks>Its memory is fixed. Addresses that fall on one place share it: at worst somebody with a wrong key is told to wait because of another.</remarks>
internal sealed class WrongKeys(int perMinute, TimeProvider time)
{
    private const int Places = 4096;

    private readonly Lock _gate = new();
    private readonly (double Spent, long At)[] _places = new (double, long)[Places];

    /// <summary>Books one more wrong key.</summary>
    /// <returns>how long its sender has to wait; null: it may be told that the key is wrong</returns>
    public TimeSpan? Book(IPAddress network)
    {
        if (perMinute == 0) return null;
        var now = time.GetTimestamp();
        lock (_gate)
        {
            ref var place = ref _places[(uint)HashCode.Combine(network) % Places];      // HashCode is other in each process: nobody chooses whose place he shares
            var spent = Math.Max(0, place.Spent - time.GetElapsedTime(place.At, now).TotalMinutes * perMinute);
            var isOver = spent + 1 > perMinute;
            place = (isOver ? spent : spent + 1, now);
            return isOver ? TimeSpan.FromMinutes((spent + 1 - perMinute) / perMinute) : null;
        }
    }
}
