namespace LlamaVid.Model.Vision;

/// <summary>How a picture becomes square: the centre is cut out, or it is padded with the mean colour first.</summary>
public enum ImageFit { Crop, Pad }
