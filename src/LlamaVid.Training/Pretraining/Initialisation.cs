namespace LlamaVid.Training.Pretraining;

/// <summary>First values of modules that are trained from nothing: norms pass through, biases are 0, matrices keep the size of what goes through them.</summary>
internal static class Initialisation
{
    private const double Table = 0.05;

    /// <param name="seed">decides every value</param>
    public static void Fill(IEnumerable<(string name, Parameter parameter)> parameters, long seed)
    {
        using var noGrad = no_grad();
        manual_seed(seed).Dispose();
        foreach (var (name, value) in parameters)
        {
            if (name.EndsWith("bias", StringComparison.Ordinal)) value.zero_();
            else if (value.dim() == 1 && name.Contains("norm", StringComparison.OrdinalIgnoreCase) || name.EndsWith("ln.weight", StringComparison.Ordinal))
                nn.init.ones_(value);
            else if (value.dim() < 2 || IsTable(name)) nn.init.normal_(value, 0, Table);
            else nn.init.normal_(value, 0, Math.Sqrt(1.0 / (value.NumberOfElements / value.shape[0])) * (EndsBranch(name) ? 0.5 : 1));
        }
    }

    /// <summary>Waves over columns and rows: neighbours are alike from the first step on.</summary>
    /// <param name="table">[1 + side², C], the class token's row first; C is a multiple of 4</param>
    public static void FillPlaces(Tensor table, int side)
    {
        using var noGrad = no_grad();
        var (width, waves) = ((int)table.shape[1], (int)table.shape[1] / 4);
        var values = new float[(1 + side * side) * width];
        for (var patch = 0; patch < side * side; patch++)
            for (var i = 0; i < waves; i++)
            {
                var frequency = Math.PI / side * Math.Pow(side, (double)i / (waves - 1));
                var at = (1 + patch) * width + 4 * i;
                var (x, y) = ((patch % side + 0.5) * frequency, (patch / side + 0.5) * frequency);
                (values[at], values[at + 1], values[at + 2], values[at + 3]) = ((float)Math.Sin(x), (float)Math.Cos(x), (float)Math.Sin(y), (float)Math.Cos(y));
            }
        using var filled = tensor(values).view(table.shape);
        table.copy_(filled);
    }

    private static bool IsTable(string name) => name.Contains("embed", StringComparison.Ordinal) && !name.Contains("patch_embed", StringComparison.Ordinal)
        || name.EndsWith("query", StringComparison.Ordinal) || name.EndsWith("cls_token", StringComparison.Ordinal);

    /// <summary>The last matrix of what is added to a residual stream.</summary>
    private static bool EndsBranch(string name) =>
        name.EndsWith("out_proj.weight", StringComparison.Ordinal) || name.EndsWith("fc2.weight", StringComparison.Ordinal)
        || name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal);
}
