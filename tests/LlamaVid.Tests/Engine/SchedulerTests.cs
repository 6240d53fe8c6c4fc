using CsCheck;
using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

/// <summary>The scheduler under random traffic: numbers only, no model.</summary>
public sealed class SchedulerTests
{
    private static readonly Gen<(int Frames, int Prompt, int Answer, int LeavesAt)> Request =
        Gen.Select(Gen.Int[0, 40], Gen.Int[1, 90], Gen.Int[1, 12], Gen.Int[1, 60]);

    [Fact]
    public void Budgets_are_kept_nobody_is_skipped_and_nothing_leaks() =>
        Gen.Select(Request.Array[1, 12], Gen.Int[1, 9], Gen.Int[16, 64], Gen.Int[1, 5]).Sample((requests, framesPerStep, tokensPerStep, most) =>
        {
            var options = new EngineOptions { MaxFramesPerStep = framesPerStep, MaxPrefillTokensPerStep = tokensPerStep, MaxRunningSequences = most };
            var budget = new KvBudget(220);
            var scheduler = new Scheduler(options, budget);
            var waiting = new Queue<Traveller>(requests.Select(request => new Traveller(request.Frames, request.Prompt, request.Answer, request.LeavesAt)));
            var begun = new List<Traveller>();

            for (var step = 0; waiting.Count > 0 || scheduler.Running.Count > 0; step++)
            {
                Assert.InRange(step, 0, 5000);                                // everybody ends
                while (waiting.Count > 0 && scheduler.CanStart(waiting.Peek().Needs))
                {
                    begun.Add(waiting.Dequeue());
                    scheduler.Start(begun[^1], begun[^1].Needs);
                }

                var plan = scheduler.Plan();
                Assert.InRange(plan.Sum(share => share.Encode), 0, framesPerStep);
                Assert.InRange(plan.Sum(share => share.Compress), 0, framesPerStep);
                Assert.InRange(plan.Sum(share => share.Prefill), 0, tokensPerStep);
                Assert.All(scheduler.Running.Where(work => work.Phase == WorkPhase.Decode), work => Assert.Contains(plan, share => share.Work == work && share.Decodes));
                Assert.Equal(plan.Count, plan.Select(share => share.Work).Distinct().Count());
                Assert.Equal(budget.Held, scheduler.Running.Sum(work => work.Positions));
                Assert.InRange(budget.Held, 0, budget.Total);
                Assert.NotEmpty(plan);

                foreach (var share in plan) ((Traveller)share.Work).Pay(share);
                scheduler.Took(plan, TimeSpan.FromMilliseconds(1 + step % 7));
                foreach (var gone in scheduler.Running.Cast<Traveller>().Where(work => work.IsOver).ToArray()) scheduler.End(gone);
            }
            Assert.Equal(0, budget.Held);
        });

    [Fact]
    public void The_oldest_sequence_is_served_first()
    {
        var scheduler = new Scheduler(new() { MaxPrefillTokensPerStep = 16, MaxFramesPerStep = 4 }, new(1000));
        Traveller first = new(6, 10, 1, 99), second = new(6, 10, 1, 99);
        scheduler.Start(first, first.Needs);
        scheduler.Start(second, second.Needs);

        var share = Assert.Single(scheduler.Plan());
        Assert.Same(first, share.Work);
        Assert.Equal(4, share.Encode);
    }

    [Fact]
    public void Positions_that_are_not_free_are_not_given()
    {
        var scheduler = new Scheduler(new(), new(100));
        Traveller first = new(0, 50, 10, 99), second = new(0, 30, 10, 99);
        scheduler.Start(first, 60);
        scheduler.Start(second, 40);

        Assert.False(scheduler.CanStart(1));
        Assert.False(scheduler.TryResize(first, 61));
        Assert.Equal(60, first.Positions);
        scheduler.End(second);
        Assert.True(scheduler.TryResize(first, 100));
    }
}
