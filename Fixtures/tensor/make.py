"""Makes what the tensor tests expect, with numpy: small PNGs, and beside each format its tensor as numpy.save writes it.

    python3 make.py        writes *.png, *.npy and index.tsv beside itself

The expected values are computed in double precision and rounded once. What diffusers makes of the same pixels is computed
with the float32 arithmetic of its VaeImageProcessor (pil_to_numpy, normalize, numpy_to_pt), and by diffusers itself where
it is installed.
"""
import pathlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
random = np.random.default_rng(4)
SOURCES = {name: random.integers(0, 256, (9, 13, channels), np.uint8)
           for name, channels in (("gray", 1), ("color", 3), ("clear", 4))}
SOURCES["clear"][:3, :, 3] = 0
FORMATS = {  # name: layout, low, high, mean, std
    "planes": ("nchw", 0, 1, (0,), (1,)),
    "pixels": ("nhwc", 0, 1, (0,), (1,)),
    "signed": ("nchw", -1, 1, (0,), (1,)),
    "imagenet": ("nchw", 0, 1, *IMAGENET),
    "bytes": ("nhwc", 0, 255, (127.5,), (-3.7,)),
}


def opaque(pixels):
    """Red, green and blue on white, rounded to bytes."""
    pixels = pixels.astype(np.float64)
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:] / 255
        pixels = np.floor(pixels[..., :3] * alpha + 255 * (1 - alpha) + 0.5)
    return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels


def diffusers(pixels):
    image = np.array(pixels).astype(np.float32) / 255.0
    image = (2.0 * image - 1.0).transpose(2, 0, 1)[None]
    try:
        from diffusers.image_processor import VaeImageProcessor
    except ImportError:
        return image
    tensor = VaeImageProcessor(vae_scale_factor=1).preprocess(Image.fromarray(pixels)).numpy()
    assert np.abs(tensor - image).max() <= 1e-6
    return tensor


with open(HERE / "index.tsv", "w") as index:
    for source, pixels in SOURCES.items():
        Image.fromarray(pixels.squeeze()).save(HERE / f"{source}.png")
        for name, (layout, low, high, mean, std) in FORMATS.items():
            values = low + (high - low) * opaque(pixels) / 255
            tensor = ((values - np.array(mean)) / np.array(std)).astype(np.float32)[None]
            tensor = tensor.transpose(0, 3, 1, 2) if layout == "nchw" else tensor
            np.save(HERE / f"{source}-{name}.npy", np.ascontiguousarray(tensor))
            numbers = "\t".join(",".join(map(str, n)) for n in ((low, high), mean, std))
            index.write(f"{source}\t{name}\t{layout}\t{numbers}\n")
    np.save(HERE / "diffusers.npy", np.ascontiguousarray(diffusers(SOURCES["color"])))
