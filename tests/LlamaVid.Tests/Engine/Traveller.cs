using LlamaVid.Engine;

namespace LlamaVid.Tests.Engine;

/// <summary>A sequence that owes frames, then a prompt, then tokens, and may go away at any step.</summary>
internal sealed class Traveller : Workload
{
    private int _answer, _steps;
    private readonly int _leavesAt;

    public Traveller(int frames, int prompt, int answer, int leavesAt)
    {
        (FramesToEncode, PromptOwed, _answer, _leavesAt) = (frames, prompt, answer, leavesAt);
        Needs = prompt + answer;
        if (frames == 0) Phase = WorkPhase.Prefill;
    }

    public int Needs { get; }

    public bool IsOver => _answer == 0 || _steps >= _leavesAt;

    public void Pay(Share share)
    {
        _steps++;
        FramesToEncode -= share.Encode;
        FramesToCompress += share.Encode - share.Compress;
        PromptOwed -= share.Prefill;
        if (share.Decodes) _answer--;
        if (Phase == WorkPhase.See && FramesToEncode + FramesToCompress == 0) Phase = WorkPhase.Prefill;
        else if (Phase == WorkPhase.Prefill && PromptOwed == 0) Phase = WorkPhase.Decode;
    }
}
