#!/usr/bin/env python3
"""Makes the files of kinds other than JPEG and PNG, and their expected pixels.

    .build/venv-tests/bin/python Fixtures/kinds/make.py [KIND…]

Files come from Pillow, ImageMagick and netpbm, and from the plain byte writers below where none of them writes a variety. Expected
pixels are those of decoders that are not this package's: Pillow, ImageMagick 6 and netpbm. Where several read a file, they must agree
within a step; a line is printed where one does not, and the first of the row's judges counts.
"""
import io
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy
from PIL import Image

here = Path(__file__).resolve().parent
fixtures = here.parent
kinds = sys.argv[1:] or ["bmp", "tga", "gif", "psd", "webp", "tiff"]
picture = Image.open(fixtures / "png/small-rgb8.png").convert("RGB").resize((53, 31), Image.LANCZOS)
width, height = picture.size
rgb = numpy.asarray(picture)
columns, rows = numpy.meshgrid(numpy.arange(width), numpy.arange(height))
alpha = numpy.clip(255 * 1.4 - numpy.hypot(columns - 26, rows - 15) * 16, 0, 255).astype(numpy.uint8)
rgba = numpy.dstack([rgb, alpha])
indexed = picture.quantize(200, dither=Image.Dither.NONE)
indexed16 = picture.quantize(16, dither=Image.Dither.NONE)
black_white = picture.convert("1")


