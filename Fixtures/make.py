#!/usr/bin/env python3
"""Makes the derived fixtures. Called by Scripts/make-fixtures, which fetches the sources.

    make.py SOURCES FIXTURES

SOURCES holds the photographs of Debian's lomiri-wallpapers-16.04, FIXTURES is this folder with icc/ in it. Nothing here
uses Gesso: images are written by Pillow (libjpeg-turbo, libpng), cjpeg and this file's own byte surgery, so that the tests
compare with something that is not ours. The same versions give the same bytes.
"""
import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

SOURCES, HERE = Path(sys.argv[1]), Path(sys.argv[2])
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def write(name, data):
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def photograph(stem, width):
    (path,) = SOURCES.glob(stem + "*.jpg")
    image = Image.open(path).convert("RGB")
    return image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)


def profile(name):
    return (HERE / "icc" / name).read_bytes()


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(image, quality=88, **options):
    return encoded(image, "JPEG", quality=quality, **options)


def cjpeg(image, *options):
    """For what Pillow cannot ask libjpeg-turbo for."""
    return subprocess.run(
        ["cjpeg", "-quality", "88", *options], input=encoded(image, "PPM"), stdout=subprocess.PIPE, check=True).stdout


# ---- JPEG segments -------------------------------------------------------------------------------------------------------


def segments(data):
    """[(marker, payload without its length, offset)], the last one SOS with everything from its header's end to EOI."""
    parts, at = [], 2
    while True:
        assert data[at] == 0xFF, at
        marker, (length,) = data[at + 1], struct.unpack(">H", data[at + 2:at + 4])
        if marker == 0xDA:
            parts.append((marker, data[at + 4:], at))
            return parts
        parts.append((marker, data[at + 4:at + 2 + length], at))
        at += 2 + length


def segment(marker, payload):
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def joined(parts):
    out = b"\xff\xd8"
    for marker, payload in parts:
        if marker == 0xDA:
            out += b"\xff\xda" + struct.pack(">H", 6 + 2 * payload[0]) + payload
        else:
            out += segment(marker, payload)
    return out


def edited(data, change):
    """`change` maps (marker, payload) to a list of (marker, payload)."""
    out = []
    for marker, payload, _ in segments(data):
        out += change(marker, payload)
    return joined(out)


def with_payload(data, marker, change):
    return edited(data, lambda m, p: [(m, change(p) if m == marker else p)])


def without(data, *markers):
    return edited(data, lambda m, p: [] if m in markers else [(m, p)])


def inserted(data, *extra):
    """Extra segments directly after SOI and JFIF."""
    first = segments(data)[0]
    done = []

    def change(marker, payload):
        if done:
            return [(marker, payload)]
        done.append(True)
        return [(marker, payload), *extra] if marker == 0xE0 else [*extra, (marker, payload)]

    assert first
    return edited(data, change)


def scan_start(data):
    """Offset of the first entropy-coded byte."""
    offset = segments(data)[-1][2]
    return offset + 2 + struct.unpack(">H", data[offset + 2:offset + 4])[0]


# ---- Exif ----------------------------------------------------------------------------------------------------------------


def tiff(entries, gps=None, order="<"):
    """A TIFF block with one IFD of (tag, type, value) entries; type 2 is a string, 3 a short, 5 rationals."""
    entries = sorted(entries + ([(0x8825, 4, 0)] if gps else []))
    data_at = 8 + 2 + 12 * len(entries) + 4
    ifd, extra, gps_slot = b"", b"", None

    def field(tag, kind, value, base):
        nonlocal extra
        if kind == 2:
            raw = value.encode() + b"\0"
            count = len(raw)
        elif kind == 5:
            raw = b"".join(struct.pack(order + "II", *pair) for pair in value)
            count = len(value)
        else:
            raw = struct.pack(order + ("H" if kind == 3 else "I"), value)
            count = 1
        if len(raw) <= 4:
            inline = raw.ljust(4, b"\0")
        else:
            inline = struct.pack(order + "I", base + len(extra))
            extra += raw
        return struct.pack(order + "HHI", tag, kind, count) + inline

    for tag, kind, value in entries:
        if tag == 0x8825:
            gps_slot = len(ifd)
        ifd += field(tag, kind, value, data_at)
    if gps:
        gps_at = data_at + len(extra)
        gps_fields = b""
        kept, extra = extra, b""
        gps_data_at = gps_at + 2 + 12 * len(gps) + 4
        for tag, kind, value in gps:
            gps_fields += field(tag, kind, value, gps_data_at)
        extra = kept + struct.pack(order + "H", len(gps)) + gps_fields + struct.pack(order + "I", 0) + extra
        ifd = ifd[:gps_slot + 8] + struct.pack(order + "I", gps_at) + ifd[gps_slot + 12:]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + struct.pack(order + "H", len(entries)) + ifd + struct.pack(order + "I", 0) + extra


