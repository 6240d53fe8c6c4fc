namespace LlamaVid.Model.Decoder;

/// <summary>Divides a decoder's layers over devices, neighbours together, so that the fullest device is as empty as can be. Numbers only.</summary>
internal static class LayerSplit
{
    /// <param name="layers">to be divided; all are of one size</param>
    /// <param name="devices">each takes one layer at least</param>
    /// <param name="layer">size of a layer; the unit does not matter</param>
    /// <param name="before">size of what lies on the first device beside its layers</param>
    /// <param name="after">size of what lies on the last device beside its layers</param>
    /// <returns>layers of each device, in order</returns>
    /// <exception cref="TooManyDevicesException">there are fewer layers than devices</exception>
    public static int[] Of(int layers, int devices, long layer, long before, long after)
    {
        if (devices > layers) throw new TooManyDevicesException(devices, layers);
        var counts = Enumerable.Repeat(1, devices).ToArray();
        for (var left = layers - devices; left > 0; left--) counts[Enumerable.Range(0, devices).MinBy(Held)]++;
        return counts;

        long Held(int device) => counts[device] * layer + (device == 0 ? before : 0) + (device == devices - 1 ? after : 0);
    }
}
