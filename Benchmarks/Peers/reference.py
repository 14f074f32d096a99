"""Computes Lanczos3 in float64, and the distance of pictures from it. Reads a JSON list of jobs on standard input, and answers with a
list of results.

    {"job": "pixels", "source": FILE, "mode": "RGB", "crop": [W, H] or null, "destination": FILE}   raw 8-bit samples
    {"job": "raw", "pixels": FILE, "from": [W, H, C], "size": [W, H], "outputs": {NAME: RAW FILE}}
    {"job": "files", "source": FILE, "crop": [X, Y, W, H] or null, "mode": MODE, "outputs": {NAME: FILE}, "decoded": FILE or null}

A result maps each name to PSNR, SSIM, the largest difference, and for raw outputs the share of samples that differ from the rounded
reference. With "decoded" (another coding of the source), a "full RGB path" is compared too: that file is decoded to RGB, scaled in
float64 and rounded. The same path is also compared after JPEG q92 4:2:0.
"""
import io
import json
import sys

import numpy as np
from PIL import Image, ImageCms
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_matrix

Image.MAX_IMAGE_PIXELS = None


def lanczos(x, lobes=3.0):
    x = np.abs(x)
    return np.where(x < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)


def matrix(count_in, count_out, lobes=3.0):
    """Antialiased: the kernel widens by the scale; weights sum to one; edges are renormalized."""
    scale = count_in / count_out
    width = max(scale, 1.0)
    rows, columns, values = [], [], []
    for o in range(count_out):
        center = (o + 0.5) * scale
        taps = np.arange(max(int(np.floor(center - lobes * width)), 0), min(int(np.ceil(center + lobes * width)), count_in))
        weights = lanczos((taps + 0.5 - center) / width, lobes)
        rows += [o] * len(taps)
        columns += taps.tolist()
        values += (weights / weights.sum()).tolist()
    return csr_matrix((values, (rows, columns)), shape=(count_out, count_in))


def scaled(image, width, height, clip_alpha=True):
    """uint8 HxWxC (4 channels: straight alpha) at another size: float64, clipped to 0...255.

    If a negative lobe makes alpha larger than 1, the alpha of the result is 1, and color is divided by that. So the premultiplied
    color, which is visible after compositing, is that of the filter. `clip_alpha=False` divides by the unclipped alpha instead.
    """
    vertical, horizontal = matrix(image.shape[0], height), matrix(image.shape[1], width)
    resize = lambda plane: (horizontal @ (vertical @ plane).T).T
    out = np.empty((height, width, image.shape[2]))
    alpha = None
    if image.shape[2] == 4:
        alpha = image[..., 3] / 255.0
        out_alpha = resize(alpha)
        out[..., 3] = np.clip(out_alpha, 0, 1) * 255
        divisor = np.clip(out_alpha, 1e-6, 1 if clip_alpha else None)
    for c in range(min(image.shape[2], 3)):
        plane = image[..., c].astype(np.float64)
        if alpha is not None:
            plane = np.where(out_alpha > 1e-6, resize(plane * alpha) / divisor, 0)
        else:
            plane = resize(plane)
        out[..., c] = np.clip(plane, 0, 255)
    return out


def premultiplied(image):
    image = image.astype(np.float64)
    if image.shape[-1] == 4:
        image = np.concatenate([image[..., :3] * image[..., 3:] / 255, image[..., 3:]], -1)
    return image


def psnr(a, b):
    error = np.mean((a - b) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def ssim(a, b):
    """Wang et al. 2004 on Rec. 601 luma, Gaussian of sigma 1.5 in 11x11."""
    luma = np.array([0.299, 0.587, 0.114])
    x, y = (a[..., :3] @ luma, b[..., :3] @ luma) if a.shape[-1] >= 3 else (a[..., 0], b[..., 0])
    blur = lambda z: gaussian_filter(z, 1.5, truncate=3.5)
    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(np.mean((2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))))


def compared(out, reference, rim=4):
    """Compares premultiplied color, without the rim: some programs repeat the edge pixel, some renormalize the weights; both are right."""
    a, b = premultiplied(out)[rim:-rim, rim:-rim], premultiplied(reference)[rim:-rim, rim:-rim]
    return {"psnr": psnr(a, b), "ssim": ssim(a, b), "largest": float(np.abs(a - b).max())}


def loaded(path, mode):
    """The samples of a file; RGB16 are those of 16 bits, in units of 8-bit ones."""
    if mode == "RGB16":
        import cv2
        return cv2.imread(path, cv2.IMREAD_UNCHANGED)[..., ::-1] / 257
    return np.asarray(Image.open(path).convert(mode))


def source_samples(path, mode):
    """The samples of a file in sRGB. Little CMS converts them from the file's profile, at full size."""
    image = Image.open(path)
    profile = image.info.get("icc_profile")
    if not profile or mode != "RGB":
        return loaded(path, mode)
    return np.asarray(ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB", flags=ImageCms.Flags.BLACKPOINTCOMPENSATION))


def pixels(job):
    image = Image.open(job["source"]).convert(job["mode"])
    if job["crop"]:
        image = image.crop((0, 0, *job["crop"]))
    np.asarray(image).tofile(job["destination"])
    return {}


def raw(job):
    """If a negative lobe makes alpha larger than 1, color may be divided by 1 or by the unclipped alpha. Each output is compared with the
    definition that it is closer to. Color counts if alpha is at least 8, because it is hardly visible below that."""
    width, height, channels = job["from"]
    image = np.fromfile(job["pixels"], np.uint8).reshape(height, width, channels)
    references = [scaled(image, *job["size"], clip_alpha=clip) for clip in ((True, False) if channels == 4 else (True,))]
    result = {"perfect rounding": compared(np.rint(references[0]), references[0])}
    for name, path in job["outputs"].items():
        out = np.fromfile(path, np.uint8).reshape(references[0].shape)
        reference = max(references, key=lambda reference: compared(out, reference)["psnr"])
        rounded = np.rint(reference)
        off = np.abs(out - rounded)
        if channels == 4:
            off = np.concatenate([off[..., :3][rounded[..., 3] >= 8].ravel(), off[..., 3].ravel()])
        result[name] = compared(out, reference) | {"share": float(np.mean(off > 0)), "off": float(off.max())}
    return result


def files(job):
    image = source_samples(job["source"], job["mode"])
    if job["crop"]:
        x, y, w, h = job["crop"]
        image = image[y:y + h, x:x + w]
    references, result = {}, {}
    def judged(out):
        height, width, _ = out.shape
        if (width, height) not in references:
            references[width, height] = scaled(image, width, height)
        return compared(out, references[width, height])
    outs = {name: loaded(path, job["mode"]) for name, path in job["outputs"].items()}
    result = {name: judged(out) | {"size": [out.shape[1], out.shape[0]]} for name, out in outs.items()}
    if job["decoded"]:
        height, width, _ = next(iter(outs.values())).shape
        full = np.rint(scaled(loaded(job["decoded"], job["mode"]), width, height)).astype(np.uint8)
        result["full RGB path"] = judged(full)
        coded = io.BytesIO()
        Image.fromarray(full).save(coded, "JPEG", quality=92, subsampling=2)
        result["full RGB path, as JPEG"] = judged(loaded(coded, job["mode"]))
    return result


if __name__ == "__main__":
    json.dump([{"pixels": pixels, "raw": raw, "files": files}[job["job"]](job) for job in json.load(sys.stdin)], sys.stdout)