def exif(block):
    return (0xE1, b"Exif\0\0" + block)


# ---- PNG chunks ----------------------------------------------------------------------------------------------------------


def chunk(kind, data=b"", crc=None):
    value = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", value & 0xFFFFFFFF)


def chunks(data):
    """[(type, data)]"""
    at, parts = 8, []
    while at < len(data):
        (length,) = struct.unpack(">I", data[at:at + 4])
        parts.append((data[at + 4:at + 8], data[at + 8:at + 8 + length]))
        at += 12 + length
    return parts


def png(parts):
    return PNG_SIGNATURE + b"".join(chunk(*part) for part in parts)


def header(width, height, depth=8, color=2, interlace=0, compression=0, filtering=0):
    return struct.pack(">IIBBBBB", width, height, depth, color, compression, filtering, interlace)


def replaced(data, kind, change):
    """`change` maps a chunk's data to a list of chunks in its place, for the first chunk of that kind."""
    out, done = [], False
    for name, body in chunks(data):
        if name == kind and not done:
            out, done = out + change(body), True
        else:
            out.append((name, body))
    assert done, kind
    return out


def packed(rows):
    return zlib.compress(b"".join(bytes([0]) + row for row in rows), 9)


def raw_png(samples, color, depth=8, ancillary=()):
    """PNG of an integer array (height, width, channels), filter Sub on 8 and 16 bit, None below."""
    height, width = samples.shape[:2]
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    rows = []
    if depth < 8:
        for line in samples.reshape(height, width):
            bits = np.unpackbits(line.astype(np.uint8)[:, None], axis=1)[:, 8 - depth:].reshape(-1)
            rows.append(b"\0" + np.packbits(bits).tobytes())
    else:
        step = channels * depth // 8
        for line in samples.reshape(height, -1):
            line = np.frombuffer(line.astype(">u2" if depth == 16 else "u1").tobytes(), np.uint8)
            left = np.concatenate([np.zeros(step, np.uint8), line[:-step]])
            rows.append(b"\1" + (line - left).tobytes())
    body = zlib.compress(b"".join(rows), 9)
    return png([(b"IHDR", header(width, height, depth, color)), *ancillary, (b"IDAT", body), (b"IEND", b"")])


# ---- photographs ---------------------------------------------------------------------------------------------------------

forest = photograph("life", 1920)
write("jpeg/forest.jpg", jpeg(forest, 64, subsampling="4:2:0", optimize=True))
mountain = photograph("picosdeeuropa", 1600)
write("jpeg/mountain-444.jpg", jpeg(mountain, 72, subsampling="4:4:4", optimize=True))
write("jpeg/meadow-progressive.jpg", jpeg(photograph("aitzgorri", 1600), 75, subsampling="4:2:2", progressive=True))
brushes = photograph("Picture_1A", 640)
write("jpeg/brushes.jpg", jpeg(brushes, 85, subsampling="4:2:0"))

# The subject of every variant below: 227x149, so that the last block of each row and column is a partial one.
small = photograph("seeding", 265).crop((20, 0, 247, 149))
assert small.size == (227, 149)
pixels = np.asarray(small).astype(np.int32)
gray = ImageOps.grayscale(small)

for name, subsampling in [("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0")]:
    write(f"jpeg/small-{name}.jpg", jpeg(small, subsampling=subsampling))
write("jpeg/small-440.jpg", cjpeg(small, "-sample", "1x2"))
write("jpeg/small-411.jpg", cjpeg(small, "-sample", "4x1"))
write("jpeg/small-410.jpg", cjpeg(small, "-sample", "4x2"))
write("jpeg/small-gray.jpg", jpeg(gray))
write("jpeg/small-rgb.jpg", jpeg(small, keep_rgb=True, subsampling="4:4:4"))
write("jpeg/small-progressive.jpg", jpeg(small, progressive=True))
write("jpeg/small-arithmetic.jpg", cjpeg(small, "-arithmetic"))
write("jpeg/small-restart.jpg", jpeg(small, restart_marker_rows=1))
write("jpeg/small-no-jfif.jpg", without(jpeg(small), 0xE0))

