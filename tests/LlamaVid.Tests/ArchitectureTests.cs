using System.Reflection;

namespace LlamaVid.Tests;

/// <summary>The arrows between the projects, and what each may know.</summary>
public sealed class ArchitectureTests
{
    private static readonly Assembly Media = typeof(LlamaVid.Media.MediaSource).Assembly;
    private static readonly Assembly Model = typeof(LlamaVid.Model.LlamaVidModel).Assembly;
    private static readonly Assembly Training = typeof(LlamaVid.Training.TrainingCommand).Assembly;
    private static readonly Assembly Engine = typeof(LlamaVid.Engine.GenerationEngine).Assembly;

    [Fact]
    public void Media_knows_no_other_project_and_no_tensors() => AssertKnowsNothingOf(Media, "LlamaVid", "TorchSharp", "Microsoft.AspNetCore");

    [Fact]
    public void Model_knows_no_other_project_and_no_http() => AssertKnowsNothingOf(Model, "LlamaVid", "FFMpegCore", "Microsoft.AspNetCore");

    [Fact]
    public void Engine_knows_media_and_model_only()
    {
        AssertKnowsNothingOf(Engine, "LlamaVid.Server", "LlamaVid.Training", "FFMpegCore", "Microsoft.AspNetCore");
        Assert.Equal(["LlamaVid.Media", "LlamaVid.Model"], References(Engine).Where(name => name.StartsWith("LlamaVid", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public void Training_knows_media_and_model_only_and_nothing_knows_training()
    {
        AssertKnowsNothingOf(Training, "LlamaVid.Engine", "LlamaVid.Server", "Microsoft.AspNetCore");
        var projects = Directory.GetFiles(Repository.Path("src"), "*.csproj", SearchOption.AllDirectories);
        Assert.Equal(5, projects.Length);
        Assert.All(projects, project => Assert.DoesNotContain("LlamaVid.Training.csproj", File.ReadAllText(project), StringComparison.Ordinal));
    }

    [Fact]
    public void Few_types_of_the_engine_touch_tensors_and_the_scheduler_is_none_of_them()
    {
        var touching = Engine.GetTypes().Where(type => !type.IsNested && Members(type).Any(used => used.Assembly.GetName().Name == "TorchSharp"));
        Assert.Equal(
            ["FeatureBatch", "FeatureWriter", "RunningSequence", "Sight", "StepRunner", "StoredFeatures", "StoredFile", "VideoFeatures"],
            touching.Select(type => type.Name).Order());
    }

    [Fact]
    public void The_engines_border_is_data()
    {
        var border = new[] { typeof(LlamaVid.Engine.GenerationRequest), typeof(LlamaVid.Engine.GenerationEvent) };
        var reached = new HashSet<Type>();
        foreach (var type in border) Reach(type, reached);
        Assert.DoesNotContain(reached, type => type.Namespace is { } name &&
            (name.StartsWith("TorchSharp", StringComparison.Ordinal) || name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || typeof(Delegate).IsAssignableFrom(type) || typeof(Stream).IsAssignableFrom(type)));
    }

    private static void Reach(Type type, HashSet<Type> reached)
    {
        foreach (var argument in type.GetGenericArguments()) Reach(argument, reached);
        if (type.Assembly.GetName().Name?.StartsWith("LlamaVid", StringComparison.Ordinal) != true) { reached.Add(type); return; }
        if (!reached.Add(type)) return;
        foreach (var property in type.GetProperties()) Reach(property.PropertyType, reached);
        foreach (var variant in type.GetNestedTypes()) Reach(variant, reached);
    }

    private static IEnumerable<Type> Members(Type type)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        return type.GetFields(all).Select(field => field.FieldType)
            .Concat(type.GetMethods(all).SelectMany(method => method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType)))
            .SelectMany(used => used.GetGenericArguments().Append(used));
    }

    private static void AssertKnowsNothingOf(Assembly assembly, params string[] names) =>
        Assert.DoesNotContain(References(assembly), reference => names.Any(name => reference.StartsWith(name, StringComparison.Ordinal)));

    private static IEnumerable<string> References(Assembly assembly) => assembly.GetReferencedAssemblies().Select(name => name.Name!);
}
