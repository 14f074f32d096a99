"""The memory that a preparation takes, compared with the memory that its plan declares: never more. Twelve kinds of files of 100 megapixels
are prepared in the default size, and pictures of noise, which cannot be compressed, in their own size. Files that are decoded in strips,
and become noise when they are reduced, also have to take most of what is declared.

The memory of a process is the peak of its resident memory, minus the peak of a run of the same kind of file with 64 by 64 pixels: code,
libraries and the tables of codecs. That is the median of five runs, because some take 2 MiB less, as no run of a large file
did. The memory that the plan of this small image declares is added again.

    GESSO=path/to/gesso check_memory.py [FOLDER]     FOLDER keeps the images for the next time
"""
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

SIDE, NOISE_SIDE, SMALL = 10_000, 4_000, 64
# The side of a block of `blocks`, and the side to which these pictures are reduced: each block becomes one pixel.
BLOCK = 4
BLOCKS = SIDE // BLOCK
# The least share of its declaration that a kind of file that is decoded in strips takes for content that is hard to encode. Between 84
# and 98 % were measured: no colors of RGB were found that make as much noise in three planes of a JPEG as each plane can have, and a PNG of
# these takes 86 % of its samples.
LEAST = 0.8


def photograph(side):
    """RGB with about the noise of a photograph."""
    import numpy
    generator = numpy.random.default_rng(1)
    ramp = numpy.linspace(20, 220, side, dtype=numpy.float32)
    rows = (ramp[:, None, None] + ramp[None, :, None]) / 2 + numpy.arange(3, dtype=numpy.float32) * 9
    for first in range(0, side, 1000):
        part = rows[first:first + 1000]
        part += generator.normal(0, 5, part.shape).astype(numpy.float32)
    return numpy.clip(rows, 0, 255).astype(numpy.uint8)