# CMYK and YCCK: a naive separation, stored inverted as Adobe does. YCCK holds the YCbCr of the complement of what is stored,
# which here is the YCbCr of the inks themselves; Pillow inverts what it saves as CMYK, so those planes go in inverted.
black = 255 - pixels.max(axis=2)
inks = np.where(black[..., None] < 255, 255 - pixels - black[..., None], 0)
cmyk = Image.merge("CMYK", [Image.fromarray(plane) for plane in np.dstack([inks, black]).astype(np.uint8).transpose(2, 0, 1)])
write("jpeg/small-cmyk.jpg", jpeg(cmyk, 92))
write("jpeg/small-cmyk-icc.jpg", jpeg(cmyk, 92, icc_profile=profile("CGATS001Compat-v2-micro.icc")))
luma_chroma = Image.fromarray(inks.astype(np.uint8)).convert("YCbCr").split()
as_stored = Image.merge("CMYK", [ImageOps.invert(plane) for plane in luma_chroma] + [cmyk.split()[3]])
ycck = with_payload(jpeg(as_stored, 92), 0xEE, lambda p: p[:-1] + b"\2")
write("jpeg/small-ycck.jpg", ycck)
check = np.asarray(Image.open(io.BytesIO(ycck))).astype(int) - np.asarray(cmyk).astype(int)
assert np.abs(check).mean() < 3, "the YCCK file does not show what the CMYK file shows"

# ICC: the colors are converted into the profile's space, so the picture looks like small-444.jpg where profiles are honored.
srgb = ImageCms.createProfile("sRGB")
for label, name in [("display-p3", "DisplayP3-v4.icc"), ("adobe-rgb", "AdobeCompat-v4.icc"), ("prophoto", "ProPhoto-v4.icc"),
                    ("display-p3-v2", "DisplayP3-v2-magic.icc"), ("srgb", "sRGB-v4.icc")]:
    space = ImageCms.ImageCmsProfile(io.BytesIO(profile(name)))
    there = ImageCms.profileToProfile(small, srgb, space, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC)
    write(f"jpeg/icc-{label}.jpg", jpeg(there, 95, subsampling="4:4:4", icc_profile=profile(name)))
    if label == "display-p3":
        write("png/icc-display-p3.png", encoded(there, "PNG", icc_profile=profile(name), optimize=True))
write("jpeg/icc-gray.jpg", jpeg(gray, 95, icc_profile=profile("sGrey-v4.icc")))

# ---- a phone's JPEG --------------------------------------------------------------------------------------------------------

# Stored turned (orientation 6: turn clockwise to see it upright), GPS and a maker's text in Exif, an MPF index that names a second image
# after the end marker (as gain maps are), and a motion video after that.
phone = jpeg(brushes.transpose(Image.Transpose.ROTATE_90), 80, subsampling="4:2:0")
gain_map = jpeg(ImageOps.grayscale(brushes).resize((80, 63)), 60)
gps = [(1, 2, "N"), (2, 5, [(42, 1), (58, 1), (2988, 100)]), (3, 2, "W"), (4, 5, [(2, 1), (26, 1), (1212, 100)])]
about = exif(tiff([(0x010F, 2, "Example"), (0x0110, 2, "Pocket 9"), (0x0112, 3, 6)], gps))


def mpf(first_size, second_offset, second_size):
    entries = struct.pack("<IIIHH", 0x030000, first_size, 0, 0, 0) + struct.pack("<IIIHH", 0, second_size, second_offset, 0, 0)
    ifd = struct.pack("<H", 3)
    ifd += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    ifd += struct.pack("<HHII", 0xB001, 4, 1, 2)
    ifd += struct.pack("<HHII", 0xB002, 7, len(entries), 8 + 2 + 36 + 4)
    return (0xE2, b"MPF\0II*\0" + struct.pack("<I", 8) + ifd + struct.pack("<I", 0) + entries)


