global using LlamaVid.Model.Layers;
global using TorchSharp;
global using static TorchSharp.torch;
global using static TorchSharp.torch.nn;
global using Parameter = TorchSharp.Modules.Parameter;
