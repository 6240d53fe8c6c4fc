using LlamaVid.Training;

// LlamaVid.Training prepare --out DIR --clips N --seed S [--long M] [--split NAME]      draws training or test data
// LlamaVid.Training evaluate --model DIR --data DIR [--json] [--ablation] [--plot FILE]             asks, scores, compares
return await TrainingCommand.RunAsync(args, Console.Out, Console.Error, CancellationToken.None);
