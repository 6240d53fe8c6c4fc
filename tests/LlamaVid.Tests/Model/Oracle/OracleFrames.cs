namespace LlamaVid.Tests.Model.Oracle;

/// <summary>The text decoder, the context attention and the projectors, for one frame and one question.</summary>
internal static class OracleFrames
{
    /// <param name="w">the whole checkpoint</param>
    /// <param name="recipe">what config.json says</param>
    /// <param name="features">[N, C] as the tower gave them, or without class token in the movie layout</param>
    /// <param name="ids">word pieces of the question</param>
    /// <returns>[1 + n, W]</returns>
    public static Matrix Tokens(Numbers w, CheckpointRecipe recipe, Matrix features, int[] ids)
    {
        w = w.Under("model.");
        var patches = features.Rows % 2 == 1 && !recipe.KeepsClassToken ? features.Slice(1, features.Rows - 1) : features;

        var asked = recipe.IsRawBert ? RawBert(w, patches, ids) : QFormer(w, recipe, features, ids);
        var queries = w.Linear(asked, "vlm_att_projector");
        var keys = w.Linear(patches, "vlm_att_key_projector");
        var scores = queries.TimesTransposed(keys).Map(score => score / Math.Sqrt(patches.Columns));
        var context = w.Linear(scores.Softmax().Times(patches).MeanOfRows(), "vlm_att_val_projector");
        return Matrix.Stack(context, Project(w, recipe, Pool(recipe.Compress, patches)));
    }

    private static Matrix QFormer(Numbers w, CheckpointRecipe recipe, Matrix features, int[] ids)
    {
        var seen = w.Has("vlm_att_bert_proj.weight") ? w.Linear(features, "vlm_att_bert_proj") : features;
        if (recipe.IsPretrained) seen = w.LayerNorm(seen, "vlm_att_ln", 1e-5);
        var queries = w.Rows("vlm_att_query");
        var bert = w.Under("vlm_att_encoder.bert.");
        var x = bert.LayerNorm(Matrix.Stack(queries, Embed(bert, ids)), "embeddings.LayerNorm", 1e-12);
        for (var i = 0; i < bert.Count("encoder.layer."); i++)
        {
            var layer = bert.Under($"encoder.layer.{i}.");
            x = Attend(layer, "attention", x, x, null);
            var (asking, text) = (x.Slice(0, queries.Rows), x.Slice(queries.Rows, ids.Length));
            if (i % 2 == 0) asking = Attend(layer, "crossattention", asking, seen, null);
            x = Matrix.Stack(Feed(layer, asking, "_query"), Feed(layer, text, ""));
        }
        return x.Slice(0, queries.Rows);
    }

    private static Matrix RawBert(Numbers w, Matrix patches, int[] ids)
    {
        var seen = w.Linear(patches, "vlm_att_bert_proj");
        var bert = w.Under("vlm_att_encoder.bert.");
        var x = Embed(bert, ids).PlusRow(bert.Matrix("embeddings.token_type_embeddings.weight").Row(0));
        x = bert.LayerNorm(x, "embeddings.LayerNorm", 1e-12);
        for (var i = 0; i < bert.Count("encoder.layer."); i++)
        {
            var layer = bert.Under($"encoder.layer.{i}.");
            x = Attend(layer, "attention", x, x, (query, key) => key <= query);
            x = Feed(layer, Attend(layer, "crossattention", x, seen, null), "");
        }
        return x;
    }

    private static Matrix Embed(Numbers bert, int[] ids)
    {
        var (words, positions) = (bert.Matrix("embeddings.word_embeddings.weight"), bert.Matrix("embeddings.position_embeddings.weight"));
        return Matrix.Of(ids.Length, words.Columns, (r, c) => words[ids[r], c] + positions[r, c]);
    }

    private static Matrix Attend(Numbers layer, string name, Matrix x, Matrix seen, Func<int, int, bool>? sees)
    {
        var heads = Matrix.Attention(layer.Linear(x, $"{name}.self.query"), layer.Linear(seen, $"{name}.self.key"), layer.Linear(seen, $"{name}.self.value"),
            x.Columns / 64, sees);
        return layer.LayerNorm(layer.Linear(heads, $"{name}.output.dense").Plus(x), $"{name}.output.LayerNorm", 1e-12);
    }

    private static Matrix Feed(Numbers layer, Matrix x, string kind)
    {
        var wide = layer.Linear(x, $"intermediate{kind}.dense").Map(Activations.Gelu);
        return layer.LayerNorm(layer.Linear(wide, $"output{kind}.dense").Plus(x), $"output{kind}.LayerNorm", 1e-12);
    }

    /// <summary>avg_pool2d with kernel = stride = side / cells, both rounded down: what is left over at the right and below is not read.</summary>
    private static Matrix Pool(string? compress, Matrix patches)
    {
        if (compress is null) return patches;
        if (compress == "mean") return patches.MeanOfRows();
        var side = (int)Math.Sqrt(patches.Rows);
        var stride = side / int.Parse(compress["grid:".Length..]);
        var pooled = (side - stride) / stride + 1;
        return Matrix.Of(pooled * pooled, patches.Columns, (cell, c) =>
        {
            var sum = 0.0;
            for (var y = 0; y < stride; y++)
                for (var x = 0; x < stride; x++) sum += patches[(cell / pooled * stride + y) * side + cell % pooled * stride + x, c];
            return sum / (stride * stride);
        });
    }

    private static Matrix Project(Numbers w, CheckpointRecipe recipe, Matrix x)
    {
        if (recipe.Projector == "identity") return x;
        if (recipe.Projector == "linear") return w.Linear(x, "mm_projector");
        var depth = recipe.ProjectorDepth;
        for (var i = 0; i < depth; i++) x = w.Linear(i == 0 ? x : x.Map(Activations.Gelu), $"mm_projector.{2 * i}");
        return x;
    }
}
