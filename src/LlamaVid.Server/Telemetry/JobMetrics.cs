using LlamaVid.Server.Jobs;
using Prometheus;

namespace LlamaVid.Server.Telemetry;

/// <summary>The numbers of work in the background: zero where none is taken. Counts since the process began; knows no jobs.</summary>
internal sealed class JobMetrics(ServerMetrics metrics)
{
    private readonly Gauge _running = metrics.Gauge("num_jobs_running", "Jobs that are being answered.");
    private readonly Gauge _waiting = metrics.Gauge("num_jobs_waiting", "Jobs that wait for their turn.");
    private readonly Gauge _bytes = metrics.Gauge("job_bytes", "Disk space that jobs and batches take: requests, the files that they name, and answers.");
    private readonly Gauge _limit = metrics.Gauge("job_bytes_limit", "Disk space that jobs and batches may take.");
    private readonly Gauge _batches = metrics.Gauge("num_batches", "Batches that have not ended.");

    public Counter Ended { get; } = metrics.Counter("jobs_total", "Jobs that have ended: completed, failed or cancelled.", ["status"], "completed", "failed", "cancelled");
    public Counter BatchesEnded { get; } =
        metrics.Counter("batches_total", "Batches that have ended: completed, failed, expired or cancelled.", ["status"], "completed", "failed", "expired", "cancelled");
    public Counter BatchLines { get; } = metrics.Counter("batch_lines_total", "Lines of batches that were answered: completed or failed.", ["status"], "completed", "failed");
    public Counter Webhooks { get; } =
        metrics.Counter("webhooks_total", "Messages to webhooks: delivered, retried when not heard, or failed when given up.", ["result"], "delivered", "retried", "failed");

    public void WatchJobs(Func<(int Waiting, int Running)> count, JobRoom room) => metrics.Registry.AddBeforeCollectCallback(() =>
    {
        var (waiting, running) = count();
        _waiting.Set(waiting);
        _running.Set(running);
        _bytes.Set(room.Held);
        _limit.Set(room.Limit);
    });

    public void WatchBatches(Func<int> count) => metrics.Registry.AddBeforeCollectCallback(() => _batches.Set(count()));
}
