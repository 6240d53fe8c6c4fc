using System.Text.Json;
using System.Text.RegularExpressions;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Tests;

namespace LlamaVid.Server.Tests.Deployment;

/// <summary>Dashboard and alerts ask for metrics that the server exports, and say what they should.</summary>
[Collection(nameof(DefaultServer))]
public sealed partial class MonitoringTests(DefaultServer fixture)
{
    [Fact]
    public async Task Every_metric_of_the_dashboard_and_of_the_alerts_is_exported()
    {
        var exported = TypeOfMetric().Matches((await fixture.Server.GetAsync("/metrics")).Text)
            .ToDictionary(match => match.Groups[1].Value, match => match.Groups[2].Value);
        var asked = Dashboard().Concat(Alerts()).SelectMany(query => MetricInQuery().Matches(query).Select(match => match.Value)).Distinct().ToArray();

        Assert.InRange(asked.Length, 15, 100);
        foreach (var metric in asked)
        {
            var histogram = HistogramPart().Replace(metric, "");
            Assert.True(exported.ContainsKey(metric) || exported.GetValueOrDefault(histogram) == "histogram", $"{metric} is not exported.");
        }
    }

    [Fact]
    public async Task Every_metric_that_is_exported_is_on_the_dashboard()
    {
        var shown = Dashboard().SelectMany(query => MetricInQuery().Matches(query)).Select(match => HistogramPart().Replace(match.Value, "")).ToHashSet();
        var exported = TypeOfMetric().Matches((await fixture.Server.GetAsync("/metrics")).Text).Select(match => match.Groups[1].Value).Where(name => name.StartsWith("llamavid_", StringComparison.Ordinal));
        Assert.Subset(shown, exported.ToHashSet());
    }

    [Fact]
    public void Every_alert_leads_to_a_heading_of_the_runbook()
    {
        var headings = File.ReadLines(Repository.Path("deploy/README.md")).Where(line => line.StartsWith('#'))
            .Select(line => NotInAnchor().Replace(line.TrimStart('#', ' ').ToLowerInvariant(), "").Replace(' ', '-')).ToHashSet();
        var anchors = RunbookAnchor().Matches(File.ReadAllText(Repository.Path("deploy/prometheus/alerts.yml"))).Select(match => match.Groups[1].Value).ToArray();
        Assert.NotEmpty(anchors);
        Assert.All(anchors, anchor => Assert.Contains(anchor, headings));
    }

    [Theory]
    [InlineData("check", "config", "prometheus.yml")]
    [InlineData("check", "rules", "alerts.yml")]
    [InlineData("test", "rules", "alerts.test.yml")]
    public async Task Promtool_finds_nothing_wrong(string verb, string what, string file)
    {
        Assert.SkipUnless(DeploymentTests.IsThere("promtool"), "promtool is not here (Debian's package prometheus).");
        var (code, output, errors) = await Clips.RunAsync("promtool", verb, what, Repository.Path($"deploy/prometheus/{file}"));
        Assert.True(code == 0, output + errors);
    }

    /// <summary>By promtool, which reads expressions as Prometheus does; Grafana's variables get values.</summary>
    [Fact]
    public async Task Every_query_of_the_dashboard_is_one()
    {
        Assert.SkipUnless(DeploymentTests.IsThere("promtool"), "promtool is not here (Debian's package prometheus).");
        var rules = Path.ChangeExtension(Path.GetTempFileName(), ".yml");
        var queries = Dashboard().Select(query => query.Replace("$__rate_interval", "1m", StringComparison.Ordinal).Replace("$instance", ".*", StringComparison.Ordinal));
        var expressions = string.Concat(queries.Select((query, i) => $"\n      - record: query{i}\n        expr: '{query}'"));
        await File.WriteAllTextAsync(rules, $"groups:\n  - name: dashboard\n    rules:{expressions}\n", TestContext.Current.CancellationToken);
        var (code, output, errors) = await Clips.RunAsync("promtool", "check", "rules", rules);
        File.Delete(rules);
        Assert.True(code == 0, output + errors);
    }

    private static string[] Dashboard()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Repository.Path("deploy/grafana/dashboards/llamavid.json")));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray().Select(target => target.GetProperty("expr").GetString()!))];
    }

    private static IEnumerable<string> Alerts() => File.ReadLines(Repository.Path("deploy/prometheus/alerts.yml")).Where(line => line.Contains("expr:", StringComparison.Ordinal));

    [GeneratedRegex(@"^# TYPE (\S+) (\S+)", RegexOptions.Multiline)]
    private static partial Regex TypeOfMetric();

    [GeneratedRegex(@"llamavid_\w+")]
    private static partial Regex MetricInQuery();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramPart();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"runbook: deploy/README\.md#(\S+)")]
    private static partial Regex RunbookAnchor();
}
