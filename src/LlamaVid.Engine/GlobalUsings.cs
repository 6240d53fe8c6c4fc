global using LlamaVid.Media;
global using LlamaVid.Model;
global using LlamaVid.Model.Text;
global using LlamaVid.Model.Vision;