unindexed = inserted(phone, about, mpf(0, 0, 0))
offset = len(unindexed) - (unindexed.index(b"MPF\0") + 4)
phone = inserted(phone, about, mpf(len(unindexed), offset, len(gain_map)))
video = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mp42", 0, b"isom", b"mp42") + struct.pack(">I4s", 4096, b"mdat") + bytes(4088)
write("jpeg/phone.jpg", phone + gain_map + video)

# ---- PNG -----------------------------------------------------------------------------------------------------------------

art = photograph("umang", 480)
write("png/art-rgb8.png", encoded(art, "PNG", optimize=True))
write("png/art-palette8.png", encoded(art.quantize(256, dither=Image.Dither.FLOYDSTEINBERG), "PNG", optimize=True, bits=8))
flat = art.resize((480, 270)).quantize(7, dither=Image.Dither.NONE)
write("png/flat-palette4.png", encoded(flat, "PNG", optimize=True))
write("png/flat-rgb8.png", encoded(flat.convert("RGB"), "PNG", optimize=True))
write("png/small-rgb8.png", encoded(small, "PNG", optimize=True))
write("png/small-gray8.png", encoded(gray, "PNG", optimize=True))
write("png/small-gray1.png", encoded(gray.convert("1"), "PNG", optimize=True))

# Adam7, with the seven passes written here.
passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
body = b""
for x, y, dx, dy in passes:
    for line in pixels[y::dy, x::dx].astype(np.uint8):
        body += b"\0" + line.tobytes()
interlaced = png([(b"IHDR", header(227, 149, interlace=1)), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b"")])
assert np.array_equal(np.asarray(Image.open(io.BytesIO(interlaced))), pixels)
write("png/small-interlaced.png", interlaced)

# 16 bit: a smooth signal below the 8-bit steps, so that truncating to 8 bits is seen.
y, x = np.mgrid[0:149, 0:227]
below = (128 + 96 * np.sin(x / 17) * np.cos(y / 23)).astype(np.int64)
deep = np.minimum(pixels * 257 + below[..., None], 65535)
write("png/small-rgb16.png", raw_png(deep, 2, 16))
write("png/small-gray16.png", raw_png(np.asarray(gray).astype(np.int64) * 256 + below, 0, 16))

# Transparency: the flower cut out along a soft disc, black where it is clear.
reach = np.hypot(x - 113, y - 74)
alpha = np.clip((66 - reach) / 40, 0, 1)
cut = np.where(alpha[..., None] > 0, pixels, 0)
write("png/soft-alpha-rgba8.png", raw_png(np.dstack([cut, np.rint(alpha * 255)]).astype(np.int64), 6))
write("png/soft-alpha-rgba16.png", raw_png(np.dstack([cut * 257, np.rint(alpha * 65535)]).astype(np.int64), 6, 16))
write("png/soft-alpha-ga8.png",
      raw_png(np.dstack([np.where(alpha > 0, np.asarray(gray), 0), np.rint(alpha * 255)]).astype(np.int64), 4))
write("png/opaque-rgba8.png", raw_png(np.dstack([pixels, np.full((149, 227), 255)]), 6))
write("png/color-key-rgb8.png", raw_png(np.where(alpha[..., None] > 0, pixels, [255, 0, 255]), 2,
                                        ancillary=[(b"tRNS", struct.pack(">HHH", 255, 0, 255))]))
palette = flat.getpalette()[:21]
write("png/flat-palette-alpha.png", raw_png(np.asarray(flat).astype(np.int64), 3, 4, ancillary=[
    (b"PLTE", bytes(palette)), (b"tRNS", bytes([0, 64, 128, 255]))]))

# Text, density, gamma, time: what a clean output must not carry; an animation, whose default image counts.
meta = encoded(small, "PNG")
write("png/metadata.png", png(replaced(meta, b"IHDR", lambda d: [
    (b"IHDR", d), (b"gAMA", struct.pack(">I", 45455)), (b"pHYs", struct.pack(">IIB", 11811, 11811, 1)),
    (b"tEXt", b"Author\0Somebody"), (b"zTXt", b"Comment\0\0" + zlib.compress(b"made for a test")),
    (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"),
    (b"tIME", struct.pack(">HBBBBB", 2026, 11, 22, 12, 0, 0)),
    (b"eXIf", tiff([(0x010F, 2, "Example")], gps))])))
frames = [small.resize((113, 74)), ImageOps.mirror(small.resize((113, 74)))]
write("png/animated.png", encoded(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=200))
for value in range(1, 9):
    turn = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}[value]
    stored = frames[0] if turn is None else frames[0].transpose(turn)
    order = "<" if value % 2 else ">"
    written = png(replaced(encoded(stored, "PNG"), b"IHDR",
                           lambda d: [(b"IHDR", d), (b"eXIf", tiff([(0x0112, 3, value)], order=order))]))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(written)))
    assert np.array_equal(np.asarray(upright), np.asarray(frames[0])), value
    write(f"png/exif-orientation-{value}.png", written)

