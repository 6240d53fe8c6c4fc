using System.Text.Json.Nodes;
using LlamaVid.Benchmarks.Measures;
using LlamaVid.Model;
using LlamaVid.Model.Layers;
using TorchSharp;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Goes through the parts of an order on one generated model and shows each figure beside its limit. Knows no command line.</summary>
internal sealed class EngineRun(BenchShape shape, EngineOrder order)
{
    private readonly Table _table = new(("what", 34), ("measured", 10), ("min", 8), ("max", 8), ("limit", 8), ("share", 6));
    private readonly JsonObject _results = [];

    private static readonly Dictionary<string, (torch.ScalarType Type, string Short, int Bytes)> Dtypes = new()
    {
        ["float32"] = (torch.ScalarType.Float32, "f32", 4),
        ["bfloat16"] = (torch.ScalarType.BFloat16, "bf16", 2), ["float16"] = (torch.ScalarType.Float16, "f16", 2),
    };

    /// <returns>fields of the document</returns>
    public async Task<JsonObject> RunAsync(CancellationToken cancellationToken)
    {
        await ModelCommand.MakeAsync(shape, cancellationToken);
        var folder = BenchModel.Folder(shape);
        var ceilings = Ceilings.Measure(order.CeilingSize);
        _results["ceilings"] = Report.Json(ceilings);
        _table.Row("reading memory, GB/s", ceilings.ReadGbS);
        _table.Row("float32 products, GFLOP/s", ceilings.F32GflopS);
        _table.Row("bfloat16 products, GFLOP/s", ceilings.Bf16GflopS);
        _table.Row("int8 products, GOP/s", ceilings.Int8GopS);

        await using var engine = await EngineUnderTest.StartAsync(folder, order.Dtype);
        var (type, name, bytes) = Dtypes[engine.Engine.Card!.Dtype];
        var peak = type == torch.ScalarType.BFloat16 ? ceilings.Bf16GflopS : ceilings.F32GflopS;
        var watch = new ProcessWatch(Environment.ProcessId);
        _results["memory"] = new JsonObject
        {
            ["loaded_mb"] = Report.Json(watch.ResidentMegabytes), ["multiplied_weights_mb"] = shape.MultipliedWeights * bytes >> 20,
        };

        await TextAsync(engine, name, bytes, peak, ceilings.ReadGbS, cancellationToken);
        if (order.Has(Part.Server)) await ServerAsync(engine, folder, cancellationToken);
        if (order.Has(Part.Known)) await KnownAsync(engine, cancellationToken);
        if (order.Has(Part.Film)) await FilmAsync(engine, cancellationToken);
        if (order.Has(Part.Tower))
        {
            var tower = await TowerSpeed.MeasureAsync(folder, shape, type, peak, order);
            Show("tower, frames/s", tower.Spread, peak * 1e9 / shape.TowerFlopsPerFrame);
            _results[shape.IsGiant ? "eva_g" : "eva_tiny"] = new JsonObject { [name] = Report.Json(tower) };
        }
        return _results;
    }

    private async Task TextAsync(EngineUnderTest engine, string name, int bytes, double peak, double readGbS, CancellationToken cancellationToken)
    {
        var (text, figures, spread, limits, gaps) = (new TextSpeed(engine, order), new JsonObject(), new JsonObject(), new JsonObject(), new JsonObject());
        if (order.Has(Part.Prompt))
            Put($"prompt{order.PromptLength}", await text.PromptAsync(cancellationToken), peak * 1e9 / (2.0 * shape.PromptWeights));
        if (order.Has(Part.Decode))
        {
            foreach (var streams in order.Streams)
            {
                var (rate, between) = await text.DecodeAsync(streams, cancellationToken);
                var reading = readGbS * 1e9 / ((double)shape.MultipliedWeights * bytes) * streams;
                Put($"decode{streams}", rate, Math.Min(reading, peak * 1e9 / (2.0 * shape.MultipliedWeights)));
                gaps[$"decode{streams}"] = Report.Json(between);
            }
            if (order.Streams is [1, .., var most])
            {
                figures[$"ratio{most}"] = Report.Json(figures[$"decode{most}"]!.GetValue<double>() / figures["decode1"]!.GetValue<double>());
                _table.Row($"{most} streams, times one", figures[$"ratio{most}"]!.GetValue<double>());
            }
        }
        if (figures.Count == 0) return;
        (figures["spread"], figures["limits"], figures["inter_token_ms"]) = (spread, limits, gaps);
        _results["bench1b"] = new JsonObject { [name] = figures };

        void Put(string figure, Repeated measured, double limit)
        {
            (figures[figure], spread[figure], limits[figure]) = (Report.Json(measured.Median), Report.Json(measured), Report.Json(limit));
            Show($"{figure} {name}, tokens/s", measured, limit);
        }
    }

    private async Task ServerAsync(EngineUnderTest engine, string folder, CancellationToken cancellationToken)
    {
        await using var server = await ServerProcess.StartAsync(folder, [$"Model:Dtype={order.Dtype}"], cancellationToken);
        var cost = await ServerCost.MeasureAsync(engine, server, order, cancellationToken);
        _results["server"] = Report.Json(cost);
        Show("16 streams over HTTP, tokens/s", cost.ServerTokensS, cost.EngineTokensS.Median);
        _table.Row("added to the first token, ms", cost.P50Ms);
        _table.Row("added between tokens, ms", cost.InterTokenP50Ms);
    }

    private async Task KnownAsync(EngineUnderTest engine, CancellationToken cancellationToken)
    {
        var known = await KnownVideo.MeasureAsync(engine, order, cancellationToken);
        (_results["known_video"], _results["followup_ttft_ratio"]) = (Report.Json(known), Report.Json(known.Ratio));
        Show($"first question, {known.Frames} frames, ms", known.First, null);
        Show("second question, ms", known.Second, null);
    }

    private async Task FilmAsync(EngineUnderTest engine, CancellationToken cancellationToken)
    {
        var film = await FilmIntake.MeasureAsync(engine, shape, order, cancellationToken);
        _results["while_film"] = Report.Json(film);
        _table.Row($"film of {film.Frames} frames, first token, ms", film.Ttft);
        _table.Row("per frame, ms", Repeated.Of(film.FrameMs).Median, film.FrameMs.Min(), film.FrameMs.Max());
        _table.Row("neighbours' token p50 before, ms", film.GapsBefore.P50);
        _table.Row("neighbours' token p50 during, ms", film.GapsDuring.P50);
        _table.Row("neighbours' token p99 during, ms", film.GapsDuring.P99);
        _table.Row("memory beyond weights and caches, MB", film.BeyondMb);
    }

    private void Show(string what, Repeated measured, double? limit) =>
        _table.Row(what, measured.Median, measured.Min, measured.Max, limit, limit is null ? null : measured.Median / limit);
}
