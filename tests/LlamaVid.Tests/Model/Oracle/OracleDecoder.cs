namespace LlamaVid.Tests.Model.Oracle;

/// <summary>LLaMA over a whole sequence without any cache.</summary>
internal static class OracleDecoder
{
    public static Matrix Embed(Numbers w, IReadOnlyList<int> ids)
    {
        var table = w.Matrix("model.embed_tokens.weight");
        return Matrix.Of(ids.Count, table.Columns, (r, c) => table[ids[r], c]);
    }

    /// <param name="w">the whole checkpoint</param>
    /// <param name="recipe">what config.json says</param>
    /// <param name="x">[S, W]</param>
    /// <param name="prompt">how many of the positions were read at once; each later one came alone, and what was rotated stays as it is</param>
    /// <returns>[S, V]</returns>
    public static Matrix Logits(Numbers w, CheckpointRecipe recipe, Matrix x, int prompt)
    {
        double[][] frequencies = [.. Enumerable.Range(0, x.Rows).Select(position => Frequencies(w, recipe, Math.Max(prompt, position + 1)))];
        Matrix Turned(Matrix rows) => Rotate(rows, recipe.HeadSize, (position, i) => position / (float)recipe.RopeFactor * (float)frequencies[position][i]);

        for (var i = 0; i < recipe.Layers; i++)
        {
            var layer = w.Under($"model.layers.{i}.");
            var h = Norm(x, layer.Vector("input_layernorm.weight"), recipe.Epsilon);
            var q = Turned(layer.Linear(h, "self_attn.q_proj"));
            var k = Repeat(Turned(layer.Linear(h, "self_attn.k_proj")), recipe);
            var v = Repeat(layer.Linear(h, "self_attn.v_proj"), recipe);
            x = x.Plus(layer.Linear(Matrix.Attention(q, k, v, recipe.Heads, (query, key) => key <= query), "self_attn.o_proj"));
            h = Norm(x, layer.Vector("post_attention_layernorm.weight"), recipe.Epsilon);
            var (gate, up) = (layer.Linear(h, "mlp.gate_proj").Map(Activations.Silu), layer.Linear(h, "mlp.up_proj"));
            x = x.Plus(layer.Linear(Matrix.Of(gate.Rows, gate.Columns, (r, c) => gate[r, c] * up[r, c]), "mlp.down_proj"));
        }
        return w.Linear(Norm(x, w.Vector("model.norm.weight"), recipe.Epsilon), "lm_head");
    }

    private static Matrix Norm(Matrix x, double[] gain, double epsilon)
    {
        double[] scales = [.. Enumerable.Range(0, x.Rows).Select(r => 1 / Math.Sqrt(x.Row(r).Average(value => value * value) + epsilon))];
        return Matrix.Of(x.Rows, x.Columns, (r, c) => x[r, c] * scales[r] * gain[c]);
    }

    /// <summary>Exact ones up to max_position_embeddings; a longer sequence rebuilds its table from what the checkpoint stores.</summary>
    private static double[] Frequencies(Numbers w, CheckpointRecipe recipe, int length)
    {
        const string stored = "model.layers.0.self_attn.rotary_emb.inv_freq";
        if (length > recipe.MaxPositions && w.Has(stored)) return w.Vector(stored);
        return [.. Enumerable.Range(0, recipe.HeadSize / 2).Select(i => Math.Pow(recipe.RopeTheta, -2.0 * i / recipe.HeadSize))];
    }

    /// <summary>Pairs (i, i + D/2) of every head turn together, by angles that are float32 numbers as in the official table.</summary>
    private static Matrix Rotate(Matrix x, int size, Func<int, int, float> angle)
    {
        var half = size / 2;
        return Matrix.Of(x.Rows, x.Columns, (position, c) =>
        {
            double turn = angle(position, c % size % half);
            var (cos, sin) = (Math.Cos(turn), Math.Sin(turn));
            return c % size < half ? x[position, c] * cos - x[position, c + half] * sin : x[position, c] * cos + x[position, c - half] * sin;
        });
    }

    /// <summary>Key head 0 serves the first group of query heads, key head 1 the second, and so on.</summary>
    private static Matrix Repeat(Matrix x, CheckpointRecipe recipe) =>
        Matrix.Of(x.Rows, recipe.Hidden, (r, c) => x[r, c / recipe.HeadSize / (recipe.Heads / recipe.KvHeads) * recipe.HeadSize + c % recipe.HeadSize]);
}