# ---- tiny ----------------------------------------------------------------------------------------------------------------

dot = Image.new("RGB", (1, 1), (200, 100, 50))
write("jpeg/1x1.jpg", jpeg(dot, 95))
write("png/1x1.png", encoded(dot, "PNG"))
write("png/1x1-gray1.png", encoded(Image.new("1", (1, 1), 1), "PNG"))
write("jpeg/1x64.jpg", jpeg(small.crop((100, 20, 101, 84)), 95))
write("jpeg/64x1.jpg", jpeg(small.crop((60, 70, 124, 71)), 95))

# ---- files that are something else -----------------------------------------------------------------------------------------

write("foreign/text.jpg", b"Dear colleague,\n\nthe photograph is attached.\n")
for brand, name in [(b"heic", "header.heic"), (b"avif", "header.avif")]:
    write("foreign/" + name, struct.pack(">I4s4sI4s4s", 24, b"ftyp", brand, 0, b"mif1", brand) + struct.pack(">I4s", 8, b"meta"))
write("foreign/empty.jpg", b"")
write("foreign/one-byte.png", b"\x89")

# ---- corrupt JPEG ------------------------------------------------------------------------------------------------------------

base = jpeg(small, subsampling="4:2:0")
start = scan_start(base)
scan = len(base) - 2 - start


def corrupt(name, data):
    write("corrupt/" + name, data)


def patched(data, at, value):
    return data[:at] + value + data[at + len(value):]


