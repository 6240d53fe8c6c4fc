namespace LlamaVid.Tests.Model.Oracle;

/// <summary>Rows of numbers in double precision and the few operations a transformer is made of, as plain loops. It shares no code with the product.</summary>
internal sealed class Matrix(int rows, int columns)
{
    private readonly double[] _values = new double[rows * columns];

    public int Rows => rows;
    public int Columns => columns;

    public double this[int row, int column]
    {
        get => _values[row * columns + column];
        set => _values[row * columns + column] = value;
    }

    public static Matrix Of(int rows, int columns, Func<int, int, double> value)
    {
        var matrix = new Matrix(rows, columns);
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++) matrix[r, c] = value(r, c);
        return matrix;
    }

    public static Matrix Stack(params Matrix[] parts)
    {
        var matrix = new Matrix(parts.Sum(part => part.Rows), parts[0].Columns);
        parts.SelectMany(part => part._values).ToArray().CopyTo(matrix._values, 0);
        return matrix;
    }

    public double[] Row(int row) => _values[(row * columns)..((row + 1) * columns)];

    public double[] ToArray() => [.. _values];

    public Matrix Slice(int first, int count) => Of(count, columns, (r, c) => this[first + r, c]);

    public Matrix SliceColumns(int first, int count) => Of(rows, count, (r, c) => this[r, first + c]);

    public Matrix Map(Func<double, double> change) => Of(rows, columns, (r, c) => change(this[r, c]));

    public Matrix Plus(Matrix other) => Of(rows, columns, (r, c) => this[r, c] + other[r, c]);

    public Matrix PlusRow(double[] row) => Of(rows, columns, (r, c) => this[r, c] + row[c]);

    public Matrix Times(Matrix other) => TimesTransposed(Of(other.Columns, other.Rows, (r, c) => other[c, r]));

    /// <summary>x Wᵀ, what a linear layer with the weight W computes.</summary>
    public Matrix TimesTransposed(Matrix weight)
    {
        if (weight.Columns != columns) throw new ArgumentException($"[{rows}, {columns}] does not fit the weight [{weight.Rows}, {weight.Columns}]");
        var result = new Matrix(rows, weight.Rows);
        for (var r = 0; r < rows; r++)
            for (var o = 0; o < weight.Rows; o++)
            {
                var x = _values.AsSpan(r * columns, columns);
                var w = weight._values.AsSpan(o * columns, columns);
                var sum = 0.0;
                for (var i = 0; i < x.Length; i++) sum += x[i] * w[i];
                result[r, o] = sum;
            }
        return result;
    }

    public Matrix Softmax()
    {
        var result = new Matrix(rows, columns);
        for (var r = 0; r < rows; r++)
        {
            var row = Row(r);
            var (largest, total) = (row.Max(), 0.0);
            for (var c = 0; c < columns; c++) total += result[r, c] = Math.Exp(row[c] - largest);
            for (var c = 0; c < columns; c++) result[r, c] /= total;
        }
        return result;
    }

    public Matrix MeanOfRows() => Of(1, columns, (_, c) => Enumerable.Range(0, rows).Average(r => this[r, c]));

    public Matrix LayerNorm(double[] gain, double[] bias, double epsilon)
    {
        var result = new Matrix(rows, columns);
        for (var r = 0; r < rows; r++)
        {
            var row = Row(r);
            var mean = row.Average();
            var deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon);
            for (var c = 0; c < columns; c++) result[r, c] = (row[c] - mean) / deviation * gain[c] + bias[c];
        }
        return result;
    }

    /// <summary>softmax(q kᵀ / √D) v in each of the heads; <paramref name="sees"/> says which key a query may look at.</summary>
    public static Matrix Attention(Matrix q, Matrix k, Matrix v, int heads, Func<int, int, bool>? sees = null)
    {
        var size = q.Columns / heads;
        var result = new Matrix(q.Rows, q.Columns);
        for (var head = 0; head < heads; head++)
        {
            var scores = q.SliceColumns(head * size, size).TimesTransposed(k.SliceColumns(head * size, size));
            var masked = Of(q.Rows, k.Rows, (i, j) => sees?.Invoke(i, j) == false ? double.NegativeInfinity : scores[i, j] / Math.Sqrt(size));
            var seen = masked.Softmax().Times(v.SliceColumns(head * size, size));
            for (var r = 0; r < q.Rows; r++)
                for (var c = 0; c < size; c++) result[r, head * size + c] = seen[r, c];
        }
        return result;
    }
}
