namespace LlamaVid.Tests.Model.Oracle;

/// <summary>The tensors of a checkpoint under one prefix, as plain numbers.</summary>
internal sealed class Numbers(IReadOnlyDictionary<string, RandomTensor> tensors, string prefix = "")
{
    public Numbers Under(string more) => new(tensors, prefix + more);

    public bool Has(string name) => tensors.ContainsKey(prefix + name);

    public double[] Vector(string name) => [.. tensors[prefix + name].Values.Select(value => (double)value)];

    /// <summary>The first axis is the rows, all others together are the columns.</summary>
    public Matrix Matrix(string name)
    {
        var (shape, values) = (tensors[prefix + name].Shape, Vector(name));
        var columns = values.Length / (int)shape[0];
        return Oracle.Matrix.Of((int)shape[0], columns, (r, c) => values[r * columns + c]);
    }

    /// <summary>[1, rows, columns] as rows.</summary>
    public Matrix Rows(string name)
    {
        var (shape, values) = (tensors[prefix + name].Shape, Vector(name));
        return Oracle.Matrix.Of((int)shape[1], (int)shape[2], (r, c) => values[r * shape[2] + c]);
    }

    /// <summary>How many numbered children a name has: 1 + the largest number.</summary>
    public int Count(string name) =>
        1 + tensors.Keys.Where(key => key.StartsWith(prefix + name, StringComparison.Ordinal)).Max(key => int.Parse(key[(prefix + name).Length..].Split('.')[0]));

    public Matrix Linear(Matrix x, string name)
    {
        var product = x.TimesTransposed(Matrix($"{name}.weight"));
        return Has($"{name}.bias") ? product.PlusRow(Vector($"{name}.bias")) : product;
    }

    public Matrix LayerNorm(Matrix x, string name, double epsilon) => x.LayerNorm(Vector($"{name}.weight"), Vector($"{name}.bias"), epsilon);
}
