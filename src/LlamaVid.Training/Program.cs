using LlamaVid.Training;

// LlamaVid.Training prepare --out DIR --clips N --seed S [--long M] [--split NAME]      draws training or test data
return await TrainingCommand.RunAsync(args, Console.Out, Console.Error, CancellationToken.None);
