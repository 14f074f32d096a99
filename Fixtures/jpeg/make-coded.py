#!/usr/bin/env python3
"""Makes the small JPEG files of coded/ and what other decoders make of them.

    make-coded.py       needs Pillow, cjpeg and djpeg (libjpeg-turbo-progs), libturbojpeg.so.0

coded-expected.tsv: file, divisor of the size, channels, width, height, offset into coded-expected.bin. Gray and RGB are
djpeg's (islow, fancy upsampling); CMYK is Pillow's, 255 for full ink; y, cb and cr are planes from TurboJPEG's own API.
"""
import ctypes, io, pathlib, subprocess, tempfile
from PIL import Image

folder = pathlib.Path(__file__).parent
coded = folder / "coded"
coded.mkdir(exist_ok=True)
with Image.open(folder / "orientation" / "Landscape_1.jpg") as photo:
    source = photo.convert("RGB").resize((53, 37), Image.Resampling.LANCZOS)
source.save(folder / "coded-source.ppm")  # what our encoder must make the same files of


def cjpeg(name, *arguments, image=source):
    ppm = io.BytesIO()
    image.save(ppm, "PPM")
    jpeg = subprocess.run(["cjpeg", "-quality", "90", *arguments], input=ppm.getvalue(), capture_output=True, check=True)
    (coded / name).write_bytes(jpeg.stdout)


cjpeg("gray.jpg", "-grayscale")
cjpeg("gray-2x2.jpg", "-grayscale", "-sample", "2x2")  # factors without meaning, as some cameras write them
# Even sides, so that TurboJPEG's planes, which it pads to whole chroma samples, are the planes of the image.
even = source.crop((0, 0, 52, 36))
cjpeg("even-420.jpg", "-sample", "2x2", image=even)
cjpeg("even-444.jpg", "-sample", "1x1", image=even)
cjpeg("even-gray.jpg", "-grayscale", image=even)
for name, factors in {"444": "1x1", "422": "2x1", "420": "2x2", "440": "1x2", "411": "4x1"}.items():
    cjpeg(f"{name}.jpg", "-sample", factors)
cjpeg("mixed.jpg", "-sample", "2x2,1x2,2x1")
cjpeg("rgb.jpg", "-rgb")
cjpeg("420-restart.jpg", "-sample", "2x2", "-restart", "1")
cjpeg("444-restart-blocks.jpg", "-sample", "1x1", "-restart", "3B")
cjpeg("420-progressive.jpg", "-sample", "2x2", "-progressive")
cjpeg("444-progressive-restart.jpg", "-sample", "1x1", "-progressive", "-restart", "1")
cjpeg("420-arithmetic.jpg", "-sample", "2x2", "-arithmetic")


