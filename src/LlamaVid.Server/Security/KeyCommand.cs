using System.ComponentModel.DataAnnotations;
using LlamaVid.Server.Composition;

namespace LlamaVid.Server.Security;

/// <summary>LlamaVid.Server key NAME: makes a key, shows it once, and writes what the server is to know of it.</summary>
internal static class KeyCommand
{
    /// <exception cref="StartupException">the name cannot be one</exception>
    public static void Run(string[] args, TextWriter output, TextWriter notes)
    {
        if (args is not [var name]) throw new StartupException("Write LlamaVid.Server key NAME, with a name for the key's bearer.");
        var (key, options) = (ApiKey.New(), new KeyOptions { Name = name });
        options.Sha256 = Convert.ToHexStringLower(ApiKey.HashOf(key));
        var broken = new List<ValidationResult>();
        Validator.TryValidateObject(options, new(options), broken, validateAllProperties: true);
        if (broken.Select(result => result.ErrorMessage).Concat(KeyOptions.Faults([options])).FirstOrDefault() is { } fault)
            throw new StartupException($"'{name}' cannot name a key: the name {fault}.");

        notes.WriteLine($"The key of '{name}', which is shown this once:");
        output.WriteLine(key);
        notes.WriteLine(
            $$"""

            What the server is to know of it, in the file that Security:KeysFile names:
              {"Keys": [{"Name": "{{name}}", "Sha256": "{{options.Sha256}}", "Rights": "Generate, Files"}]}
            or by environment:
              LLAMAVID__Security__Keys__0__Name={{name}}
              LLAMAVID__Security__Keys__0__Sha256={{options.Sha256}}
            """);
    }
}
