using System.ComponentModel.DataAnnotations;

namespace LlamaVid.Server.Telemetry;

/// <summary>Where traces go and how the log is written.</summary>
public sealed class TelemetryOptions : IValidatableObject
{
    public const string Section = "Telemetry";

    /// <summary>Address of an OTLP collector, as in <c>http://collector:4317</c>. Empty: no traces.</summary>
    public string OtlpEndpoint { get; set; } = "";

    /// <summary>Share of requests that are traced, unless a caller's <c>traceparent</c> has decided already.</summary>
    [Range(0.0, 1.0)]
    public double TraceRatio { get; set; } = 1;

    /// <summary>One JSON object per line of the log instead of text.</summary>
    public bool JsonLog { get; set; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (OtlpEndpoint.Length > 0 && !(Uri.TryCreate(OtlpEndpoint, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"))
            yield return new($"{Section}:OtlpEndpoint is '{OtlpEndpoint}'; write an address like http://collector:4317.", [nameof(OtlpEndpoint)]);
    }
}
