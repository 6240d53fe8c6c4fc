namespace LlamaVid.Tests.Model.Oracle;

/// <summary>Both vision towers, one picture at a time.</summary>
internal static class OracleTower
{
    private const int EvaHeadSize = 88;

    /// <param name="pixels">[3][S * S]</param>
    public static Matrix Eva(Numbers w, double[][] pixels, int side)
    {
        var width = w.Vector("patch_embed.proj.bias").Length;
        var patches = Patches(pixels, side, patch: 14).TimesTransposed(w.Matrix("patch_embed.proj.weight")).PlusRow(w.Vector("patch_embed.proj.bias"));
        var x = Matrix.Stack(w.Rows("cls_token"), patches).Plus(Positions(w.Rows("pos_embed"), side / 14));
        for (var i = 0; i < w.Count("blocks.") - 1; i++)                                            // the last block of the file does not run
        {
            var block = w.Under($"blocks.{i}.");
            var qkv = block.LayerNorm(x, "norm1", 1e-6).TimesTransposed(block.Matrix("attn.qkv.weight"));
            var q = qkv.SliceColumns(0, width).PlusRow(block.Vector("attn.q_bias"));
            var k = qkv.SliceColumns(width, width);
            var v = qkv.SliceColumns(2 * width, width).PlusRow(block.Vector("attn.v_bias"));
            x = x.Plus(block.Linear(Matrix.Attention(q, k, v, width / EvaHeadSize), "attn.proj"));
            x = x.Plus(block.Linear(block.Linear(block.LayerNorm(x, "norm2", 1e-6), "mlp.fc1").Map(Activations.Gelu), "mlp.fc2"));
        }
        return x;                                                                                   // with the class token, without a final norm
    }

    public static Matrix Clip(Numbers w, double[][] pixels, ClipRecipe recipe, int selectLayer, bool keepsClassToken)
    {
        var patches = Patches(pixels, recipe.ImageSize, recipe.PatchSize).TimesTransposed(w.Matrix("embeddings.patch_embedding.weight"));
        var first = w.Vector("embeddings.class_embedding");
        var x = Matrix.Stack(Matrix.Of(1, first.Length, (_, c) => first[c]), patches).Plus(w.Matrix("embeddings.position_embedding.weight"));
        var states = new List<Matrix> { w.LayerNorm(x, "pre_layrnorm", recipe.Epsilon) };
        for (var i = 0; i < recipe.Layers; i++)
        {
            x = states[^1];
            var layer = w.Under($"encoder.layers.{i}.");
            var h = layer.LayerNorm(x, "layer_norm1", recipe.Epsilon);
            var (q, k, v) = (layer.Linear(h, "self_attn.q_proj"), layer.Linear(h, "self_attn.k_proj"), layer.Linear(h, "self_attn.v_proj"));
            x = x.Plus(layer.Linear(Matrix.Attention(q, k, v, recipe.Heads), "self_attn.out_proj"));
            h = layer.Linear(layer.LayerNorm(x, "layer_norm2", recipe.Epsilon), "mlp.fc1").Map(recipe.IsQuick ? Activations.QuickGelu : Activations.Gelu);
            states.Add(x.Plus(layer.Linear(h, "mlp.fc2")));
        }
        var state = states[selectLayer < 0 ? states.Count + selectLayer : selectLayer];
        return keepsClassToken ? state : state.Slice(1, state.Rows - 1);
    }

    /// <summary>Patches row by row; inside a patch channel by channel. Pixels beyond the last whole patch are not read.</summary>
    private static Matrix Patches(double[][] pixels, int side, int patch)
    {
        var grid = side / patch;
        return Matrix.Of(grid * grid, 3 * patch * patch, (p, i) =>
        {
            var (channel, y, x) = (i / (patch * patch), p / grid * patch + i / patch % patch, p % grid * patch + i % patch);
            return pixels[channel][y * side + x];
        });
    }

    /// <summary>Bicubic (a = -0.75) with half-pixel centres and clamped borders; the class token's position stays.</summary>
    private static Matrix Positions(Matrix stored, int to)
    {
        var from = (int)Math.Sqrt(stored.Rows - 1);
        if (from == to) return stored;
        return Matrix.Of(1 + to * to, stored.Columns, (row, c) =>
        {
            if (row == 0) return stored[0, c];
            var sum = 0.0;
            foreach (var (y, wy) in Taps((row - 1) / to, from, to))
                foreach (var (x, wx) in Taps((row - 1) % to, from, to)) sum += wy * wx * stored[1 + y * from + x, c];
            return sum;
        });
    }

    private static IEnumerable<(int Index, double Weight)> Taps(int target, int from, int to)
    {
        const double a = -0.75;
        var source = (target + 0.5) * from / to - 0.5;
        var left = (int)Math.Floor(source);
        for (var i = left - 1; i <= left + 2; i++)
        {
            var d = Math.Abs(source - i);
            var weight = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
            yield return (Math.Clamp(i, 0, from - 1), weight);
        }
    }
}
