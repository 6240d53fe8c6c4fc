using System.Diagnostics;
using System.Text.Json.Nodes;
using LlamaVid.Benchmarks.Measures;

namespace LlamaVid.Benchmarks.Throughput;

/// <summary>Goes through the parts of an order on one generated model and shows each figure beside its limit. Knows no command line.</summary>
internal sealed class EngineRun(BenchShape shape, EngineOrder order)
{
    private readonly Table _table = new(("what", 34), ("measured", 10), ("min", 8), ("max", 8), ("limit", 8), ("share", 6));
    private readonly JsonObject _results = [];

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

        foreach (var precision in order.Precisions)
        {
            var isFirst = precision == order.Precisions[0];
            var begin = Stopwatch.GetTimestamp();
            await using var engine = await EngineUnderTest.StartAsync(precision.Model(folder));
            Put("loading", precision, new JsonObject
            {
                ["seconds"] = Report.Json(Stopwatch.GetElapsedTime(begin).TotalSeconds),
                ["step_weights_mb"] = Report.Json(precision.BytesPerStep(shape) / 1e6),
                ["resident_mb"] = Report.Json(new ProcessWatch(Environment.ProcessId).ResidentMegabytes),
            });
            await TextAsync(engine, precision, ceilings, cancellationToken);
            foreach (var peer in order.Peers.Where(peer => peer.Precision == precision.Name)) await PeerAsync(peer, cancellationToken);
            if (order.Has(Part.Growth)) await GrowthAsync(engine, precision, ceilings, cancellationToken);
            if (!isFirst) continue;
            if (order.Has(Part.Server)) await ServerAsync(engine, precision, folder, cancellationToken);
            if (order.Has(Part.Known)) await KnownAsync(engine, cancellationToken);
            if (order.Has(Part.Film)) await FilmAsync(engine, cancellationToken);
        }
        if (order.Has(Part.Tower))
            foreach (var precision in order.Precisions.DistinctBy(precision => precision.TowerPlacement)) await TowerAsync(precision, ceilings);
        return _results;
    }

    private async Task TowerAsync(Precision precision, Ceilings ceilings)
    {
        var (peak, giant) = (precision.Peak(ceilings), shape == BenchShape.Smoke ? BenchShape.Smoke : BenchShape.OneBillionGiant);
        var tower = await TowerSpeed.MeasureAsync(giant, precision.TowerPlacement, peak, order.Runs);
        Show($"tower {precision.Name}, frames/s", tower.Spread, peak * 1e9 / giant.TowerFlopsPerFrame);
        Put(giant.IsGiant ? "eva_g" : "eva_tiny", precision, Report.Json(tower)!);
    }

    private void Put(string part, Precision precision, JsonNode figures)
    {
        if (_results[part] is not JsonObject all) _results[part] = all = [];
        all[precision.Name] = figures;
    }

    private async Task TextAsync(EngineUnderTest engine, Precision precision, Ceilings ceilings, CancellationToken cancellationToken)
    {
        var peak = precision.Peak(ceilings);
        var (text, figures, spread, limits, gaps) = (new TextSpeed(engine, order), new JsonObject(), new JsonObject(), new JsonObject(), new JsonObject());
        if (order.Has(Part.Prompt))
            Keep($"prompt{order.PromptLength}", await text.PromptAsync(cancellationToken), peak * 1e9 / (2.0 * shape.PromptWeights));
        if (order.Has(Part.Decode))
        {
            foreach (var streams in order.Streams)
            {
                var (rate, between) = await text.DecodeAsync(streams, cancellationToken);
                Keep($"decode{streams}", rate, DecodeLimit(precision, ceilings, streams));
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
        Put("bench1b", precision, figures);

        void Keep(string figure, Repeated measured, double limit)
        {
            (figures[figure], spread[figure], limits[figure]) = (Report.Json(measured.Median), Report.Json(measured), Report.Json(limit));
            Show($"{figure} {precision.Name}, tokens/s", measured, limit);
        }
    }

    /// <summary>The engine here is idle meanwhile.</summary>
    private async Task PeerAsync(Peer peer, CancellationToken cancellationToken)
    {
        var theirs = await peer.MeasureAsync(cancellationToken);
        foreach (var (figure, value) in theirs)
            if (_results["bench1b"]?[peer.Precision]?[figure] is JsonValue ours && value is JsonValue)
                _table.Row($"{figure} {peer.Precision}, times the peer", ours.GetValue<double>() / value.GetValue<double>());
        if (_results["peers"] is not JsonArray all) _results["peers"] = all = [];
        all.Add(new JsonObject { ["precision"] = peer.Precision, ["command"] = peer.Command, ["figures"] = theirs });
    }

    private async Task ServerAsync(EngineUnderTest engine, Precision precision, string folder, CancellationToken cancellationToken)
    {
        await using var server = await ServerProcess.StartAsync(folder, [$"Model:Dtype={precision.Dtype}", $"Model:Quantization={precision.Quantization}"], cancellationToken);
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
        _table.Row("per frame alone, ms", Repeated.Of(film.AloneFrameMs).Median, film.AloneFrameMs.Min(), film.AloneFrameMs.Max());
        _table.Row("neighbours' token p50 before, ms", film.GapsBefore.P50);
        _table.Row("neighbours' token p50 during, ms", film.GapsDuring.P50);
        _table.Row("neighbours' token p99 during, ms", film.GapsDuring.P99);
        _table.Row("memory beyond weights and caches, MB", film.BeyondMb);
    }

    private async Task GrowthAsync(EngineUnderTest engine, Precision precision, Ceilings ceilings, CancellationToken cancellationToken)
    {
        var growth = await Growth.MeasureAsync(engine, order, streams => DecodeLimit(precision, ceilings, streams), cancellationToken);
        Put("growth", precision, Report.Json(growth)!);
        foreach (var point in growth.Frames) Show($"{point.Frames} frames {precision.Name}, first token, ms", point.Ttft, null);
        foreach (var point in growth.Streams) Show($"{point.Streams} streams {precision.Name}, tokens/s", point.TokensS, point.Limit);
        foreach (var point in growth.Context)
        {
            Show($"{point.Positions} positions {precision.Name}, prompt/s", point.PrefillS, null);
            Show($"{point.Positions} positions {precision.Name}, step ms", point.StepMs, null);
        }
    }

    private double DecodeLimit(Precision precision, Ceilings ceilings, int streams) => Math.Min(
        ceilings.ReadGbS * 1e9 / precision.BytesPerStep(shape) * streams, precision.Peak(ceilings) * 1e9 / (2.0 * shape.MultipliedWeights));

    private void Show(string what, Repeated measured, double? limit) =>
        _table.Row(what, measured.Median, measured.Min, measured.Max, limit, limit is null ? null : measured.Median / limit);
}
