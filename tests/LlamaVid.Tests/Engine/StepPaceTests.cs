using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

/// <summary>Steps on a made-up device whose prices are known, so that no clock decides a test.</summary>
public sealed class StepPaceTests
{
    private const double PlainSeconds = 0.040, FrameSeconds = 0.004;

    private readonly Scheduler _scheduler = new(new(), new(1_000_000_000));

    [Theory]
    [InlineData(0.0020, 0)]
    [InlineData(0.0020, 0.000_000_2)]
    [InlineData(0.000_000_1, 0)]
    [InlineData(0.0300, 0)]                                                  // 4 positions cost more than is allowed
    public void A_film_lengthens_no_step_of_others_beyond_the_stretch(double position, double positionPerContext)
    {
        var (writer, film) = (Begin(0, 1, 1_000_000), Begin(3600, 7200, 5));
        var (context, longest, steps) = (0, 0.0, 0);
        while (film.Phase != WorkPhase.Decode && ++steps < 100_000)
        {
            var plan = _scheduler.Plan();
            var prefill = plan.Where(share => share.Work == film).Sum(share => share.Prefill);
            var frames = plan.Sum(share => share.Encode + share.Compress);
            var seconds = PlainSeconds + frames * FrameSeconds + prefill * (position + context * positionPerContext);
            if (steps > 1)
            {
                Assert.Contains(plan, share => share.Work == writer && share.Decodes);
                if (prefill is 0 or > 4) longest = Math.Max(longest, seconds);      // fewer are never taken, whatever they cost
            }
            context += prefill;
            Pay(plan, seconds);
        }
        Assert.Equal(WorkPhase.Decode, film.Phase);
        Assert.InRange(longest, PlainSeconds, 1.80 * PlainSeconds);
    }

    [Fact]
    public void The_room_is_used()
    {
        Begin(0, 1, 1_000_000);
        var film = Begin(0, 7200, 5);
        var steps = 0;
        for (; film.Phase != WorkPhase.Decode && steps < 100_000; steps++)
        {
            var plan = _scheduler.Plan();
            Pay(plan, PlainSeconds + plan.Sum(share => share.Decodes ? 0 : share.Prefill) * 0.001);
        }
        Assert.InRange(steps, 440, 540);                   // 30 positions of 1 ms fit beside a step of 40 ms; 16 are a power of two
    }

    [Fact]
    public void Steps_are_measured_plain_again_and_again()
    {
        Begin(0, 1, 1_000_000);
        Begin(0, 7200, 5);
        var plain = 0;
        for (var steps = 0; steps < 100; steps++)
        {
            var plan = _scheduler.Plan();
            if (plan.All(share => share.Decodes)) plain++;
            Pay(plan, (steps < 50 ? 1 : 4) * PlainSeconds + plan.Sum(share => share.Decodes ? 0 : share.Prefill) * 0.001);
        }
        Assert.InRange(plain, 5, 8);
        Assert.Equal(64, _scheduler.Plan().Sum(share => share.Prefill));     // 0.75 of 160 ms are 120
    }

    [Fact]
    public void While_nobody_is_answered_steps_are_as_large_as_they_may_be()
    {
        var film = Begin(0, 7200, 5);
        var plan = _scheduler.Plan();
        Assert.Equal(512, Assert.Single(plan).Prefill);
        Pay(plan, 3);
        Assert.Equal(512, Assert.Single(_scheduler.Plan()).Prefill);
        Assert.Equal(WorkPhase.Prefill, film.Phase);
    }

    [Fact]
    public void A_short_question_does_not_wait_for_a_film_nor_the_film_for_short_questions()
    {
        Begin(0, 1, 1_000_000);
        var film = Begin(3600, 7200, 5);
        for (var i = 0; i < 10; i++) Step();
        var question = Begin(0, 20, 1_000_000);
        for (var i = 0; i < 12; i++) Step();
        Assert.Equal(WorkPhase.Decode, question.Phase);

        var seen = film.FramesToEncode;
        for (var i = 0; i < 200; i++)
        {
            Begin(0, 20, 3);
            Step();
        }
        Assert.InRange(film.FramesToEncode, 0, seen - 150);

        void Step()
        {
            var plan = _scheduler.Plan();
            Pay(plan, PlainSeconds + plan.Sum(share => share.Encode + share.Compress) * FrameSeconds + plan.Sum(share => share.Prefill) * 0.002);
        }
    }

    [Fact]
    public void A_crowd_of_short_questions_does_not_wait_for_the_one_that_is_answered()
    {
        Begin(0, 1, 1_000_000);
        for (var i = 0; i < 3; i++) Step();
        Traveller[] crowd = [.. Enumerable.Range(0, 15).Select(_ => Begin(0, 32, 1_000_000))];
        var steps = 0;
        for (; crowd.Any(work => work.Phase != WorkPhase.Decode) && steps < 1000; steps++) Step();
        Assert.InRange(steps, 1, 40);                                       // 4 positions a step would be 120

        void Step()
        {
            var plan = _scheduler.Plan();
            Pay(plan, PlainSeconds + plan.Sum(share => share.Prefill) * 0.004);
        }
    }

    [Fact]
    public void A_film_does_not_get_the_room_of_a_crowd_behind_it()
    {
        Begin(0, 1, 1_000_000);
        var film = Begin(0, 100_000, 5);
        for (var i = 0; i < 60; i++) Step();
        for (var i = 0; i < 15; i++) Begin(0, 400, 1_000_000);
        for (var i = 0; i < 20; i++)
            Assert.InRange(Step().Where(share => share.Work == film).Sum(share => share.Prefill), 0, 16);          // 30 positions have room; 16 are a power of two

        IReadOnlyList<Share> Step()
        {
            var plan = _scheduler.Plan();
            Pay(plan, PlainSeconds + plan.Sum(share => share.Decodes ? 0 : share.Prefill) * 0.001);
            return plan;
        }
    }

    [Fact]
    public void A_crowd_of_films_lengthens_steps_no_more_than_one_does()
    {
        Begin(0, 1, 1_000_000);
        for (var i = 0; i < 15; i++) Begin(0, 7200, 5);
        var longest = 0.0;
        for (var i = 0; i < 300; i++)
        {
            var plan = _scheduler.Plan();
            var seconds = PlainSeconds + plan.Sum(share => share.Decodes ? 0 : share.Prefill) * 0.001;
            if (i > 0) longest = Math.Max(longest, seconds);
            Pay(plan, seconds);
        }
        Assert.InRange(longest, 1.2 * PlainSeconds, 1.75 * PlainSeconds);
    }

    private Traveller Begin(int frames, int prompt, int answer)
    {
        var work = new Traveller(frames, prompt, answer, int.MaxValue);
        _scheduler.Start(work, work.Needs);
        return work;
    }

    private void Pay(IReadOnlyList<Share> plan, double seconds)
    {
        foreach (var share in plan) ((Traveller)share.Work).Pay(share);
        _scheduler.Took(plan, TimeSpan.FromSeconds(seconds));
        foreach (var gone in _scheduler.Running.Cast<Traveller>().Where(work => work.IsOver).ToArray()) _scheduler.End(gone);
    }
}