def magick(bytes_in, arguments, suffix):
    """What ImageMagick makes of a PNG."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.png", Path(folder) / ("out." + suffix)
        source.write_bytes(bytes_in)
        prefix = arguments[0] if arguments and arguments[0].endswith(":") else ""
        rest = arguments[1:] if prefix else arguments
        subprocess.run(["convert-im6.q16", str(source), *rest, prefix + str(output)], check=True)
        return output.read_bytes()


def pillow(image, kind, **options):
    output = io.BytesIO()
    image.save(output, kind, **options)
    return output.getvalue()


def png(image):
    return pillow(image, "PNG")


def netpbm(command, image):
    return subprocess.run(command, input=pillow(image, "PPM"), check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


# Judges: RGBA of 8 bits, or None where they do not read a file.

def by_pillow(path):
    try:
        with Image.open(path) as image:
            return numpy.asarray(image.convert("RGBA"))
    except Exception:
        return None


def by_magick(path):
    run = subprocess.run(["convert-im6.q16", f"{path}[0]", "-coalesce", "-auto-orient", "-depth", "8", "rgba:-"], stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    size = subprocess.run(["convert-im6.q16", f"{path}[0]", "-coalesce", "-auto-orient", "-format", "%w %h", "info:-"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.split()
    if run.returncode or len(size) != 2:
        return None
    return numpy.frombuffer(run.stdout, numpy.uint8).reshape(int(size[1]), int(size[0]), 4)


def by_netpbm(command):
    def read(path):
        run = subprocess.run([command, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if run.returncode:
            return None
        return numpy.asarray(Image.open(io.BytesIO(run.stdout)).convert("RGBA"))
    return read


judges = {"pillow": by_pillow, "magick": by_magick, "bmptopnm": by_netpbm("bmptopnm"), "tgatoppm": by_netpbm("tgatoppm")}


def write(name, data, counts, *others):
    """Writes a file, and what the judge `counts` makes of it, or the pixels it was written from; `others` must agree."""
    path = here / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    expected = counts if isinstance(counts, numpy.ndarray) else judges[counts](path)
    assert expected is not None, f"{counts} does not read {name}"
    counts = "the writer" if isinstance(counts, numpy.ndarray) else counts
    for other in others:
        found = judges[other](path)
        if found is None or found.shape != expected.shape:
            print(f"{name}: {other} does not read it as {counts} does")
            continue
        visible = expected[..., 3:] > 0
        difference = int((abs(found.astype(int) - expected.astype(int)) * (visible | numpy.array([[[0, 0, 0, 1]]], bool))).max())
        if difference > 1:
            print(f"{name}: {other} differs from {counts} by {difference}")
    Image.fromarray(numpy.ascontiguousarray(expected)).save(path.with_suffix(".png"), optimize=True)


# MARK: BMP (Microsoft, "Bitmap Header Types")

def bmp_rows(data, row_bytes, top_down=False):
    """Rows with padding, from the bottom up."""
    data = bytes(data)
    lines = [data[at:at + row_bytes] + bytes(-row_bytes % 4) for at in range(0, len(data), row_bytes)]
    return b"".join(lines if top_down else reversed(lines))


def bmp(pixels, bits, *, header=40, compression=0, palette=b"", masks=(), top_down=False, colors=0, space=0, profile=b""):
    if header == 12:
        dib = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        dib = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits, compression, len(pixels),
                          2835, 2835, colors, 0)
        if header >= 52:
            dib += struct.pack("<4I", *(tuple(masks) + (0,) * (4 - len(masks))))[:12 if header == 52 else 16]
        if header >= 108:
            dib += struct.pack("<I", space) + bytes(36) + bytes(12)
        if header == 124:
            start = header + len(palette) + len(pixels)
            dib += struct.pack("<IIII", 4, start if profile else 0, len(profile), 0)
        if header == 40 and masks:
            dib += struct.pack(f"<{len(masks)}I", *masks)
    assert len(dib) >= header
    offset = 14 + len(dib) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(pixels) + len(profile), 0, 0, offset) + dib + palette + pixels + profile


def bgr_palette(image, entry):
    values = numpy.array(image.getpalette()[:768], numpy.uint8).reshape(-1, 3)[:, ::-1]
    if entry == 4:
        values = numpy.hstack([values, numpy.zeros((len(values), 1), numpy.uint8)])
    return values.tobytes(), len(values)


def packed(indices, bits):
    """Indices as rows of bits, the first pixel in the highest."""
    lines = []
    for row in indices:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        lines.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    return b"".join(lines), len(lines[0])


def words(red, green, blue, opacity=0):
    """Pixels of 16 bits from masks (bits, shift) of each channel."""
    value = numpy.zeros((height, width), numpy.uint32)
    for channel, (bits, shift) in enumerate([red, green, blue] + ([opacity] if opacity else [])):
        value |= (rgba[..., channel].astype(numpy.uint32) * ((1 << bits) - 1) + 127) // 255 << shift
    return value


def run_lengths(indices, bits, tricks=False):
    """Run-length codes: runs where two pixels repeat, absolute stretches elsewhere; with `tricks` also a delta."""
    out = bytearray()
    lines = list(reversed(indices.tolist()))
    for number, row in enumerate(lines):
        x = 0
        if tricks and number == 4:
            out += bytes([0, 2, 11, 3])  # three rows up, eleven columns on
            continue
        if tricks and number in (5, 6):
            continue
        if tricks and number == 7:
            x = 11
        while x < len(row):
            run = 1
            while x + run < len(row) and run < 255 and row[x + run] == row[x]:
                run += 1
            if run > 2:
                out += bytes([run, row[x] if bits == 8 else row[x] * 17])
                x += run
                continue
            count = min(len(row) - x, 7)
            values = row[x:x + count]
            if count < 3:
                for value in values:
                    out += bytes([1, value if bits == 8 else value * 16])
            else:
                out += bytes([0, count])
                if bits == 8:
                    stored = bytes(values)
                else:
                    padded = values + [0] * (count % 2)
                    stored = bytes(a << 4 | b for a, b in zip(padded[::2], padded[1::2]))
                out += stored + bytes(len(stored) % 2)
            x += count
        out += b"\0\0"
    return bytes(out) + b"\0\1"


def make_bmp():
    indices, indices16 = numpy.asarray(indexed), numpy.asarray(indexed16)
    palette, count = bgr_palette(indexed, 4)
    palette16, count16 = bgr_palette(indexed16, 4)
    two_colors = struct.pack("<2I", 0x203040, 0xF0E0D0)
    write("bmp/gray8-pillow.bmp", pillow(picture.convert("L"), "BMP"), "pillow", "magick", "bmptopnm")
    write("bmp/bits1-pillow.bmp", pillow(black_white, "BMP"), "pillow", "magick", "bmptopnm")
    write("bmp/palette8-pillow.bmp", pillow(indexed, "BMP"), "pillow", "magick", "bmptopnm")
    write("bmp/rgb24-pillow.bmp", pillow(picture, "BMP"), "pillow", "magick", "bmptopnm")
    write("bmp/palette8-netpbm.bmp", netpbm(["ppmtobmp", "-windows"], indexed.convert("RGB")), "pillow", "magick", "bmptopnm")
    write("bmp/core-palette8-netpbm.bmp", netpbm(["ppmtobmp", "-os2"], indexed.convert("RGB")), "pillow", "magick", "bmptopnm")
    write("bmp/core-palette4.bmp", bmp(bmp_rows(*packed(indices16, 4)), 4, header=12, palette=bgr_palette(indexed16, 3)[0][:48]),
          "pillow", "magick", "bmptopnm")
    write("bmp/core-rgb24-magick.bmp", magick(png(picture), ["bmp2:"], "bmp"), "pillow", "magick", "bmptopnm")
    write("bmp/v5-rgba32-magick.bmp", magick(png(Image.fromarray(rgba)), [], "bmp"), "pillow", "magick")
    write("bmp/rle8-magick.bmp", magick(png(indexed), ["bmp3:", "-compress", "RLE"], "bmp"), "pillow", "magick", "bmptopnm")
    write("bmp/rgb565-magick.bmp", magick(png(picture), ["-type", "TrueColor", "-define", "bmp:subtype=RGB565"], "bmp"),
          "pillow", "magick", "bmptopnm")
    write("bmp/bits1.bmp", bmp(bmp_rows(*packed(numpy.asarray(black_white).astype(int), 1)), 1, palette=two_colors),
          "pillow", "magick", "bmptopnm")
    write("bmp/bits4.bmp", bmp(bmp_rows(*packed(indices16, 4)), 4, palette=palette16, colors=count16), "pillow", "magick", "bmptopnm")
    write("bmp/rle4.bmp", bmp(run_lengths(indices16, 4), 4, compression=2, palette=palette16, colors=count16),
          "pillow", "magick", "bmptopnm")
    write("bmp/rle8.bmp", bmp(run_lengths(indices, 8), 8, compression=1, palette=palette, colors=count), "pillow", "magick", "bmptopnm")
    write("bmp/rle8-gaps.bmp", bmp(run_lengths(indices, 8, tricks=True), 8, compression=1, palette=palette, colors=count),
          "pillow", "magick")
    write("bmp/rle4-gaps.bmp", bmp(run_lengths(indices16, 4, tricks=True), 4, compression=2, palette=palette16, colors=count16),
          "pillow", "magick")
    write("bmp/rgb24-top-down.bmp", bmp(bmp_rows(rgb[..., ::-1].tobytes(), width * 3, True), 24, top_down=True),
          "pillow", "magick", "bmptopnm")
    word = words((5, 10), (5, 5), (5, 0)).astype("<u2").tobytes()
    write("bmp/rgb555.bmp", bmp(bmp_rows(word, width * 2), 16), "pillow", "magick", "bmptopnm")
    word = words((5, 11), (6, 5), (5, 0)).astype("<u2").tobytes()
    write("bmp/rgb565.bmp", bmp(bmp_rows(word, width * 2), 16, compression=3, masks=(0xF800, 0x7E0, 0x1F)), "pillow", "magick", "bmptopnm")
    word = words((4, 8), (4, 4), (4, 0), (4, 12)).astype("<u2").tobytes()
    write("bmp/v4-argb4444.bmp", bmp(bmp_rows(word, width * 2), 16, header=108, compression=3, masks=(0xF00, 0xF0, 0xF, 0xF000)),
          ((rgba.astype(int) * 15 + 127) // 255 * 17).astype(numpy.uint8), "magick")
    unused = numpy.dstack([rgb[..., ::-1], alpha])
    write("bmp/rgb32-unused-byte.bmp", bmp(bmp_rows(unused.tobytes(), width * 4), 32), "pillow", "magick", "bmptopnm")
    write("bmp/info-argb32-alpha-masks.bmp", bmp(bmp_rows(unused.tobytes(), width * 4), 32, compression=6,
          masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)), rgba, "pillow", "magick")
    write("bmp/v3-rgba32.bmp", bmp(bmp_rows(numpy.dstack([alpha, rgb[..., ::-1]]).tobytes(), width * 4), 32, header=56, compression=3,
          masks=(0xFF000000, 0xFF0000, 0xFF00, 0xFF)), "magick", "pillow")
    profile = (fixtures / "icc/DisplayP3-v4.icc").read_bytes() if (fixtures / "icc/DisplayP3-v4.icc").exists() else b""
    write("bmp/v5-display-p3.bmp", bmp(bmp_rows(rgb[..., ::-1].tobytes(), width * 3), 24, header=124, space=0x4D424544,
          profile=profile), "pillow", "magick", "bmptopnm")


# MARK: TGA (Truevision TGA 2.0)

def tga(pixels, kind, bits, *, descriptor=0, palette=b"", entry_bits=0, first=0, name=b"", premultiplied=None):
    entries = len(palette) // ((entry_bits + 7) // 8) if palette else 0
    data = struct.pack("<BBBHHBHHHHBB", len(name), 1 if palette else 0, kind, first, entries, entry_bits, 0, 0, width, height, bits,
                       descriptor) + name + palette + pixels
    if premultiplied is not None:
        area = len(data)
        data += struct.pack("<H", 495) + bytes(492) + bytes([premultiplied]) + struct.pack("<II", area, 0) + b"TRUEVISION-XFILE.\0"
    return data


def packets(pixels, size, crossing=True):
    """Run-length packets of pixels of `size` bytes, which go on from row to row unless `crossing` is false."""
    out = bytearray()
    count = len(pixels) // size
    at = 0
    pixel = lambda index: pixels[index * size:(index + 1) * size]
    while at < count:
        end = min(count, at + 128) if crossing else min(count, at + 128, (at // width + 1) * width)
        run = 1
        while at + run < end and pixel(at + run) == pixel(at):
            run += 1
        if run > 1:
            out += bytes([127 + run]) + pixel(at)
            at += run
            continue
        stop = at + 1
        while stop < end and (stop + 1 >= end or pixel(stop) != pixel(stop + 1)):
            stop += 1
        out += bytes([stop - at - 1]) + pixels[at * size:stop * size]
        at = stop
    return bytes(out)


def make_tga():
    gray = picture.convert("L")
    for name, image in [("gray8", gray), ("palette8", indexed), ("rgb24", picture), ("rgba32", Image.fromarray(rgba)),
                        ("gray-alpha16", Image.merge("LA", [gray, Image.fromarray(alpha)]))]:
        for compression in (None, "tga_rle"):
            suffix = "-rle" if compression else ""
            write(f"tga/{name}{suffix}-pillow.tga", pillow(image, "TGA", compression=compression), "pillow", "magick")
    # ImageMagick 6.9.11 declares rows from the bottom up and stores them from the top down, so that every reader shows them turned over.
    write("tga/rgb24-magick.tga", magick(png(picture), [], "tga"), "pillow", "magick", "tgatoppm")
    write("tga/rgba32-rle-magick.tga", magick(png(Image.fromarray(rgba)), ["-compress", "RLE"], "tga"), "pillow", "magick")
    write("tga/rgb24-rle-netpbm.tga", netpbm(["ppmtotga", "-rgb"], picture), "pillow", "magick", "tgatoppm")
    write("tga/palette8-netpbm.tga", netpbm(["ppmtotga", "-cmap"], indexed.convert("RGB")), "pillow", "magick", "tgatoppm")
    bgr = rgb[..., ::-1]
    bgra = numpy.dstack([bgr, alpha])
    for corner, descriptor in [("bottom-left", 0), ("bottom-right", 16), ("top-left", 32), ("top-right", 48)]:
        stored = bgr if descriptor & 32 else bgr[::-1]
        stored = stored[:, ::-1] if descriptor & 16 else stored
        write(f"tga/{corner}.tga", tga(stored.tobytes(), 2, 24, descriptor=descriptor, name=b"Fixture"), "pillow", "magick")
    write("tga/rle-across-rows.tga", tga(packets((bgr // 64 * 64).tobytes(), 3), 10, 24, descriptor=32), "tgatoppm", "pillow", "magick")
    write("tga/attribute-bits-0.tga", tga(bgra.tobytes(), 2, 32, descriptor=32), "tgatoppm")
    word = words((5, 10), (5, 5), (5, 0)).astype("<u2").tobytes()
    write("tga/rgb15.tga", tga(word, 2, 15, descriptor=32), "tgatoppm", "magick")
    write("tga/rgb16.tga", tga(word, 2, 16, descriptor=32), "tgatoppm")
    word = (words((5, 10), (5, 5), (5, 0)) | (alpha >= 128).astype(numpy.uint32) << 15).astype("<u2").tobytes()
    write("tga/rgba5551.tga", tga(word, 2, 16, descriptor=33), "magick", "pillow")
    palette = numpy.array(indexed.getpalette()[:600], numpy.uint8).reshape(-1, 3)[:, ::-1]
    write("tga/palette8-from-40.tga", tga((numpy.asarray(indexed) + 40).tobytes(), 1, 8, descriptor=32, palette=palette.tobytes(),
          entry_bits=24, first=40), "tgatoppm", "pillow", "magick")
    values = palette.astype(int)
    short = ((values[:, 2] >> 3) << 10 | (values[:, 1] >> 3) << 5 | values[:, 0] >> 3).astype("<u2").tobytes()
    write("tga/palette8-of-15-bits.tga", tga(numpy.asarray(indexed).tobytes(), 1, 8, descriptor=33, palette=short, entry_bits=15), "magick")
    write("tga/palette8-of-16-bits.tga", tga(numpy.asarray(indexed).tobytes(), 1, 8, descriptor=32, palette=short, entry_bits=16),
          "tgatoppm", "pillow", "magick")


# MARK: GIF (GIF89a)

def gif_extension(label, *blocks):
    return b"\x21" + bytes([label]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def make_gif():
    shown = numpy.asarray(alpha) > 100
    write("gif/palette-pillow.gif", pillow(indexed, "GIF", interlace=0), "pillow", "magick")
    write("gif/interlaced-pillow.gif", pillow(indexed, "GIF", interlace=1), "pillow", "magick")
    write("gif/bits1-pillow.gif", pillow(black_white, "GIF", interlace=0), "pillow", "magick")
    write("gif/colors16-magick.gif", magick(png(indexed16.convert("RGB")), ["-interlace", "none"], "gif"), "pillow", "magick")
    write("gif/interlaced-magick.gif", magick(png(indexed16.convert("RGB")), ["-interlace", "GIF"], "gif"), "pillow", "magick")
    cut = Image.fromarray(numpy.dstack([rgb, shown.astype(numpy.uint8) * 255]))
    write("gif/transparent-magick.gif", magick(png(cut), ["-colors", "60"], "gif"), "pillow", "magick")
    write("gif/transparent-interlaced-pillow.gif", pillow(cut, "GIF"), "pillow", "magick")
    small = picture.resize((31, 19))
    # Around the frame Pillow and ImageMagick show the background color and libvips shows black; browsers show what is behind.
    on_screen = magick(png(small), ["-page", "53x31+11+7"], "gif")
    (here / "gif/frame-on-larger-screen-magick.gif").write_bytes(on_screen)
    expected = numpy.zeros((height, width, 4), numpy.uint8)
    expected[7:26, 11:42] = by_pillow(here / "gif/frame-on-larger-screen-magick.gif")[7:26, 11:42]
    write("gif/frame-on-larger-screen-magick.gif", on_screen, expected)
    write("gif/animated-pillow.gif", pillow(indexed, "GIF", save_all=True, duration=80, loop=0,
          append_images=[indexed.transpose(Image.Transpose.FLIP_LEFT_RIGHT), indexed16]), "pillow", "magick")
    write("gif/animated-magick.gif", magick(png(indexed), ["(", "+clone", "-flop", ")"], "gif"), "pillow", "magick")
    plain = pillow(indexed16, "GIF", interlace=0)
    table = 3 << (plain[10] & 7) + 1
    head, colors, rest = plain[:13], plain[13:13 + table], plain[13 + table:]
    image = rest.index(b"\x2c")
    local = bytes([plain[10] & 0x7F])
    # The table of the screen becomes that of the frame.
    write("gif/local-palette.gif", head[:10] + local + head[11:] + rest[:image] + rest[image:image + 9]
          + bytes([0x80 | plain[10] & 7]) + colors + rest[image + 10:], "pillow", "magick")
    profile = (fixtures / "icc/DisplayP3-v4.icc").read_bytes()
    parts = [profile[at:at + 255] for at in range(0, len(profile), 255)]
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    trailer = bytes([1]) + bytes(range(255, -1, -1))
    write("gif/extensions.gif", b"GIF89a" + head[6:] + colors + gif_extension(0xFE, b"a comment")
          + gif_extension(0xFF, b"ICCRGBG1012", *parts) + b"\x21\xff\x0bXMP DataXMP" + xmp + trailer + b"\0" + rest, "pillow", "magick")


# MARK: PSD (Adobe Photoshop File Formats Specification)

def pack_bits(row):
    out = bytearray()
    at = 0
    while at < len(row):
        run = 1
        while at + run < len(row) and run < 128 and row[at + run] == row[at]:
            run += 1
        if run > 1:
            out += bytes([257 - run, row[at]])
            at += run
            continue
        stop = at + 1
        while stop < len(row) and stop - at < 128 and (stop + 1 >= len(row) or row[stop] != row[stop + 1]):
            stop += 1
        out += bytes([stop - at - 1]) + row[at:stop]
        at = stop
    return bytes(out)


def resource(number, data):
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2)


def psd(planes, mode, depth=8, *, large=False, packed=False, resources=b"", colors=b"", transparent=False):
    """A file of `planes`, each an array of one channel; with `transparent`, an empty layer whose number is negative."""
    length = ">Q" if large else ">I"
    data = b"8BPS" + struct.pack(">H6xHIIHH", 2 if large else 1, len(planes), height, width, depth, mode)
    data += struct.pack(">I", len(colors)) + colors + struct.pack(">I", len(resources)) + resources
    if transparent:
        layer = struct.pack(">hiiiiH", -1, 0, 0, 0, 0, 0) + b"8BIMnorm" + bytes([255, 0, 0, 0]) + struct.pack(">I", 0)
        layer += bytes(len(layer) % 2)
        section = struct.pack(length, len(layer)) + layer + struct.pack(">I", 0)
        data += struct.pack(length, len(section)) + section
    else:
        data += struct.pack(length, 0)
    lines = [plane[y].astype(">u2" if depth == 16 else "u1").tobytes() for plane in planes for y in range(height)]
    if not packed:
        return data + b"\0\0" + b"".join(lines)
    lines = [pack_bits(line) for line in lines]
    return data + b"\0\1" + b"".join(struct.pack(">I" if large else ">H", len(line)) for line in lines) + b"".join(lines)


def channels(array):
    return [array[..., channel] for channel in range(array.shape[2])]


def make_psd():
    gray = picture.convert("L")
    write("psd/rgb8-magick.psd", magick(png(picture), [], "psd"), "pillow", "magick")
    write("psd/rgb8-raw-magick.psd", magick(png(picture), ["-compress", "None"], "psd"), "pillow", "magick")
    write("psd/gray8-magick.psd", magick(png(gray), ["-colorspace", "Gray"], "psd"), "pillow", "magick")
    # ImageMagick writes colors that are not blended, and reads them as if they were.
    write("psd/rgba8-magick.psd", magick(png(Image.fromarray(rgba)), [], "psd"), "pillow")
    write("psd/rgb8.psd", psd(channels(rgb), 3), "pillow", "magick")
    write("psd/rgb8-packed.psd", psd(channels(rgb), 3, packed=True), "pillow", "magick")
    write("psd/rgb8-large.psb", psd(channels(rgb), 3, packed=True, large=True), "magick")
    write("psd/gray8-packed.psd", psd([numpy.asarray(gray)], 1, packed=True), "pillow", "magick")
    deep = rgb.astype(numpy.uint16) * 257
    write("psd/rgb16.psd", psd(channels(deep), 3, 16), "magick")
    write("psd/rgb16-packed.psd", psd(channels(deep), 3, 16, packed=True), "magick")
    write("psd/rgb16-magick.psd", magick(png(picture), ["-depth", "16"], "psd"), "magick")
    write("psd/gray16-large.psb", psd([numpy.asarray(gray).astype(numpy.uint16) * 257], 1, 16, large=True), "magick")
    name = "Adobe Photoshop"
    photoshop = struct.pack(">IBI", 1, 1, len(name)) + name.encode("utf-16-be") + struct.pack(">I", 0) + struct.pack(">I", 1)
    white = 255 - (255 - rgb.astype(int)) * alpha[..., None] / 255
    blended = numpy.dstack([numpy.rint(white).astype(numpy.uint8), alpha])
    write("psd/rgba8-blended.psd", psd(channels(blended), 3, packed=True, transparent=True,
          resources=resource(1057, photoshop)), "magick")
    write("psd/rgb8-selection.psd", psd(channels(rgba), 3), numpy.dstack([rgb, alpha * 0 + 255]))
    table = numpy.zeros((256, 3), numpy.uint8)
    values = numpy.array(indexed.getpalette()[:768], numpy.uint8).reshape(-1, 3)
    table[:len(values)] = values
    write("psd/indexed.psd", psd([numpy.asarray(indexed)], 2, colors=table.T.tobytes()), "pillow", "magick")
    profile = (fixtures / "icc/DisplayP3-v4.icc").read_bytes()
    exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    write("psd/resources.psd", psd(channels(rgb), 3, packed=True, resources=resource(1005, bytes(16)) + resource(1039, profile)
          + resource(1058, exif)), numpy.rot90(numpy.dstack([rgb, alpha * 0 + 255]), -1))


# MARK: WebP (RFC 9649)

def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def chunks(data):
    at, found = 12, []
    while at + 8 <= len(data):
        length = struct.unpack_from("<I", data, at + 4)[0]
        found.append((data[at:at + 4], data[at + 8:at + 8 + length]))
        at += 8 + length + length % 2
    return found


def riff(*parts):
    content = b"WEBP" + b"".join(chunk(*part) for part in parts)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def side(value):
    return (value - 1).to_bytes(3, "little")


def make_webp():
    with_alpha = Image.fromarray(rgba)
    profile = (fixtures / "icc/DisplayP3-v4.icc").read_bytes()
    exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    for name, image, options in [("lossy-q30", picture, dict(quality=30)), ("lossy-q95", picture, dict(quality=95, method=6)),
                                 ("lossy-alpha", with_alpha, dict(quality=80)), ("lossless", picture, dict(lossless=True)),
                                 ("lossless-alpha", with_alpha, dict(lossless=True, exact=True)),
                                 ("lossless-palette", indexed16.convert("RGB"), dict(lossless=True))]:
        write(f"webp/{name}-pillow.webp", pillow(image, "WEBP", **options), "pillow", "magick")
    write("webp/lossy-magick.webp", magick(png(picture), ["-quality", "60"], "webp"), "pillow", "magick")
    write("webp/lossless-alpha-magick.webp", magick(png(with_alpha), ["-define", "webp:lossless=true"], "webp"), "pillow", "magick")
    odd = picture.crop((0, 0, 1, 1))
    write("webp/1x1-pillow.webp", pillow(odd, "WEBP", quality=80), "pillow", "magick")
    turned = pillow(picture, "WEBP", quality=90, icc_profile=profile, exif=exif)
    write("webp/profile-orientation6-pillow.webp", turned, numpy.rot90(by_pillow(io.BytesIO(turned)), -1))
    write("webp/animated-pillow.webp", pillow(picture, "WEBP", save_all=True, duration=80, quality=80,
          append_images=[picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]), "pillow")
    small = chunks(pillow(picture.resize((31, 19)), "WEBP", quality=80))
    frame = side(1 + 10 // 2) + side(1 + 6 // 2) + side(31) + side(19) + (100).to_bytes(3, "little") + b"\2" + chunk(*small[0])
    moved = riff((b"VP8X", b"\x12\0\0\0" + side(width) + side(height)), (b"ANIM", bytes(6)), (b"ANMF", frame))
    write("webp/frame-on-larger-canvas.webp", moved, "pillow")


# MARK: TIFF (TIFF 6.0; BigTIFF)

def tiff(samples, photometric, bits=8, *, planar=1, tile=None, strip=None, compression=1, order="<", big=False, real=False,
         extra=None, more=(), jpeg=None):
    """A file whose directory comes first. `samples` has rows, columns and samples; `extra` types of the last of them. `jpeg` is the only
    strip where it is given."""
    lines, across, count = samples.shape
    kind = f"{order}f4" if real else f"{order}u{max(1, bits // 8)}"
    strip = strip or lines
    blocks = []
    for part in ([samples] if planar == 1 else [samples[..., index:index + 1] for index in range(count)]):
        if tile:
            padded = numpy.pad(part, ((0, -lines % tile[1]), (0, -across % tile[0]), (0, 0)), "edge")
            blocks += [padded[y:y + tile[1], x:x + tile[0]] for y in range(0, lines, tile[1]) for x in range(0, across, tile[0])]
        else:
            blocks += [part[y:y + strip] for y in range(0, lines, strip)]

    def coded(block):
        rows = [packed(row.reshape(1, -1).tolist(), bits)[0] if bits < 8 else row.astype(kind).tobytes() for row in block]
        return {1: b"".join(rows), 8: zlib.compress(b"".join(rows)), 32773: b"".join(map(pack_bits, rows))}[compression]

    data = [jpeg] if jpeg else [coded(block) for block in blocks]
    entries = [(256, 4, [across]), (257, 4, [lines]), (258, 3, [32 if real else bits] * count), (259, 3, [compression]),
               (262, 3, [photometric]), (277, 3, [count]), (284, 3, [planar]), (339, 3, [3 if real else 1] * count), *more]
    entries += [(322, 3, [tile[0]]), (323, 3, [tile[1]])] if tile else [(278, 4, [strip])]
    if extra:
        entries.append((338, 3, extra))
    places, counts = (324, 325) if tile else (273, 279)
    wide = 16 if big else 4
    entries += [(counts, wide, [len(part) for part in data]), (places, wide, [0] * len(data))]
    entries.sort()
    formats = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
    field = 8 if big else 4
    start = 16 if big else 8
    behind = start + (8 if big else 2) + len(entries) * (20 if big else 12) + field
    values = {tag: struct.pack(f"{order}{len(numbers)}{formats[kind]}", *numbers) for tag, kind, numbers in entries}
    pixels = behind + sum(len(value) + len(value) % 2 for value in values.values() if len(value) > field)
    offsets = [pixels + sum(map(len, data[:index])) for index in range(len(data))]
    values[places] = struct.pack(f"{order}{len(offsets)}{formats[wide]}", *offsets)
    table, later = b"", b""
    for tag, kind, numbers in entries:
        table += struct.pack(order + ("HHQ" if big else "HHI"), tag, kind, len(numbers))
        if len(values[tag]) <= field:
            table += values[tag].ljust(field, b"\0")
        else:
            table += struct.pack(order + ("Q" if big else "I"), behind + len(later))
            later += values[tag] + bytes(len(values[tag]) % 2)
    mark = b"II" if order == "<" else b"MM"
    head = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    number = struct.pack(order + ("Q" if big else "H"), len(entries))
    return mark + head + number + table + bytes(field) + later + b"".join(data)


def vips(image, options):
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.png", Path(folder) / "out.tif"
        source.write_bytes(png(image))
        subprocess.run(["vips", "tiffsave", str(source), str(output), *options], check=True)
        return output.read_bytes()


def make_tiff():
    gray, with_alpha = picture.convert("L"), Image.fromarray(rgba)
    opaque = lambda array: numpy.dstack([array, numpy.full((height, width), 255, numpy.uint8)]).astype(numpy.uint8)
    grays = numpy.asarray(gray)
    gray_rgba = opaque(numpy.dstack([grays] * 3))
    profile = (fixtures / "icc/DisplayP3-v4.icc").read_bytes()
    for name, image, options in [
        ("rgb8", picture, {}), ("rgb8-lzw", picture, dict(compression="tiff_lzw")),
        ("rgb8-deflate", picture, dict(compression="tiff_adobe_deflate")),
        ("rgb8-old-deflate", picture, dict(compression="tiff_deflate")),
        ("rgb8-packbits", picture, dict(compression="packbits")), ("gray8", gray, {}), ("bits1", black_white, {}),
        ("palette8", indexed, {}), ("rgba8", with_alpha, {}), ("rgba8-lzw", with_alpha, dict(compression="tiff_lzw")),
        ("gray-alpha8", Image.merge("LA", [gray, Image.fromarray(alpha)]), {}), ("big", picture, dict(big_tiff=True)),
    ]:
        write(f"tiff/{name}-pillow.tif", pillow(image, "TIFF", **options), "pillow", "magick")
    write("tiff/rgb8-jpeg-pillow.tif", pillow(picture, "TIFF", compression="jpeg", quality=90), "pillow", "magick")
    ycbcr = pillow(picture.convert("YCbCr"), "TIFF", compression="jpeg", quality=90)
    write("tiff/ycbcr-jpeg-pillow.tif", ycbcr, "pillow", "magick")
    halved = pillow(picture, "JPEG", quality=90, subsampling="4:2:0")
    write("tiff/ycbcr420-jpeg.tif", tiff(rgb, 6, compression=7, jpeg=halved, more=[(530, 3, [2, 2])]),
          opaque(numpy.asarray(Image.open(io.BytesIO(halved)))), "pillow", "magick")
    write("tiff/gray8-jpeg-pillow.tif", pillow(gray, "TIFF", compression="jpeg", quality=90), "pillow", "magick")
    deep = Image.fromarray(grays.astype(numpy.uint16) * 257)
    write("tiff/gray16-pillow.tif", pillow(deep, "TIFF"), gray_rgba, "magick")
    write("tiff/gray16-deflate-pillow.tif", pillow(deep, "TIFF", compression="tiff_adobe_deflate"), gray_rgba, "magick")
    write("tiff/profile-orientation6-pillow.tif", pillow(picture, "TIFF", icc_profile=profile, tiffinfo={274: 6}),
          numpy.rot90(opaque(rgb), -1), "pillow")
    write("tiff/pages-pillow.tif", pillow(picture, "TIFF", save_all=True, append_images=[indexed16]), "pillow", "magick")
    for name, image, options in [
        ("rgb8-lzw", picture, ["-compress", "LZW"]), ("rgb8-zip", picture, ["-compress", "Zip"]),
        ("rgb8-strips", picture, ["-compress", "RLE", "-define", "tiff:rows-per-strip=4"]),
        ("rgb16-big-endian", picture, ["-depth", "16", "-compress", "LZW", "-endian", "MSB"]),
        ("rgb8-planes", picture, ["-interlace", "Plane", "-compress", "LZW"]),
        ("rgb8-tiles", picture, ["-define", "tiff:tile-geometry=16x16", "-compress", "Zip"]),
        ("rgba8", with_alpha, ["-compress", "LZW"]), ("rgba16", with_alpha, ["-depth", "16", "-compress", "Zip"]),
        ("rgb8-jpeg", picture, ["-compress", "JPEG", "-quality", "85"]),
        ("palette4", indexed16, ["-type", "Palette", "-compress", "None"]), ("bits1", black_white, ["-type", "Bilevel", "-compress", "LZW"]),
        ("gray4", gray, ["-colorspace", "Gray", "-depth", "4", "-compress", "None"]),
    ]:
        write(f"tiff/{name}-magick.tif", magick(png(image), options, "tif"), "magick", "pillow")
    write("tiff/rgba8-associated-magick.tif", magick(png(with_alpha), ["-define", "tiff:alpha=associated", "-compress", "LZW"], "tif"),
          "pillow", "magick")
    write("tiff/float-magick.tif", magick(png(picture), ["-define", "quantum:format=floating-point", "-depth", "32", "-compress", "Zip"],
          "tif"), opaque(rgb), "magick")
    for name, image, options in [
        ("rgb8-tiles-jpeg", picture, ["--tile", "--tile-width", "16", "--tile-height", "16", "--compression", "jpeg", "--Q", "90"]),
        ("rgba8-big-tiles", with_alpha, ["--tile", "--tile-width", "32", "--tile-height", "16", "--compression", "lzw", "--bigtiff"]),
        ("rgb8-predictor", picture, ["--compression", "deflate", "--predictor", "horizontal"]),
        ("pyramid", picture, ["--tile", "--tile-width", "16", "--tile-height", "16", "--pyramid", "--compression", "deflate"]),
    ]:
        write(f"tiff/{name}-vips.tif", vips(image, options), "magick", "pillow")

    upright = opaque(rgb)
    turned = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
              6: numpy.rot90(upright, -1), 7: numpy.rot90(upright, 2).transpose(1, 0, 2), 8: numpy.rot90(upright)}
    for orientation, expected in turned.items():
        write(f"tiff/orientation-{orientation}.tif", tiff(rgb, 2, compression=32773, strip=9, more=[(274, 3, [orientation])]),
              expected, "pillow", "magick")
    low = numpy.asarray(indexed16)[..., None].astype(int)
    table = numpy.array(indexed16.getpalette()[:48], numpy.int64).reshape(-1, 3)
    colors = lambda size: numpy.vstack([table[:size], numpy.zeros((size - len(table[:size]), 3), numpy.int64)])
    for bits in (2, 4, 8):
        stored = low % (1 << bits)
        write(f"tiff/palette{bits}.tif", tiff(stored, 3, bits, strip=7, more=[(320, 3, (colors(1 << bits).T * 257).ravel().tolist())]),
              opaque(table[stored[..., 0]]), "magick", "pillow")
    write("tiff/palette8-of-8-bits.tif", tiff(low, 3, more=[(320, 3, colors(256).T.ravel().tolist())]), opaque(table[low[..., 0]]), "magick")
    for bits in (1, 2, 4):
        stored = grays[..., None].astype(int) >> 8 - bits
        shown = (stored * (255 // ((1 << bits) - 1)))
        for name, photometric, value in [("", 1, stored), ("-white-is-zero", 0, (1 << bits) - 1 - stored)]:
            # ImageMagick does not turn 2 and 4 bits over.
            others = ["pillow"] if photometric == 0 and bits > 1 else ["magick", "pillow"]
            write(f"tiff/gray{bits}{name}.tif", tiff(value, photometric, bits, compression=8, strip=5), opaque(numpy.dstack([shown] * 3)),
                  *others)
    wide = grays[..., None].astype(numpy.uint16) * 257
    write("tiff/gray16-white-is-zero.tif", tiff(65535 - wide, 0, 16, order=">"), gray_rgba, "magick")
    write("tiff/rgb16-planes.tif", tiff(rgb.astype(numpy.uint16) * 257, 2, 16, planar=2, strip=6, compression=8), opaque(rgb), "magick")
    write("tiff/rgba8-tiles-planes.tif", tiff(rgba, 2, planar=2, tile=(16, 32), compression=32773, extra=[2]), rgba, "magick")
    write("tiff/bits1-tiles.tif", tiff(numpy.asarray(black_white)[..., None].astype(int), 1, 1, tile=(16, 16)),
          opaque(numpy.dstack([numpy.asarray(black_white) * 255] * 3)), "magick", "pillow")
    premultiplied = (rgb.astype(int) * alpha[..., None] + 127) // 255
    straight = numpy.minimum(255, (premultiplied * 255 + alpha[..., None] // 2) // numpy.maximum(1, alpha[..., None].astype(int)))
    stored = numpy.dstack([premultiplied, alpha])
    write("tiff/rgba8-associated.tif", tiff(stored, 2, strip=8, extra=[1]), numpy.dstack([straight, alpha]).astype(numpy.uint8),
          "pillow", "magick")
    write("tiff/rgba16-associated-planes.tif", tiff(stored * 257, 2, 16, planar=2, order=">", extra=[1]),
          numpy.dstack([straight, alpha]).astype(numpy.uint8), "magick")
    write("tiff/rgb8-unspecified-channel.tif", tiff(rgba, 2, extra=[0]), opaque(rgb), "pillow")
    write("tiff/rgb8-selection-and-alpha.tif", tiff(numpy.dstack([rgb, alpha // 2, alpha]), 2, extra=[0, 2]), rgba)
    write("tiff/float-gray.tif", tiff(grays[..., None] / 255, 1, 32, real=True, strip=10), gray_rgba, "magick")
    write("tiff/float-rgb-outside.tif", tiff(numpy.where(rgb < 8, -1.5, numpy.where(rgb > 247, 7, rgb / 255)), 2, 32, real=True, order=">"),
          opaque(numpy.where(rgb < 8, 0, numpy.where(rgb > 247, 255, rgb))))
    write("tiff/big-tiles-big-endian.tif", tiff(rgb, 2, order=">", big=True, tile=(32, 16), compression=8), opaque(rgb), "magick")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "in.tif"
        plain.write_bytes(pillow(picture, "TIFF", compression="tiff_lzw"))
        subprocess.run(["exiftool", "-q", "-overwrite_original", "-Make=Example", "-Artist=Somebody", "-ExposureTime=1/50", "-ColorSpace=sRGB",
                        "-GPSLatitude=48.1", "-GPSLatitudeRef=N", "-XMP-dc:Title=Stream", "-IPTC:City=Graz", str(plain)], check=True)
        write("tiff/metadata-exiftool.tif", plain.read_bytes(), "pillow", "magick")


for kind in kinds:
    globals()[f"make_{kind}"]()
