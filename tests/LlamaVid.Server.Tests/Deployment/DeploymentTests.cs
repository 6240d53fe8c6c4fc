using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using LlamaVid.Server.Tests.Http;
using LlamaVid.Server.Tests.Security;
using LlamaVid.Tests;
using YamlDotNet.Serialization;

namespace LlamaVid.Server.Tests.Deployment;

/// <summary>What surrounds the server in production says nothing that the server does not know, and agrees with itself.</summary>
public sealed partial class DeploymentTests
{
    private static readonly string[] Overlays = ["base", "overlays/cuda"];

    public static TheoryData<string> Manifests =>
        [.. Directory.GetFiles(Repository.Path("deploy/kubernetes"), "*.yaml", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) != "kustomization.yaml").Select(path => Path.GetRelativePath(Repository.Path("deploy/kubernetes"), path))];

    public static TheoryData<string> FilesWithOptions => ["Dockerfile", "docker-compose.yml", "deploy/run.sh", "deploy/kubernetes/base/statefulset.yaml", "deploy/kubernetes/overlays/cuda/gpu.yaml", "deploy/kubernetes/components/keys/keys.yaml"];

    [Theory]
    [MemberData(nameof(FilesWithOptions))]
    public void Every_option_that_is_set_is_one(string file)
    {
        var names = OptionInEnvironment().Matches(File.ReadAllText(Repository.Path(file))).Select(match => match.Groups[1].Value).Distinct().ToArray();
        Assert.NotEmpty(names);
        foreach (var name in names)
        {
            var parts = name.Split("__");
            Assert.True(Server.Composition.Settings.Sections.TryGetValue(parts[0], out var options), $"{file}: {name}");
            Assert.True(options!.GetProperty(parts[1]) is { CanWrite: true }, $"{file}: {name}");
        }
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Manifests_follow_the_schema_of_Kubernetes(string file) =>
        Assert.NotEmpty(KubernetesYaml.LoadAllFromString(File.ReadAllText(Repository.Path($"deploy/kubernetes/{file}")), strict: true));

    [Fact]
    public void A_field_that_Kubernetes_does_not_have_would_be_found()
    {
        var wrong = File.ReadAllText(Repository.Path("deploy/kubernetes/base/statefulset.yaml")).Replace("readinessProbe", "readynessProbe", StringComparison.Ordinal);
        Assert.ThrowsAny<Exception>(() => KubernetesYaml.LoadAllFromString(wrong, strict: true));
    }

    [Fact]
    public async Task Overlays_build_and_what_they_build_follows_the_schema()
    {
        Assert.SkipUnless(IsThere("kubectl"), "kubectl is not here.");
        foreach (var overlay in Overlays)
        {
            var (code, output, errors) = await Clips.RunAsync("kubectl", "kustomize", Repository.Path($"deploy/kubernetes/{overlay}"));
            Assert.True(code == 0, errors);
            var built = KubernetesYaml.LoadAllFromString(output, strict: true);
            var server = Assert.Single(built.OfType<V1StatefulSet>()).Spec.Template.Spec.Containers[0];
            Assert.StartsWith("registry.example.com/llamavid-server:0.1.0", server.Image, StringComparison.Ordinal);
            Assert.Equal(overlay == "base" ? null : "1", server.Resources.Limits.TryGetValue("nvidia.com/gpu", out var devices) ? devices.ToString() : null);
        }
    }

    [Fact]
    public void The_pod_is_confined_and_may_end_in_peace()
    {
        var set = KubernetesYaml.Deserialize<V1StatefulSet>(File.ReadAllText(Repository.Path("deploy/kubernetes/base/statefulset.yaml")), strict: true);
        var (pod, server) = (set.Spec.Template.Spec, set.Spec.Template.Spec.Containers[0]);

        Assert.True(pod.SecurityContext.RunAsNonRoot);
        Assert.False(pod.AutomountServiceAccountToken);
        Assert.True(server.SecurityContext.ReadOnlyRootFilesystem);
        Assert.False(server.SecurityContext.AllowPrivilegeEscalation);
        Assert.Equal(["ALL"], server.SecurityContext.Capabilities.Drop);

        var grace = TimeSpan.Parse(server.Env.Single(variable => variable.Name == "LLAMAVID__Server__ShutdownGrace").Value);
        var needed = server.Lifecycle.PreStop.Sleep.Seconds + grace.TotalSeconds + 10;
        Assert.True(pod.TerminationGracePeriodSeconds > needed, $"{pod.TerminationGracePeriodSeconds} s are not more than {needed} s");

        var volumes = pod.Volumes.Select(volume => volume.Name).Concat(set.Spec.VolumeClaimTemplates.Select(claim => claim.Metadata.Name));
        Assert.Equal(volumes.Order(), server.VolumeMounts.Select(mount => mount.Name).Order());
        Assert.Equal(set.Spec.Selector.MatchLabels, set.Spec.Template.Metadata.Labels);
    }

    /// <summary>A folder that the image names and nobody mounts is lost with the container, or cannot be written.</summary>
    [Fact]
    public void Every_folder_that_the_image_writes_to_is_made_and_mounted_everywhere()
    {
        var image = File.ReadAllText(Repository.Path("Dockerfile"));
        string[] folders = [.. WrittenFolder().Matches(image).Select(match => match.Groups[1].Value).Where(folder => !folder.StartsWith("/models", StringComparison.Ordinal))];
        var made = MadeFolders().Match(image).Groups[1].Value.Split(' ');
        var composed = Compose()["x-server"]["volumes"] is IEnumerable<object> list ? list.Select(volume => $"{volume}".Split(':')[^1]).ToArray() : [];
        var mounted = KubernetesYaml.Deserialize<V1StatefulSet>(File.ReadAllText(Repository.Path("deploy/kubernetes/base/statefulset.yaml")))
            .Spec.Template.Spec.Containers[0].VolumeMounts.Select(mount => mount.MountPath).ToArray();
        Assert.NotEmpty(folders);
        foreach (var folder in folders)
        {
            Assert.Contains(made, IsAround);
            Assert.Contains(composed, IsAround);
            Assert.Contains(mounted, IsAround);

            bool IsAround(string place) => folder == place || folder.StartsWith($"{place}/", StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(true, true, true)]
    [InlineData(true, false, false)]
    public async Task The_probe_of_containers_finds_a_server_ready_with_keys_and_without(bool hasKeys, bool hasFile, bool isReady)
    {
        Assert.SkipUnless(IsThere("curl"), "curl is not here.");
        var keys = new Keys();
        var (key, file) = (keys.Add("probe", ("Rights", "None")), Path.GetTempFileName());
        if (hasKeys && hasFile) await File.WriteAllTextAsync(file, $"{key}\n", TestContext.Current.CancellationToken);
        else File.Delete(file);
        await using var server = await RunningServer.StartAsync(hasKeys ? keys.Options : []);
        var (code, _, _) = await Clips.RunAsync("env", $"PROBE_URL={new Uri(server.Address, "/health/ready")}", $"PROBE_KEY_FILE={file}", "sh", Repository.Path("deploy/ready.sh"));
        File.Delete(file);
        Assert.Equal(isReady, code == 0);
    }

    [Fact]
    public void Compose_names_no_volume_and_no_file_that_is_not_there()
    {
        var compose = Compose();
        var volumes = compose["volumes"].Keys;
        foreach (var service in compose["services"].Values.Cast<Dictionary<object, object>>().Append(compose["x-server"]))
        {
            if (!service.TryGetValue("volumes", out var mounts)) continue;
            foreach (var source in ((IEnumerable<object>)mounts).Select(mount => $"{mount}".Split(':')[0]))
                if (source.StartsWith("./", StringComparison.Ordinal)) Assert.True(Path.Exists(Repository.Path(source)), source);
                else if (!source.StartsWith("${", StringComparison.Ordinal)) Assert.Contains(source, volumes);
        }
        Assert.Contains("monitoring", ((IEnumerable<object>)((Dictionary<object, object>)compose["services"]["prometheus"])["profiles"]).Select(profile => $"{profile}"));
    }

    [Fact]
    public async Task Nginx_takes_the_proxys_configuration()
    {
        Assert.SkipUnless(IsThere("nginx"), "nginx is not here.");
        var folder = Directory.CreateTempSubdirectory("lvn");
        try
        {
            var configuration = File.ReadAllText(Repository.Path("deploy/proxy/nginx.conf"));
            Assert.Contains("proxy_buffering off;", configuration, StringComparison.Ordinal);
            var file = Path.Combine(folder.FullName, "nginx.conf");
            File.WriteAllText(file, configuration.Replace("/etc/nginx/tls", folder.FullName, StringComparison.Ordinal));
            Certificates.WriteTo(folder.FullName);
            var (code, _, errors) = await Clips.RunAsync("nginx", "-t", "-c", file, "-g", $"pid {folder.FullName}/pid; error_log stderr;");
            Assert.True(code == 0, errors);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    internal static bool IsThere(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)));

    private static Dictionary<string, Dictionary<object, object>> Compose() =>
        new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build()
            .Deserialize<Dictionary<string, Dictionary<object, object>>>(new YamlDotNet.Core.MergingParser(new YamlDotNet.Core.Parser(File.OpenText(Repository.Path("docker-compose.yml")))));

    [GeneratedRegex(@"LLAMAVID__([A-Za-z]+__[A-Za-z]+)")]
    private static partial Regex OptionInEnvironment();

    [GeneratedRegex(@"LLAMAVID__[A-Za-z]+__[A-Za-z]*(?:Path|Directory)=(/\S+)")]
    private static partial Regex WrittenFolder();

    [GeneratedRegex(@"install -d -o \$APP_UID ([^\n]+)")]
    private static partial Regex MadeFolders();
}
