using LlamaVid.Model;

namespace LlamaVid.Training.Pretraining;

/// <summary>A linear map into or out of concepts, as one of the runs has learned it.</summary>
internal sealed record Reading(Tensor Weight, Tensor Bias)
{
    public static Reading Of(TorchSharp.Modules.Linear layer) => new(layer.weight!.detach().clone().DetachFromDisposeScope(), layer.bias!.detach().clone().DetachFromDisposeScope());

    /// <summary>
    /// The tower's features become concepts by one map, and concepts the language model's input by another: together they are where the first stage's
    /// <c>vlm_att_val_projector</c> starts from.
    /// </summary>
    /// <param name="seen">[K, C]</param>
    /// <param name="context">[W, K]</param>
    public static void Join(Reading seen, Reading context, LlamaVidModel model)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var parameters = model.Parameters.ToDictionary(item => item.Name, item => item.Value);
        parameters["model.vlm_att_val_projector.weight"].copy_(context.Weight.matmul(seen.Weight));
        parameters["model.vlm_att_val_projector.bias"].copy_(context.Weight.mv(seen.Bias).add_(context.Bias, Model.Layers.Scalars.One));
    }
}
