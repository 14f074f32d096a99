"""One peer doing one job, once for each line on standard input; answers with lines of JSON as Benchmarks/Measure does.

    worker.py PEER prepare SOURCE DESTINATION LONG-SIDE THREADS
    worker.py PEER pixels|tensor SOURCE LONG-SIDE      to samples in memory: 8 bits, or float32 planes of -1 to 1 as of diffusers
    worker.py PEER resize PIXELS WIDTH HEIGHT CHANNELS TO-WIDTH TO-HEIGHT DESTINATION [BITS]
    worker.py vips batch FOLDER-OUT FILE...          two processes, 1536, q92

A source with a profile is converted to sRGB by the peers that can (Pillow, vips-thumbnail).

PEER: vips-thumbnail, vips-full, vips-thumbnail-all (PNG filters on), vips-full-all, pillow (also Pillow-SIMD, by whose Python
runs this), pillow-draft (JPEGs decoded at a smaller scale), opencv (area), opencv-fir (OpenCV's codecs, fast_image_resize between them), fir, vips.
JPEG results are q92 4:2:0; PNG results level 6. With --once it works once and ends: a whole process.
"""
import json
import os
import sys
import time

once = "--once" in sys.argv
arguments = [a for a in sys.argv[1:] if a != "--once"]
peer, stage, *arguments = arguments


def limit_threads(count):
    for name in ("OMP_NUM_THREADS", "VIPS_CONCURRENCY", "RAYON_NUM_THREADS"):
        os.environ[name] = str(count)


def fitted(width, height, longest):
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def prepare(source, destination, longest, threads):
    longest, threads = int(longest), int(threads)
    limit_threads(threads)
    jpeg = destination.endswith(".jpg")

    if peer == "pillow":
        from PIL import Image, ImageOps
        Image.MAX_IMAGE_PIXELS = None
        to_srgb = srgb_conversion(source)

        def run():
            image = Image.open(source)
            image = to_srgb(image.resize(fitted(*image.size, longest), Image.LANCZOS))
            image = ImageOps.exif_transpose(image)
            image.save(destination, **(dict(quality=92, subsampling=2) if jpeg else dict(compress_level=6)))
    elif peer.startswith("vips"):
        import pyvips
        pyvips.cache_set_max(0)
        options = dict(Q=92, subsample_mode="on") if jpeg else dict(compression=6)
        if peer.endswith("-all"):  # libvips leaves the PNG filters off by default: 45 % larger files
            options["filter"] = "all"
        has_profile = pyvips.Image.new_from_file(source).get_typeof("icc-profile-data") != 0
        conversion = dict(export_profile="srgb") if has_profile else {}

        def run():
            if peer.startswith("vips-thumbnail"):
                image = pyvips.Image.thumbnail(source, longest, size="both", **conversion)
            else:
                image = pyvips.Image.new_from_file(source, access="sequential").autorot()
                scale = longest / max(image.width, image.height)
                if image.hasalpha():
                    image = image.premultiply().resize(scale, kernel="lanczos3", gap=0).unpremultiply().cast("uchar")
                else:
                    image = image.resize(scale, kernel="lanczos3", gap=0)
            image.write_to_file(destination, **options)
    elif peer in ("opencv", "opencv-fir"):
        import cv2
        import numpy as np
        cv2.setNumThreads(threads)
        options = [cv2.IMWRITE_JPEG_QUALITY, 92] if jpeg else [cv2.IMWRITE_PNG_COMPRESSION, 6]
        if peer == "opencv-fir":
            import cykooz_resizer as fir

        def run():
            image = cv2.imread(source, cv2.IMREAD_UNCHANGED)
            height, width, channels = image.shape
            size = fitted(width, height, longest)
            if peer == "opencv":
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            else:
                kind = fir.PixelType.U8x3 if channels == 3 else fir.PixelType.U8x4
                result = fir.ImageData(*size, kind)
                fir.Resizer().resize(
                    fir.ImageData(width, height, kind, image.tobytes()), result,
                    fir.ResizeOptions(resize_alg=fir.ResizeAlg.convolution(fir.FilterType.lanczos3), use_alpha=True))
                image = np.frombuffer(result.get_buffer(), np.uint8).reshape(size[1], size[0], channels)
            cv2.imwrite(destination, image, options)
    else:
        sys.exit(f"worker: {peer} prepares nothing")
    return lambda: (run(), os.path.getsize(destination))[1]