corrupt("jpeg-truncated-after-soi.jpg", base[:2])
corrupt("jpeg-truncated-in-tables.jpg", base[:60])
corrupt("jpeg-truncated-in-frame-header.jpg", base[:base.index(b"\xff\xc0") + 10])
corrupt("jpeg-truncated-before-scan.jpg", base[:segments(base)[-1][2]])
corrupt("jpeg-truncated-early-in-scan.jpg", base[:start + 40])
corrupt("jpeg-truncated-half-scan.jpg", base[:start + scan // 2])
corrupt("jpeg-missing-end-marker.jpg", base[:-2])
progressive = jpeg(small, progressive=True)
second_scan = progressive.index(b"\xff\xda", scan_start(progressive))
corrupt("jpeg-progressive-truncated-after-first-scan.jpg", progressive[:second_scan])
# A second frame header between two scans, of an image without components.
corrupt("jpeg-progressive-second-frame-header.jpg",
        progressive[:second_scan] + b"\xff\xc2\0\x08\x08\0\x40\0\x40\0" + progressive[second_scan:])
corrupt("jpeg-progressive-truncated-in-late-scan.jpg", progressive[:len(progressive) * 4 // 5])
corrupt("jpeg-absurd-size.jpg", with_payload(base, 0xC0, lambda p: p[:1] + struct.pack(">HH", 65500, 65500) + p[5:]))
corrupt("jpeg-zero-width.jpg", with_payload(base, 0xC0, lambda p: p[:3] + b"\0\0" + p[5:]))
corrupt("jpeg-zero-height.jpg", with_payload(base, 0xC0, lambda p: p[:1] + b"\0\0" + p[3:]))
corrupt("jpeg-taller-than-data.jpg", with_payload(base, 0xC0, lambda p: p[:1] + struct.pack(">H", 640) + p[3:]))
corrupt("jpeg-zero-components.jpg", with_payload(base, 0xC0, lambda p: p[:5] + b"\0"))
corrupt("jpeg-five-components.jpg", with_payload(base, 0xC0, lambda p: p[:5] + b"\5" + p[6:] + b"\4\x11\0\5\x11\0"))
corrupt("jpeg-two-components.jpg", with_payload(
    with_payload(jpeg(Image.merge("CMYK", [gray] * 4)), 0xC0, lambda p: p[:5] + b"\2" + p[6:12]), 0xDA,
    lambda p: b"\2" + p[1:5] + p[9:]))
corrupt("jpeg-sampling-factor-5.jpg", with_payload(base, 0xC0, lambda p: p[:7] + b"\x55" + p[8:]))
corrupt("jpeg-sampling-factor-0.jpg", with_payload(base, 0xC0, lambda p: p[:7] + b"\x00" + p[8:]))
corrupt("jpeg-12-bit.jpg", with_payload(base, 0xC0, lambda p: b"\x0c" + p[1:]))
corrupt("jpeg-lossless-frame.jpg", edited(base, lambda m, p: [(0xC3 if m == 0xC0 else m, p)]))
corrupt("jpeg-progressive-missing-huffman-tables.jpg", without(progressive, 0xC4))
corrupt("jpeg-missing-quantization-tables.jpg", without(base, 0xDB))
corrupt("jpeg-quantization-table-missing-for-component.jpg", with_payload(base, 0xC0, lambda p: p[:-1] + b"\3"))
corrupt("jpeg-oversubscribed-huffman-table.jpg", with_payload(base, 0xC4, lambda p: p[:1] + b"\xff" * 16 + p[17:]))
corrupt("jpeg-bad-huffman-codes.jpg", patched(base, start + scan // 3, b"\xff\0" * 60))
corrupt("jpeg-unexpected-marker-in-scan.jpg", patched(base, start + scan // 2, b"\xff\xc0\0\x11"))
corrupt("jpeg-no-frame.jpg", without(base, 0xC0))
corrupt("jpeg-two-frames.jpg", edited(base, lambda m, p: [(m, p), (m, p)] if m == 0xC0 else [(m, p)]))
corrupt("jpeg-no-scan.jpg", base[:segments(base)[-1][2]] + b"\xff\xd9")
corrupt("jpeg-frame-header-length.jpg", with_payload(base, 0xC0, lambda p: p + b"\0"))
corrupt("jpeg-marker-length-past-end.jpg", base[:2] + b"\xff\xe5\xff\xff" + base[2:400])
restart = jpeg(small, restart_marker_rows=1)
first = restart.index(b"\xff\xd0", scan_start(restart))
corrupt("jpeg-restart-marker-out-of-order.jpg", patched(restart, first, b"\xff\xd4"))
corrupt("jpeg-restart-interval-lost.jpg",
        restart[:first + 2] + restart[restart.index(b"\xff\xd2", first):])
corrupt("jpeg-two-images-run-together.jpg", base[:start + scan // 2] + base)

# A progressive bomb: 4000x4000 in gray, a DC scan of zeros, then sixty times the 63 bands, each a scan of a few bytes that says
# "nothing here" for the whole frame. A decoder without a limit of scans walks 250,000 blocks 3,780 times for a 100 KB file.
# Table AC 0 gives the code "0" to symbol 0xE0, an end-of-band run of 2^14 + (14 more bits) blocks; DC 0 gives "0" to "no difference".
blocks = 500 * 500
bits = ("0" + "1" * 14) * -(-blocks // 32767)
bits += "1" * (-len(bits) % 8)
nothing = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
bomb = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
bomb += segment(0xC2, b"\x08" + struct.pack(">HH", 4000, 4000) + b"\1\1\x11\0")
bomb += segment(0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\x00") + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")
bomb += segment(0xDA, b"\1\1\0\0\0\0") + bytes(blocks // 8)
for _ in range(60):
    for band in range(1, 64):
        bomb += segment(0xDA, b"\1\1\0" + bytes([band, band, 0])) + nothing
corrupt("jpeg-progressive-3780-scans.jpg", bomb + b"\xff\xd9")

# ---- corrupt PNG -------------------------------------------------------------------------------------------------------------

subject = small.crop((80, 40, 144, 88))
whole = encoded(subject, "PNG", optimize=True)
idat = b"".join(body for kind, body in chunks(whole) if kind == b"IDAT")
size = header(64, 48)
lines = [row.astype(np.uint8).tobytes() for row in np.asarray(subject)]
end = (b"IEND", b"")


def plain(ihdr=size, data=idat, before=(), after=()):
    return png([(b"IHDR", ihdr), *before, (b"IDAT", data), *after, end])


corrupt("png-truncated-in-signature.png", whole[:5])
corrupt("png-truncated-in-header.png", whole[:20])
corrupt("png-truncated-before-data.png", whole[:33])
corrupt("png-truncated-early-in-data.png", whole[:33 + 120])
corrupt("png-truncated-half-data.png", whole[:len(whole) // 2])
corrupt("png-missing-end-chunk.png", whole[:-12])
corrupt("png-no-data.png", png([(b"IHDR", size), end]))
corrupt("png-header-checksum.png", PNG_SIGNATURE + chunk(b"IHDR", size, 0xBAD) + chunk(b"IDAT", idat) + chunk(b"IEND"))
corrupt("png-data-checksum.png", PNG_SIGNATURE + chunk(b"IHDR", size) + chunk(b"IDAT", idat, 0xBAD) + chunk(b"IEND"))
corrupt("png-palette-checksum.png", PNG_SIGNATURE + chunk(b"IHDR", header(8, 1, 8, 3)) + chunk(b"PLTE", bytes(24), 0xBAD)
        + chunk(b"IDAT", packed([bytes(range(8))])) + chunk(b"IEND"))
corrupt("png-absurd-size.png", plain(header(2**31 - 1, 2**31 - 1)))
corrupt("png-size-above-2-31.png", plain(header(2**31 + 5, 48)))
corrupt("png-zero-width.png", plain(header(0, 48)))
corrupt("png-zero-height.png", plain(header(64, 0)))
corrupt("png-bit-depth-3.png", plain(header(64, 48, depth=3)))
corrupt("png-bit-depth-4-for-rgb.png", plain(header(64, 48, depth=4)))
corrupt("png-color-type-5.png", plain(header(64, 48, color=5)))
corrupt("png-interlace-method-2.png", plain(header(64, 48, interlace=2)))
corrupt("png-compression-method-1.png", plain(header(64, 48, compression=1)))
corrupt("png-filter-method-1.png", plain(header(64, 48, filtering=1)))
corrupt("png-header-too-short.png", png([(b"IHDR", size[:12]), (b"IDAT", idat), end]))
corrupt("png-header-not-first.png", png([(b"tEXt", b"a\0b"), (b"IHDR", size), (b"IDAT", idat), end]))
corrupt("png-two-headers.png", plain(before=[(b"IHDR", size)]))
corrupt("png-filter-byte-9.png", plain(data=zlib.compress(b"".join(bytes([9 if i == 20 else 0]) + r for i, r in enumerate(lines)))))
corrupt("png-data-too-short.png", plain(data=zlib.compress(b"".join(b"\0" + r for r in lines[:30]))))
corrupt("png-adler-checksum.png", plain(data=idat[:-4] + b"\xba\xdb\xad\x00"))
corrupt("png-zlib-header.png", plain(data=b"\x00\x00" + idat[2:]))
corrupt("png-zlib-window-too-large.png", plain(data=b"\x88\x1c" + idat[2:]))
corrupt("png-deflate-block-type-3.png", plain(data=idat[:2] + b"\x07" + idat[3:]))
corrupt("png-deflate-garbage-midway.png", plain(data=patched(idat, len(idat) // 2, b"\xff\x00\xa5" * 40)))
corrupt("png-deflate-distance-too-far.png", plain(header(64, 64), data=b"\x78\x9c\x63\x00\x02\xff\xff\x7f\x00"))
corrupt("png-data-interrupted.png", png([(b"IHDR", size), (b"IDAT", idat[:900]), (b"tEXt", b"a\0b"), (b"IDAT", idat[900:]), end]))
corrupt("png-chunk-length-above-2-31.png", whole[:33] + struct.pack(">I", 0xFFFFFFF0) + whole[37:])
corrupt("png-chunk-length-past-end.png", whole[:33] + struct.pack(">I", 0x7FFFFFF0) + whole[37:])
corrupt("png-unknown-critical-chunk.png", plain(before=[(b"ABCD", b"what is this")]))
corrupt("png-palette-missing.png", png([(b"IHDR", header(8, 1, 8, 3)), (b"IDAT", packed([bytes(range(8))])), end]))
corrupt("png-palette-index-out-of-range.png", png(
    [(b"IHDR", header(8, 1, 8, 3)), (b"PLTE", bytes(range(9))), (b"IDAT", packed([bytes(range(8))])), end]))
corrupt("png-palette-length-not-threes.png", png(
    [(b"IHDR", header(8, 1, 8, 3)), (b"PLTE", bytes(25)), (b"IDAT", packed([bytes(range(8))])), end]))
# ---- a position in XMP alone, as exiftool writes it ---------------------------------------------------------------------------

def placed(name):
    return subprocess.run(
        ["exiftool", "-n", "-XMP-exif:GPSLatitude=42.9", "-XMP-exif:GPSLongitude=-2.4", "-o", "-", HERE / name],
        stdout=subprocess.PIPE, check=True).stdout


write("jpeg/gps-xmp.jpg", placed("jpeg/1x1.jpg"))
# Behind the image data, where some writers put it.
write("png/gps-xmp.png", png(sorted(chunks(placed("png/1x1.png")), key=lambda c: [b"IHDR", b"IDAT", b"iTXt", b"IEND"].index(c[0]))))
# ---- odd, but the picture is whole -------------------------------------------------------------------------------------------

loop = b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<I", 8)
write("jpeg/odd-exif-loop.jpg", inserted(base, exif(loop)))
write("jpeg/odd-exif-out-of-bounds.jpg", inserted(base, exif(
    b"II*\0" + struct.pack("<IH", 8, 500) + struct.pack("<HHII", 0x010F, 2, 0x7FFFFFFF, 0x7FFFFFF0))))
write("jpeg/odd-exif-orientation-9.jpg", inserted(base, exif(tiff([(0x0112, 3, 9)]))))
p3 = profile("DisplayP3-v4.icc")
write("jpeg/odd-icc-chunk-missing.jpg", inserted(base, (0xE2, b"ICC_PROFILE\0\1\2" + p3[:200])))
write("jpeg/odd-icc-chunks-reversed.jpg", inserted(
    base, (0xE2, b"ICC_PROFILE\0\2\2" + p3[200:]), (0xE2, b"ICC_PROFILE\0\1\2" + p3[:200])))
write("jpeg/odd-icc-garbage.jpg", inserted(base, (0xE2, b"ICC_PROFILE\0\1\1" + b"not a profile" * 12)))
write("jpeg/odd-bytes-after-end.jpg", base + bytes(range(256)) * 4)
write("jpeg/odd-marker-length-zero.jpg", b"\xff\xd8\xff\xe0\0\0" + base[20:])
write("jpeg/odd-fill-bytes-before-marker.jpg", base[:2] + b"\xff" * 7 + base[2:])
write("png/odd-text-bomb.png", png(replaced(whole, b"IHDR", lambda d: [
    (b"IHDR", d), (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(48 << 20), 9))])))
write("png/odd-icc-bomb.png", png(replaced(whole, b"IHDR", lambda d: [
    (b"IHDR", d), (b"iCCP", b"bomb\0\0" + zlib.compress(bytes(48 << 20), 9))])))
write("png/odd-icc-garbage.png", png(replaced(whole, b"IHDR", lambda d: [(b"IHDR", d), (b"iCCP", b"x\0\0" + zlib.compress(b"no"))])))
write("png/odd-exif-garbage.png", png(replaced(whole, b"IHDR", lambda d: [(b"IHDR", d), (b"eXIf", b"\xff" * 40)])))
write("png/odd-bytes-after-end.png", whole + b"trailing" * 16)
write("png/odd-data-in-one-byte-chunks.png", png(
    [(b"IHDR", header(16, 16))] + [(b"IDAT", bytes([b])) for b in packed([bytes(48)] * 16)] + [(b"IDAT", b""), end]))
write("png/odd-data-too-long.png", plain(data=zlib.compress(b"".join(b"\0" + r for r in lines) + bytes(4096))))
write("png/odd-data-bomb.png", plain(header(16, 16), zlib.compress(bytes(64 << 20), 9)))
write("png/odd-palette-too-long.png", png(
    [(b"IHDR", header(8, 1, 1, 3)), (b"PLTE", bytes(range(24))), (b"IDAT", packed([b"\xaa"])), end]))
write("png/odd-thousandfold.png", plain(header(8000, 4000, 8, 0), zlib.compress(bytes(8001 * 4000), 9)))
# Motion JPEG leaves the standard tables out.
write("jpeg/odd-standard-huffman-tables-left-out.jpg", without(base, 0xC4))
