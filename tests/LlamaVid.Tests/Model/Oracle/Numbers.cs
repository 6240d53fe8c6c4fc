namespace LlamaVid.Tests.Model.Oracle;

/// <summary>The tensors of a checkpoint under one prefix, as plain numbers.</summary>
internal sealed class Numbers
{
    private readonly IReadOnlyDictionary<string, RandomTensor> _tensors;
    private readonly Dictionary<string, Matrix> _matrices;
    private readonly string _prefix;

    public Numbers(IReadOnlyDictionary<string, RandomTensor> tensors) : this(tensors, [], "") { }

    private Numbers(IReadOnlyDictionary<string, RandomTensor> tensors, Dictionary<string, Matrix> matrices, string prefix) =>
        (_tensors, _matrices, _prefix) = (tensors, matrices, prefix);

    public Numbers Under(string more) => new(_tensors, _matrices, _prefix + more);

    public bool Has(string name) => _tensors.ContainsKey(_prefix + name);

    public double[] Vector(string name) => [.. _tensors[_prefix + name].Values.Select(value => (double)value)];

    /// <summary>The first axis is the rows, all others together are the columns.</summary>
    public Matrix Matrix(string name)
    {
        if (_matrices.TryGetValue(_prefix + name, out var matrix)) return matrix;
        var (rows, values) = ((int)_tensors[_prefix + name].Shape[0], _tensors[_prefix + name].Values);
        var columns = values.Length / rows;
        return _matrices[_prefix + name] = Oracle.Matrix.Of(rows, columns, (r, c) => values[r * columns + c]);
    }

    /// <summary>[1, rows, columns] as rows.</summary>
    public Matrix Rows(string name)
    {
        var (shape, values) = (_tensors[_prefix + name].Shape, Vector(name));
        return Oracle.Matrix.Of((int)shape[1], (int)shape[2], (r, c) => values[r * shape[2] + c]);
    }

    /// <summary>How many numbered children a name has: 1 + the largest number.</summary>
    public int Count(string name)
    {
        var start = _prefix + name;
        return 1 + _tensors.Keys.Where(key => key.StartsWith(start, StringComparison.Ordinal)).Max(key => int.Parse(key[start.Length..].Split('.')[0]));
    }

    public Matrix Linear(Matrix x, string name)
    {
        var product = x.TimesTransposed(Matrix($"{name}.weight"));
        return Has($"{name}.bias") ? product.PlusRow(Vector($"{name}.bias")) : product;
    }

    public Matrix LayerNorm(Matrix x, string name, double epsilon) => x.LayerNorm(Vector($"{name}.weight"), Vector($"{name}.bias"), epsilon);
}