def noise(side, channels):
    """Random samples, which a PNG cannot compress; of gray 0 and 255 alone, for which a JPEG needs the most bytes."""
    import numpy
    levels = 2 if channels == 1 else 256
    samples = numpy.random.default_rng(2).integers(0, levels, (side, side, channels), dtype=numpy.uint8)
    return samples * numpy.uint8(255 // (levels - 1))


def blocks(side, encodes_planes):
    """Blocks that become noise when the picture is reduced: colors for which a JPEG needs the most bytes that were found. For a JPEG whose
    planes are encoded as they are, each plane of its own; otherwise black, white, and corners of the RGB cube in blocks of 2 by 2."""
    import numpy
    generator, count = numpy.random.default_rng(3), -(-side // BLOCK)
    def noise(size, channels):
        values = generator.integers(0, 2, (size, size, channels), dtype=numpy.uint8) * numpy.uint8(255)
        return enlarged(values, -(-count // size))[:count, :count]
    def enlarged(rows, factor): return rows.repeat(factor, axis=0).repeat(factor, axis=1)
    half = -(-count // 2)
    if encodes_planes:
        rows = numpy.concatenate([noise(count, 1), noise(half, 2)], axis=2)
    else:
        colors = noise(half, 3)
        gray = numpy.where(colors.sum(axis=2, keepdims=True, dtype=int) > 382, 0, 255)
        rows = numpy.where(generator.integers(0, 2, (count, count, 1)) > 0, colors, gray).astype(numpy.uint8)
    return enlarged(rows, BLOCK)[:side, :side]


def planes(path, rows):
    """A JPEG of Y, Cb and Cr."""
    from PIL import Image
    Image.merge("YCbCr", [Image.fromarray(rows[:, :, k]) for k in range(3)]).save(path, quality=92)


def image(rows):
    from PIL import Image
    Image.MAX_IMAGE_PIXELS = None
    return Image.fromarray(rows[:, :, 0] if rows.shape[2] == 1 else rows)


def save(path, rows, **options): image(rows).save(path, **options)


def words(path, rows):
    """A PNG of 16 bits, which Pillow does not write as RGB: rows without a filter."""
    height, width, channels = rows.shape
    def chunk(name, data): return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    compressor, data = zlib.compressobj(1), []
    for row in rows: data.append(compressor.compress(b"\0" + (row.astype("uint16") * 257).astype(">u2").tobytes()))
    data.append(compressor.flush())
    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"".join(data)) + chunk(b"IEND", b""))


def psd(path, rows):
    """A PSD of uncompressed channels (Adobe Photoshop File Formats Specification)."""
    height, width, channels = rows.shape
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, channels, height, width, 8, 3)
    path.write_bytes(header + bytes(12) + b"\0\0" + rows.transpose(2, 0, 1).tobytes())


# Name, suffix, and the function that writes it.
KINDS = [
    ("baseline JPEG", "jpg", lambda path, rows: save(path, rows, quality=92)),
    ("progressive JPEG", "jpg", lambda path, rows: save(path, rows, quality=80, progressive=True)),
    ("PNG", "png", lambda path, rows: save(path, rows, compress_level=1)),
    ("PNG of 16 bits", "png", words),
    ("BMP", "bmp", save),
    ("TGA", "tga", save),
    ("TGA of run lengths", "tga", lambda path, rows: save(path, rows, compression="tga_rle")),
    ("PSD", "psd", psd),
    ("GIF", "gif", lambda path, rows: save(path, rows[:, :, :1])),
    ("TIFF", "tif", save),
    ("TIFF of LZW", "tif", lambda path, rows: save(path, rows, compression="tiff_lzw")),
    ("WebP", "webp", lambda path, rows: save(path, rows, quality=80, method=0)),
]
STREAMED = [(f"{name} of blocks", suffix, planes if name == "baseline JPEG" else write) for name, suffix, write in KINDS
            if name in ("baseline JPEG", "PNG", "BMP", "TGA", "PSD", "TIFF")]
NOISES = [
    ("noise, gray", "png", 1, lambda path, rows: save(path, rows, compress_level=1)),
    ("noise, RGB", "png", 3, lambda path, rows: save(path, rows, compress_level=1)),
    ("noise, RGBA", "png", 4, lambda path, rows: save(path, rows, compress_level=1)),
    ("noise, RGBA of 16 bits", "png", 4, words),
    ("noise, JPEG", "jpg", 3, lambda path, rows: save(path, rows, quality=100, subsampling=0)),
]
OUTPUTS = [("jpg", ""), ("png", ""), ("jpg", "--tensor {tensor}")]
PAD = "--size 4100x4100 --fit pad".split()
NOISE_OUTPUTS = [
    ("jpg", "--quality 100"), ("jpg", "--quality 92 --subsampling 444"), ("jpg", "--max-bytes 2MB"), ("png", ""),
    ("png", "--max-bytes 20MB"), ("webp", "--max-bytes 2MB"), ("jpg", "--max-bytes 2MB --tensor {tensor}"),
    ("png", "--compression fast"), ("png", "--compression small"), ("png", "--bits 16"), ("png", " ".join(PAD)), ("webp", ""), ("webp", "--quality 100"),
    ("webp", "--compression small"), ("jpg", "--tensor {tensor}"),
]


def peak(arguments):
    """The peak of the resident memory of gesso in bytes."""
    process = subprocess.Popen([os.environ["GESSO"], *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0: raise SystemExit(f"error: gesso {arguments}: {text}")
    return usage.ru_maxrss * 1024


def declared(arguments):
    plan = subprocess.run([os.environ["GESSO"], *map(str, arguments), "--explain"], capture_output=True, check=True).stdout
    return json.loads(plan)["plan"]["bufferBytes"]


def path(folder, name, side, suffix): return folder / f"{name.replace(' ', '-').replace(',', '')}-{side}.{suffix}"


def make(folder):
    """Writes the images that are not there yet."""
    for side in (SMALL, SIDE):
        missing = [(path(folder, name, side, suffix), write) for name, suffix, write in KINDS]
        missing = [(file, write) for file, write in missing if not file.exists()]
        rows = photograph(side) if missing else None
        for file, write in missing: write(file, rows)
        for name, suffix, write in STREAMED:
            file = path(folder, name, side, suffix)
            if not file.exists(): write(file, blocks(side, write == planes))
    for name, suffix, channels, write in NOISES:
        for side in (SMALL, NOISE_SIDE):
            file = path(folder, name, side, suffix)
            if not file.exists(): write(file, noise(side, channels))


def main():
    failed = passed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        folder.mkdir(exist_ok=True, parents=True)
        # By another process, because a new process inherits the peak of the process that started it: this one stays small.
        subprocess.run([sys.executable, __file__, "--make", folder], check=True)
        cases = [(name, suffix, SIDE, output) for name, suffix, _ in KINDS for output in OUTPUTS]
        # A picture of this size has more prediction modes than libwebp has room for, unless it is given a limit.
        cases.append(("baseline JPEG", "jpg", SIDE, ("webp", f"--max-side {SIDE}")))
        cases += [(name, suffix, NOISE_SIDE, (end, f"--max-side {NOISE_SIDE} {flags}" if "--size" not in flags else flags))
                  for name, suffix, _, _ in NOISES for end, flags in NOISE_OUTPUTS]
        # The planes of the JPEG have colors that RGB, and so a PNG, cannot hold.
        cases += [(name, suffix, SIDE, (end, f"--max-side {BLOCKS} {flags}")) for name, suffix, write in STREAMED for end, flags in OUTPUTS
                  if not (write == planes and end == "png")]
        for name, suffix, side, (end, flags) in cases:
            def command(side):
                flag = flags.format(tensor=Path(scratch) / "a.npy").split()
                if side == SMALL: flag = [word for word in flag if word not in PAD]
                return ["prepare", path(folder, name, side, suffix), "-o", Path(scratch) / f"a.{end}", "-q", "--max-memory", "16384", *flag]
            plan, small = declared(command(side)), declared(command(SMALL))
            taken = peak(command(side)) - statistics.median(peak(command(SMALL)) for _ in range(5)) + small
            least = LEAST * plan if name.endswith("of blocks") else 0
            error = " ✗ error: more than declared" if taken > plan else " ✗ error: far less than declared" if taken < least else ""
            passed, failed = passed + (not error), failed + (error != "")
            print(f"{name} to {end} {flags.replace('{tensor}', 'a.npy')}: {taken >> 20} of {plan >> 20} MiB, {taken / plan:.0%}{error}",
                  flush=True)
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]: make(Path(sys.argv[2]))
    else: sys.exit(main())
