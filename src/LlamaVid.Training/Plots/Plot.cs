using System.Globalization;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace LlamaVid.Training.Plots;

/// <summary>A picture of numbers: lines, points and bars over one pair of axes, written as SVG. Knows no accuracies and no losses.</summary>
/// <remarks>The same numbers give the same bytes. The library stays behind this type (docs/decisions/0007).</remarks>
internal sealed class Plot
{
    private const int Width = 840, Height = 480;
    private const string Font = "Arial, Liberation Sans, Helvetica, sans-serif";            // room for texts is measured in the first
    private static readonly OxyColor Grid = OxyColor.FromRgb(225, 225, 225);

    private readonly PlotModel _model;

    private Plot(string title, Axis across, Axis up)
    {
        _model = new PlotModel { Title = title, Background = OxyColors.White, DefaultFont = Font, TitleFontSize = 15 };
        _model.Axes.Add(across);
        _model.Axes.Add(up);
    }

    /// <param name="fromTo">the part of the upright axis that is shown; null: what the numbers need</param>
    /// <param name="isLogarithmic">each step of the axis below doubles</param>
    /// <param name="isUpLogarithmic">each step of the upright axis is ten times the one before</param>
    public static Plot OverNumbers(
        string title, string across, string up, (double From, double To)? fromTo = null, bool isLogarithmic = false, bool isUpLogarithmic = false) =>
        new(title, Numbers(AxisPosition.Bottom, across, null, isLogarithmic ? 2 : null), Numbers(AxisPosition.Left, up, fromTo, isUpLogarithmic ? 10 : null));

    /// <summary>Categories stand at 0, 1, 2 … of the axis.</summary>
    public static Plot OverNames(string title, IEnumerable<string> names, string up, (double From, double To)? fromTo = null)
    {
        var across = new CategoryAxis { Position = AxisPosition.Bottom, Angle = -30, GapWidth = 0.3 };
        across.Labels.AddRange(names);
        return new(title, across, Numbers(AxisPosition.Left, up, fromTo, logarithm: null));
    }

    /// <param name="name">stands in the legend; null for one that needs no name</param>
    public Plot Line(string? name, IEnumerable<(double X, double Y)> points, bool hasMarkers = false)
    {
        var line = new LineSeries { Title = name, StrokeThickness = 1.6, MarkerType = hasMarkers ? MarkerType.Circle : MarkerType.None, MarkerSize = 3.5 };
        line.Points.AddRange(points.Select(point => new DataPoint(point.X, point.Y)));
        return Add(line, name);
    }

    /// <inheritdoc cref="Line"/>
    public Plot Scatter(string? name, IEnumerable<(double X, double Y)> points)
    {
        var scatter = new ScatterSeries { Title = name, MarkerType = MarkerType.Circle, MarkerSize = 3 };
        scatter.Points.AddRange(points.Select(point => new ScatterPoint(point.X, point.Y)));
        return Add(scatter, name);
    }

    /// <summary>Bars from 0 at 0, 1, 2 …: one per category.</summary>
    public Plot Bars(string? name, IEnumerable<double> heights)
    {
        var bars = new RectangleBarSeries { Title = name, StrokeThickness = 0, FillColor = OxyColor.FromRgb(110, 160, 215) };
        var at = 0;
        foreach (var height in heights) bars.Items.Add(new(at - 0.35, 0, at++ + 0.35, height));
        return Add(bars, name);
    }

    /// <summary>Bars from 0 side by side at 0, 1, 2 …, one of each series, with their heights written on them.</summary>
    /// <param name="series">names of the legend; null for a height that is not known</param>
    public Plot BarGroups(IReadOnlyList<(string Name, IReadOnlyList<double?> Heights)> series)
    {
        var width = 0.8 / series.Count;
        for (var i = 0; i < series.Count; i++)
        {
            var bars = new RectangleBarSeries { Title = series[i].Name, StrokeThickness = 0, LabelFormatString = "{4}" };
            for (var at = 0; at < series[i].Heights.Count; at++)
                if (series[i].Heights[at] is { } height)
                    bars.Items.Add(new(at - 0.4 + i * width, 0, at - 0.4 + (i + 0.95) * width, height) { Title = Short(height) });
            Add(bars, series[i].Name);
        }
        return this;
    }

    /// <summary>Upright strokes from <c>Low</c> to <c>High</c>: how sure a value is.</summary>
    public Plot Ranges(IEnumerable<(double X, double Low, double High)> ranges)
    {
        var strokes = new LineSeries { Color = OxyColor.FromRgb(60, 60, 60), StrokeThickness = 1.2 };
        foreach (var (x, low, high) in ranges)
            strokes.Points.AddRange([new(x, low), new(x, high), DataPoint.Undefined]);
        return Add(strokes, name: null);
    }

    public string ToSvg() => new SvgExporter
    {
        Width = Width, Height = Height, UseVerticalTextAlignmentWorkaround = true, TextMeasurer = new ScreenTexts(),
    }.ExportToString(_model);

    /// <exception cref="IOException">the file cannot be written</exception>
    public void Write(string path) => File.WriteAllText(path, ToSvg());

    private Plot Add(OxyPlot.Series.Series series, string? name)
    {
        _model.Series.Add(series);
        if (name is not null && _model.Legends.Count == 0)
            _model.Legends.Add(new Legend
            {
                LegendPosition = LegendPosition.RightTop, LegendPlacement = LegendPlacement.Outside, LegendSymbolMargin = 8, LegendPadding = 16,
            });
        return this;
    }

    /// <summary>Three digits.</summary>
    private static string Short(double number) =>
        number.ToString(Math.Abs(number) switch { >= 100 => "0", >= 10 => "0.0", _ => "0.00" }, CultureInfo.InvariantCulture);

    private static Axis Numbers(AxisPosition position, string title, (double From, double To)? fromTo, double? logarithm)
    {
        Axis axis = logarithm is { } step ? new LogarithmicAxis { Base = step, UseSuperExponentialFormat = false } : new LinearAxis();
        (axis.Position, axis.Title, axis.MajorGridlineStyle, axis.MajorGridlineColor) = (position, title, LineStyle.Solid, Grid);
        axis.AxisTitleDistance = 12;
        if (fromTo is var (from, to)) (axis.Minimum, axis.Maximum) = (from, to);
        return axis;
    }

    /// <summary>The library's own measure of texts is in points; pictures for screens have pixels, of which three quarters make a point.</summary>
    private sealed class ScreenTexts() : PdfRenderContext(Width, Height, OxyColors.White)
    {
        private const double PixelsPerPoint = 96.0 / 72;

        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            var points = base.MeasureText(text, fontFamily, fontSize, fontWeight);
            return new(points.Width * PixelsPerPoint, points.Height * PixelsPerPoint);
        }
    }
}
