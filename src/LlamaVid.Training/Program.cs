using LlamaVid.Training;

// LlamaVid.Training prepare --out DIR --clips N --seed S [--long M] [--split NAME]      draws training or test data
// LlamaVid.Training pretrain --out DIR [--seed S]                                       tower, text decoder, language model from nothing
// LlamaVid.Training compose --language-model DIR --qformer FILE --tower FILE ...        the start of stage 1 from its parts
// LlamaVid.Training align|instruct|long --model DIR --data DIR_OR_JSON --out DIR        trains a stage (docs/training.md)
// LlamaVid.Training evaluate --model DIR --data DIR [--json] [--ablation] [--plot FILE]             asks, scores, compares
return await TrainingCommand.RunAsync(args, Console.Out, Console.Error, CancellationToken.None);
