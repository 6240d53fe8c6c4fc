using Spectre.Console;

namespace LlamaVid.Training.Loop;

/// <summary>Shows a person how far a run is: a bar where there is a terminal, plain lines now and then elsewhere. Keeps nothing.</summary>
internal abstract class RunDisplay
{
    public static RunDisplay For(TextWriter error) =>
        ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected ? new Bar() : new Lines(error);

    /// <param name="work">calls its argument with every line of the log</param>
    public abstract void Show(string title, long first, long steps, Action<Action<StepReport>> work);

    private static string Say(StepReport report) =>
        $"loss {report.Loss:0.0000}{(report.Accuracy is { } right ? $", right {right:0.0%}" : "")}, {report.SamplesPerSecond:0.0} samples/s";

    private sealed class Bar : RunDisplay
    {
        public override void Show(string title, long first, long steps, Action<Action<StepReport>> work) =>
            AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) }).Progress()
                .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
                .Start(context =>
                {
                    var task = context.AddTask(Markup.Escape(title), maxValue: steps);
                    task.Value = first;
                    work(report =>
                    {
                        task.Value = report.Step;
                        task.Description = Markup.Escape($"{title} {report.Step}/{steps}, {Say(report)}");
                    });
                });
    }

    private sealed class Lines(TextWriter error) : RunDisplay
    {
        private const int Parts = 50;

        public override void Show(string title, long first, long steps, Action<Action<StepReport>> work)
        {
            var last = first;
            work(report =>
            {
                var isDue = report.Step * Parts / steps > last * Parts / steps || report.Step == steps;
                if (!isDue) return;
                last = report.Step;
                var rest = report.Elapsed / report.Step * (steps - report.Step);
                error.WriteLine($"{title} step {report.Step} of {steps}, {Say(report)}, {TimeSpan.FromSeconds(rest):hh\\:mm\\:ss} to go");
            });
        }
    }
}