def scanned(name, script, *arguments):
    """A file whose scans are those of `script`, in the syntax of cjpeg's wizard.txt."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as scans:
        scans.write(script)
        scans.flush()
        cjpeg(name, *arguments, "-scans", scans.name)


scanned("420-scans.jpg", "0;\n1;\n2;\n", "-sample", "2x2")
scanned("420-scans-pair.jpg", "0,2;\n1;\n", "-sample", "2x2", "-restart", "5B")
for name, factors in {"422": "2x1", "440": "1x2", "411": "4x1", "mixed": "2x2,1x2,2x1"}.items():
    cjpeg(f"{name}-progressive.jpg", "-sample", factors, "-progressive")
cjpeg("gray-2x2-progressive.jpg", "-grayscale", "-sample", "2x2", "-progressive")
cjpeg("rgb-progressive.jpg", "-rgb", "-progressive", "-restart", "3B")
# Bit by bit from the fourth one, bands of one to 54 coefficients, DC coefficients apart and together.
scanned("420-progressive-bits.jpg", """
    0: 0-0, 0, 3; 1,2: 0-0, 0, 2; 0: 1-1, 0, 3; 0: 2-9, 0, 2; 0: 10-63, 0, 3; 1,2: 0-0, 2, 1; 0: 0-0, 3, 2;
    2: 1-63, 0, 0; 0: 1-1, 3, 2; 0: 1-9, 2, 1; 0: 10-62, 3, 2; 1: 1-5, 0, 1; 0: 63-63, 3, 2; 0: 10-63, 2, 1; 1: 6-63, 0, 4;
    0: 0-0, 2, 1; 0,1,2: 0-0, 1, 0; 1: 1-5, 1, 0; 0: 1-63, 1, 0; 1: 6-63, 4, 3; 1: 6-63, 3, 2; 1: 6-63, 2, 1; 1: 6-63, 1, 0;
    """, "-sample", "2x2")
scanned("420-progressive-bits-restart.jpg", """
    0,1,2: 0-0, 0, 1; 0: 1-63, 0, 2; 1: 1-63, 0, 1; 2: 1-63, 0, 1; 0,1,2: 0-0, 1, 0; 0: 1-63, 2, 1; 0: 1-63, 1, 0;
    1: 1-63, 1, 0; 2: 1-63, 1, 0;
    """, "-sample", "2x2", "-restart", "2B")
# A scan for each of most coefficients: more scans than the package reads side by side.
scanned("gray-progressive-many.jpg", "".join(f"0: {k}-{k}, 0, 0;\n" for k in range(39)) + "0: 39-63, 0, 0;", "-grayscale")
# Bits or coefficients that never come: libjpeg-turbo smooths such images.
scanned("420-progressive-coarse.jpg", "0,1,2: 0-0, 0, 1; 0: 1-63, 0, 1; 1: 1-63, 0, 0; 2: 1-63, 0, 0; 0,1,2: 0-0, 1, 0;",
        "-sample", "2x2")
scanned("420-progressive-low.jpg", "0,1,2: 0-0, 0, 0; 0: 1-20, 0, 0; 1: 1-5, 0, 0;", "-sample", "2x2")


def adobe(jpeg):
    """The offset and length of the APP14 segment."""
    at = jpeg.index(b"\xff\xee")
    return at, 2 + int.from_bytes(jpeg[at + 2:at + 4], "big")


buffer = io.BytesIO()
cmyk = Image.merge("CMYK", [*Image.eval(source, lambda v: 255 - v).split(), source.convert("L").point(lambda v: v // 4)])
cmyk.save(buffer, "JPEG", quality=90)
(coded / "cmyk.jpg").write_bytes(buffer.getvalue())
progressive = io.BytesIO()
cmyk.save(progressive, "JPEG", quality=90, progressive=True)
(coded / "cmyk-progressive.jpg").write_bytes(progressive.getvalue())
at, length = adobe(buffer.getvalue())
(coded / "cmyk-no-adobe.jpg").write_bytes(buffer.getvalue()[:at] + buffer.getvalue()[at + length:])
# YCCK: luma and chroma of the inverted inks beside K, and transform 2 in the marker's last byte.
buffer = io.BytesIO()
planes = [*source.convert("YCbCr").split(), source.convert("L").point(lambda v: 255 - v // 4)]
Image.merge("CMYK", [plane.point(lambda v: 255 - v) for plane in planes]).save(buffer, "JPEG", quality=90)
jpeg = bytearray(buffer.getvalue())
at, length = adobe(jpeg)
jpeg[at + length - 1] = 2
(coded / "ycck.jpg").write_bytes(jpeg)

turbo = ctypes.CDLL("libturbojpeg.so.0")
turbo.tjInitDecompress.restype = ctypes.c_void_p
turbo.tjInitCompress.restype = ctypes.c_void_p
turbo.tjPlaneWidth.restype = turbo.tjPlaneHeight.restype = ctypes.c_int
handle = ctypes.c_void_p(turbo.tjInitDecompress())


def turbo_planes(jpeg):
    width, height, sampling, space = (ctypes.c_int() for _ in range(4))
    numbers = [ctypes.byref(n) for n in (width, height, sampling, space)]
    assert turbo.tjDecompressHeader3(handle, jpeg, ctypes.c_ulong(len(jpeg)), *numbers) == 0
    count = 1 if sampling.value == 3 else 3
    sizes = [
        (turbo.tjPlaneWidth(k, width, sampling), turbo.tjPlaneHeight(k, height, sampling)) for k in range(count)
    ]
    buffers = [ctypes.create_string_buffer(w * h) for w, h in sizes]
    pointers = (ctypes.c_void_p * 3)(*[ctypes.addressof(b) for b in buffers])
    assert turbo.tjDecompressToYUVPlanes(
        handle, jpeg, ctypes.c_ulong(len(jpeg)), pointers, width, None, height, 0) == 0
    # Planes of TurboJPEG are padded to whole MCUs of chroma; what lies outside the image is cut.
    return [(size, buffer.raw) for size, buffer in zip(sizes, buffers)]


def turbo_encode(planes, width, height, sampling):
    """A JPEG of quality 90 from planes, by TurboJPEG."""
    encoder = ctypes.c_void_p(turbo.tjInitCompress())
    pointers = (ctypes.c_char_p * 3)(*[samples for _, samples in planes])
    out, count = ctypes.c_void_p(), ctypes.c_ulong()
    assert turbo.tjCompressFromYUVPlanes(
        encoder, pointers, width, None, height, sampling, ctypes.byref(out), ctypes.byref(count), 90, 4096) == 0  # accurate DCT
    return ctypes.string_at(out, count.value)


for kind, sampling in {"444": 0, "420": 2, "gray": 3}.items():
    planes = turbo_planes((coded / f"even-{kind}.jpg").read_bytes())
    (coded / f"planes-{kind}.jpg").write_bytes(turbo_encode(planes, *even.size, sampling))

table, pixels = [], bytearray()


def note(name, divisor, channels, width, height, samples):
    table.append(f"{name}\t{divisor}\t{channels}\t{width}\t{height}\t{len(pixels)}")
    pixels.extend(samples)


for path in sorted(coded.glob("*.jpg")):
    jpeg = path.read_bytes()
    if "cmyk" in path.name or "ycck" in path.name:
        samples = Image.open(path).tobytes()
        if path.name == "cmyk-no-adobe.jpg":  # Pillow inverts every CMYK file, which is right for Adobe's only
            samples = bytes(255 - v for v in samples)
        note(path.name, 1, "cmyk", *source.size, samples)
        continue
    for divisor in (1, 2, 4, 8):
        out = subprocess.run(["djpeg", "-pnm", "-scale", f"1/{divisor}"], input=jpeg, capture_output=True, check=True)
        with Image.open(io.BytesIO(out.stdout)) as image:
            note(path.name, divisor, "gray" if image.mode == "L" else "rgb", *image.size, image.tobytes())
    if path.name not in ("rgb.jpg", "rgb-progressive.jpg", "mixed.jpg", "mixed-progressive.jpg", "gray-2x2.jpg", "gray-2x2-progressive.jpg"):
        for channel, ((width, height), samples) in zip(("y", "cb", "cr"), turbo_planes(jpeg)):
            note(path.name, 1, channel, width, height, samples)
(folder / "coded-expected.tsv").write_text("\n".join(table) + "\n")
(folder / "coded-expected.bin").write_bytes(pixels)
print(f"{len(table)} images, {len(pixels)} bytes")
