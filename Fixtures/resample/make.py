"""Makes the expected values of the resampling tests in float64, outside the package.

Needs numpy and Pillow. The weights follow the formulas of the papers (Mitchell and Netravali 1988; Turkowski 1990 for
Lanczos). Where Pillow has the filter, its own float resize (mode F) must agree to 0.01 of a level, or nothing is written.

    python3 make.py        writes inputs/*.u8, expected/*.f32 and index.json beside itself
"""
import json
import pathlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent


def cubic(x, b, c):
    x = np.abs(x)
    near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + (6 - 2 * b)) / 6
    far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + (8 * b + 24 * c)) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0))


# A sample on the border of two boxes belongs to the left one; the margin keeps that so whatever the rounding. (Pillow
# lets rounding decide, so such cases are not compared with it.)
TIE = 1e-9
FILTERS = {
    "box": (0.5, lambda x: ((x > TIE - 0.5) & (x <= TIE + 0.5)).astype(float), Image.Resampling.BOX),
    "triangle": (1, lambda x: np.maximum(0, 1 - np.abs(x)), Image.Resampling.BILINEAR),
    "catmull-rom": (2, lambda x: cubic(x, 0, 0.5), Image.Resampling.BICUBIC),
    "mitchell": (2, lambda x: cubic(x, 1 / 3, 1 / 3), None),
    "lanczos2": (2, lambda x: np.where(np.abs(x) < 2, np.sinc(x) * np.sinc(x / 2), 0), None),
    "lanczos3": (3, lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0), Image.Resampling.LANCZOS),
}


def matrix(size, out, name):
    """The out × size matrix of normalized weights."""
    scale = size / out
    if name == "nearest":
        m = np.zeros((out, size))
        m[np.arange(out), np.floor((np.arange(out) + 0.5) * scale).astype(int)] = 1
        return m
    width = max(scale, 1)
    centers = (np.arange(out) + 0.5) * scale
    m = FILTERS[name][1]((np.arange(size)[None] + 0.5 - centers[:, None]) / width)
    empty = m.sum(1) == 0
    m[empty, np.minimum(np.floor(centers[empty]).astype(int), size - 1)] = 1
    return m / m.sum(1, keepdims=True)


def has_tie(size, out):
    scale = size / out
    x = (np.arange(size)[None] + 0.5 - ((np.arange(out) + 0.5) * scale)[:, None]) / max(scale, 1)
    return bool((np.abs(np.abs(x) - 0.5) < TIE).any())


def resize(image, size, name):
    """image: H × W × C float64; size: (width, height). Alpha is premultiplied around the resize."""
    channels = image.shape[2]
    image = image.astype(np.float64)
    alpha = channels in (2, 4)
    if alpha:
        image = np.concatenate([image[..., :-1] * image[..., -1:] / 255, image[..., -1:]], 2)
    v = matrix(image.shape[0], size[1], name)
    h = matrix(image.shape[1], size[0], name)
    out = np.einsum("yi,ijc,xj->yxc", v, image, h, optimize=True)
    tied = name == "box" and (has_tie(image.shape[1], size[0]) or has_tie(image.shape[0], size[1]))
    if not alpha and not tied and name in FILTERS and FILTERS[name][2] is not None:
        for c in range(channels):
            theirs = np.asarray(Image.fromarray(image[..., c].astype(np.float32)).resize(size, FILTERS[name][2]))
            worst = np.abs(theirs - out[..., c]).max()
            assert worst < 0.01, f"{name} {image.shape} to {size}: Pillow differs by {worst}"
    if alpha:
        a = out[..., -1:]
        with np.errstate(all="ignore"):
            color = np.where(np.rint(a) > 0, out[..., :-1] * 255 / a, 0)
        out = np.concatenate([color, a], 2)
    return out


rng = np.random.default_rng(20261123)


def noise(w, h, c):
    return rng.integers(0, 256, (h, w, c), dtype=np.uint8)


def two_valued(w, h, c):
    return (rng.integers(0, 2, (h, w, c)) * 255).astype(np.uint8)


def ramp(w, h, c):
    y, x = np.mgrid[0:h, 0:w]
    return np.stack([(x * 255 // max(w - 1, 1) + y * 31 * (k + 1)) % 256 for k in range(c)], 2).astype(np.uint8)


def soft_alpha(w, h, c):
    image = noise(w, h, c)
    y, x = np.mgrid[0:h, 0:w]
    image[..., -1] = np.clip(160 * np.sin(x / 5) * np.cos(y / 7) + 90, 0, 255)
    return image


INPUTS = {
    "noise-gray": noise(97, 61, 1), "noise-rgb": noise(64, 49, 3), "two-rgb": two_valued(83, 70, 3),
    "ramp-rgb": ramp(120, 40, 3), "two-gray": two_valued(131, 128, 1), "two-small": two_valued(23, 19, 1), "alpha-rgba": soft_alpha(60, 45, 4),
    "alpha-gray": soft_alpha(51, 33, 2), "dot": noise(1, 1, 3), "row": noise(90, 1, 3), "column": noise(1, 90, 1),
}
SIZES = {
    "noise-gray": [(31, 20), (97, 30), (120, 15)], "noise-rgb": [(16, 12), (17, 13), (1, 1)],
    "two-rgb": [(21, 19), (41, 33), (5, 3)], "two-small": [(47, 37), (24, 20), (90, 9)],
    "ramp-rgb": [(33, 11), (120, 3)],
    "two-gray": [(8, 8), (40, 41), (1, 128)], "alpha-rgba": [(15, 11), (47, 35), (61, 46)],
    "alpha-gray": [(17, 11), (3, 2)], "dot": [(1, 1), (7, 5)], "row": [(17, 1), (20, 4)], "column": [(1, 13)],
}

(HERE / "inputs").mkdir(exist_ok=True)
(HERE / "expected").mkdir(exist_ok=True)
index = []
for name, image in INPUTS.items():
    (HERE / "inputs" / f"{name}.u8").write_bytes(image.tobytes())
    for size in SIZES[name]:
        for f in ["nearest", *FILTERS]:
            file = f"{name}-{f}-{size[0]}x{size[1]}.f32"
            (HERE / "expected" / file).write_bytes(resize(image, size, f).astype("<f4").tobytes())
            index.append({"input": name, "width": image.shape[1], "height": image.shape[0], "channels": image.shape[2],
                          "filter": f, "outputWidth": size[0], "outputHeight": size[1], "expected": file})
(HERE / "index.json").write_text(json.dumps(index, indent=0) + "\n")
print(len(index), "cases")