def srgb_conversion(source):
    """A function that converts an image of the source's profile to sRGB; without a profile one that returns it as it is."""
    from PIL import Image, ImageCms
    profile = Image.open(source).info.get("icc_profile")
    if not profile:
        return lambda image: image
    import io
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), Image.open(source).mode, "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION)
    return lambda image: ImageCms.applyTransform(image, transform)


def pixels(source, longest, is_tensor=False):
    longest = int(longest)
    limit_threads(1)
    import numpy as np

    def tensor(array):  # diffusers, VaeImageProcessor.preprocess: pil_to_numpy, numpy_to_pt, normalize
        array = np.asarray(array).astype(np.float32) / 255.0
        return 2.0 * np.ascontiguousarray(array[None].transpose(0, 3, 1, 2)) - 1.0
    finish = tensor if is_tensor else np.asarray

    if peer.startswith("pillow"):
        from PIL import Image
        Image.MAX_IMAGE_PIXELS = None

        def run():
            image = Image.open(source)
            size = fitted(*image.size, longest)
            if peer == "pillow-draft":
                image.draft("RGB", size)
            return finish(image.convert("RGB").resize(size, Image.LANCZOS))
    elif peer == "vips-thumbnail":
        import pyvips
        pyvips.cache_set_max(0)
        run = lambda: finish(pyvips.Image.thumbnail(source, longest, size="both").numpy())
    else:
        sys.exit(f"worker: {peer} makes no arrays")
    return lambda: run().nbytes


def tensor(source, longest):
    return pixels(source, longest, is_tensor=True)


def resize(path, width, height, channels, to_width, to_height, destination, bits="8"):
    width, height, channels, to_width, to_height = map(int, (width, height, channels, to_width, to_height))
    limit_threads(1)
    import numpy as np
    samples = np.uint16 if bits == "16" else np.uint8
    pixels = np.fromfile(path, samples).reshape(height, width, channels)

    if peer == "fir":
        import cykooz_resizer as fir
        kind = getattr(fir.PixelType, f"U{bits}" + (f"x{channels}" if channels > 1 else ""))
        source, result = fir.ImageData(width, height, kind, pixels.tobytes()), fir.ImageData(to_width, to_height, kind)
        resizer = fir.Resizer()
        options = fir.ResizeOptions(
            resize_alg=fir.ResizeAlg.convolution(fir.FilterType.lanczos3), use_alpha=channels == 4)

        def run():
            resizer.resize(source, result, options)
            return result
        array = lambda result: np.frombuffer(result.get_buffer(), samples)
    elif peer == "pillow":
        from PIL import Image
        source = Image.fromarray(pixels)
        run = lambda: source.resize((to_width, to_height), Image.LANCZOS)
        array = np.asarray
    elif peer == "vips":
        import pyvips
        pyvips.cache_set_max(0)
        data = pixels.tobytes()

        def run():
            image = pyvips.Image.new_from_memory(data, width, height, channels, "uchar").copy(interpretation="srgb")
            if channels == 4:
                image = image.premultiply()
            image = image.resize(to_width / width, vscale=to_height / height, kernel="lanczos3", gap=0)
            if channels == 4:
                image = image.unpremultiply().cast("uchar")
            return image.numpy()
        array = lambda result: result
    elif peer == "opencv":
        import cv2
        cv2.setNumThreads(1)
        run = lambda: cv2.resize(pixels, (to_width, to_height), interpolation=cv2.INTER_AREA)
        array = lambda result: result
    else:
        sys.exit(f"worker: {peer} resizes nothing")
    array(run()).tofile(destination)
    return lambda: (run(), to_width * to_height * channels)[1]


def prepare_one(job):
    import pyvips
    source, destination = job
    pyvips.Image.thumbnail(source, 1536, size="down").write_to_file(destination, Q=92, subsample_mode="on")


def batch(folder, *files):
    limit_threads(1)
    from multiprocessing import Pool

    def run():
        with Pool(2) as pool:
            pool.map(prepare_one, [(f, os.path.join(folder, os.path.basename(f))) for f in files], 1)
        return len(files)
    return run


if __name__ == "__main__":
    work = {"prepare": prepare, "pixels": pixels, "tensor": tensor, "resize": resize, "batch": batch}[stage](*arguments)
    work()
    if not once:
        print('{"ready":true}', flush=True)
        for _ in sys.stdin:
            wall, cpu = time.perf_counter(), time.process_time()
            size = work()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(json.dumps({"ms": wall * 1e3, "cpuMs": cpu * 1e3, "outputBytes": size}), flush=True)
