namespace LlamaVid.Model.Layers;

/// <summary>Scalars that live as long as the process, for every call that would otherwise make a temporary one.</summary>
/// <remarks>
/// TorchSharp passes the native handle of a <see cref="Scalar"/> without keeping the object alive, so a temporary may be finalised while
/// native code still reads it. Values known only at run time are kept in a readonly field of the module that uses them.
/// </remarks>
internal static class Scalars
{
    public static readonly Scalar Zero = 0f.ToScalar();
    public static readonly Scalar One = 1f.ToScalar();
}
