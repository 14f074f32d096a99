#!/usr/bin/env python3
"""Makes the HEIC and AVIF files, and their expected pixels.

    apt-get install libheif-examples libavif-bin
    .build/venv-tests/bin/pip install pillow-heif==1.8.1
    .build/venv-tests/bin/python Fixtures/kinds/make-heif.py

AVIF files come from avifenc (libavif 0.11.1, aom), HEIC files from heif-enc (libheif 1.15.1, x265). What heif-enc does not write is put
together here from its coded images: grids, turns, code points, a gain map (ISO/IEC 14496-12 and 23008-12). Expected pixels are those of
Pillow's own AVIF plug-in (libavif) and of pillow-heif (libheif 1.23.6), which turn and compose by themselves; the script fails where the
picture that a file was made from is not what they find.
"""
import io
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy
import pillow_heif
import png
from PIL import Image, ImageFilter, ImageOps

here = Path(__file__).resolve().parent
fixtures = here.parent
picture = Image.open(fixtures / "png/small-rgb8.png").convert("RGB").resize((53, 31), Image.LANCZOS)
# Colors change slowly, so that it matters little how a decoder interpolates subsampled chroma.
soft = picture.resize((53, 31)).filter(ImageFilter.GaussianBlur(4))
wide = Image.open(fixtures / "png/small-rgb8.png").convert("RGB").resize((150, 100), Image.LANCZOS)
# heif-enc codes even sides of at least 64 pixels, and cuts the rest off with a property that the files made here do not have.
even = wide.resize((96, 64), Image.LANCZOS)
columns, rows = numpy.meshgrid(numpy.arange(53), numpy.arange(31))
alpha = numpy.clip(255 * 1.4 - numpy.hypot(columns - 26, rows - 15) * 16, 0, 255).astype(numpy.uint8)
clear = Image.fromarray(numpy.dstack([numpy.asarray(picture), alpha]))
profile = (fixtures / "icc/DisplayP3-v2-magic.icc").read_bytes()


# MARK: Writers

def run(command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def encoded(program, image, suffix, *options):
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder) / "in.png", Path(folder) / ("out." + suffix)
        if isinstance(image, numpy.ndarray):
            write_deep(image, source)
        else:
            image.save(source)
        run([program, *options, str(source), "-o", str(output)])
        return output.read_bytes()


def write_deep(samples, path):
    form = "RGBA;16" if samples.shape[2] == 4 else "RGB;16"
    png.from_array(samples.reshape(len(samples), -1), form).save(str(path))


def deep(image):
    return numpy.asarray(image).astype(numpy.uint16) * 257


def avif(image, *options):
    return encoded("avifenc", image, "avif", "-s", "4", "--min", "0", "--max", "4", "--minalpha", "0", "--maxalpha", "0", *options)


def heic(image, *options):
    return encoded("heif-enc", image, "heic", "-q", "95", *options)


# MARK: Boxes

def box(kind, *content, version=None, flags=0):
    data = b"".join(content)
    if version is not None:
        data = struct.pack(">I", version << 24 | flags) + data
    return struct.pack(">I", 8 + len(data)) + kind + data


def children(data):
    at = 0
    while at + 8 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        yield data[at + 4:at + 8], data[at + 8:at + size]
        at += size


def find(data, *path):
    for kind, content in children(data):
        if kind == path[0]:
            content = content[4:] if kind == b"meta" else content
            return find(content, *path[1:]) if len(path) > 1 else content
    raise KeyError(path)


def coded_image(image, *options):
    """The configuration and the coded bytes of heif-enc's HEIC of one image."""
    file = heic(image, *options)
    configuration = box(b"hvcC", find(file, b"meta", b"iprp", b"ipco", b"hvcC"))
    return configuration, find(file, b"mdat")


def ispe(size):
    return box(b"ispe", struct.pack(">II", *size), version=0)


def irot(quarters):
    return box(b"irot", bytes([quarters]))


def imir(axis):
    return box(b"imir", bytes([axis]))


def nclx(primaries, transfer, matrix, full=True):
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, 0x80 if full else 0))


def icc(data):
    return box(b"colr", b"prof", data)


def auxiliary(kind):
    return box(b"auxC", kind + b"\0", version=0)


def heif(items, references=(), brand=b"heic"):
    """A file of items (type, bytes, properties), of which the first is the primary one, and references (type, from, to…)."""
    properties, associations = [], []
    for _, _, own in items:
        indices = []
        for item in own:
            if item not in properties:
                properties.append(item)
            # Those that change the picture are essential.
            indices.append((0x80 if item[4:8] in (b"irot", b"imir", b"clap", b"hvcC") else 0) | properties.index(item) + 1)
        associations.append(indices)

    def meta(start):
        infos, locations, at = [], [], start
        for number, (kind, data, _) in enumerate(items, 1):
            name = b"\0" + (b"application/rdf+xml\0" if kind == b"mime" else b"")
            infos.append(box(b"infe", struct.pack(">HH4s", number, 0, kind), name, version=2, flags=0 if number == 1 else 1))
            locations.append(struct.pack(">HHHII", number, 0, 1, at, len(data)))
            at += len(data)
        boxes = [
            box(b"hdlr", bytes(4) + b"pict" + bytes(13), version=0), box(b"pitm", struct.pack(">H", 1), version=0),
            box(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)), *locations, version=0),
            box(b"iinf", struct.pack(">H", len(items)), *infos, version=0),
            box(b"iprp", box(b"ipco", *properties),
                box(b"ipma", struct.pack(">I", len(items)),
                    *(struct.pack(">HB", number, len(own)) + bytes(own) for number, own in enumerate(associations, 1)), version=0)),
        ]
        if references:
            boxes.insert(3, box(b"iref", *(box(kind, struct.pack(f">HH{len(to)}H", source, len(to), *to)) for kind, source, *to in references),
                                version=0))
        return box(b"meta", *boxes, version=0)

    head = box(b"ftyp", brand, bytes(4), b"mif1", brand)
    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + box(b"mdat", *(data for _, data, _ in items))


def variant(image, *properties, options=("-p", "chroma=444"), more=(), references=()):
    configuration, data = coded_image(image, *options)
    return heif([(b"hvc1", data, [configuration, ispe(image.size), *properties]), *more], references)


def grid(image, tile, *properties):
    """A picture of square tiles, cut off at the right and at the bottom."""
    width, height = image.size
    across, down = -(-width // tile), -(-height // tile)
    # The edge is repeated, so that the tiles beyond it look like the picture.
    canvas = Image.fromarray(numpy.pad(
        numpy.asarray(image), ((0, down * tile - height), (0, across * tile - width), (0, 0)), mode="edge"))
    tiles = [coded_image(canvas.crop((x * tile, y * tile, (x + 1) * tile, (y + 1) * tile)), "-p", "chroma=444")
             for y in range(down) for x in range(across)]
    assert len({configuration for configuration, _ in tiles}) == 1
    items = [(b"grid", struct.pack(">BBBBHH", 0, 0, down - 1, across - 1, width, height), [ispe(image.size), *properties])]
    items += [(b"hvc1", data, [configuration, ispe((tile, tile))]) for configuration, data in tiles]
    return heif(items, [(b"dimg", 1, *range(2, len(items) + 1))])


def exif(orientation):
    structure = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return struct.pack(">I", 0) + structure


# MARK: Files

def found(path):
    """RGBA of 8 bits by Pillow or pillow-heif."""
    if path.suffix == ".avif":
        with Image.open(path) as image:
            return numpy.asarray(ImageOps.exif_transpose(image).convert("RGBA"))
    image = pillow_heif.open_heif(path, convert_hdr_to_8bit=True).to_pillow()
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    return numpy.asarray(image.convert("RGBA"))


def write(name, data, original, tolerance=14):
    """Writes a file, and what another decoder makes of it, which must be near the picture that it was made from."""
    path = here / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    pixels = found(path)
    wanted = numpy.asarray(original.convert("RGBA"))
    assert pixels.shape == wanted.shape, (name, pixels.shape, wanted.shape)
    seen = wanted[..., 3:] > 40
    difference = int((abs(pixels.astype(int) - wanted.astype(int)) * seen).max())
    assert difference <= tolerance, f"{name}: {difference} from the picture it was made from"
    print(f"{name}: {len(data)} bytes, {difference} from its picture")
    Image.fromarray(pixels).save(path.with_suffix(".png"), optimize=True)


turned = {"irot1": Image.ROTATE_90, "irot2": Image.ROTATE_180, "irot3": Image.ROTATE_270}

write("avif/444-avifenc.avif", avif(picture, "-y", "444"), picture)
write("avif/420-avifenc.avif", avif(soft, "-y", "420"), soft)
write("avif/420-limited-bt709-avifenc.avif", avif(soft, "-y", "420", "-r", "limited", "--cicp", "1/13/1"), soft)
write("avif/422-avifenc.avif", avif(soft, "-y", "422"), soft)
write("avif/gray-avifenc.avif", avif(picture.convert("L"), "-y", "400"), picture.convert("L"))
write("avif/444-10-avifenc.avif", avif(deep(picture), "-y", "444", "-d", "10"), picture)
write("avif/420-12-limited-avifenc.avif", avif(deep(soft), "-y", "420", "-d", "12", "-r", "limited"), soft)
write("avif/lossless-avifenc.avif", encoded("avifenc", picture, "avif", "-l"), picture, tolerance=0)
write("avif/alpha-avifenc.avif", avif(clear, "-y", "444"), clear)
write("avif/alpha-10-avifenc.avif", avif(deep(clear), "-y", "444", "-d", "10"), clear)
write("avif/premultiplied-avifenc.avif", avif(clear, "-y", "444", "-p"), clear, tolerance=24)
write("avif/display-p3-nclx-avifenc.avif", avif(picture, "-y", "444", "--cicp", "12/13/6"), picture)
write("avif/grid-avifenc.avif", avif(wide.resize((192, 128), Image.LANCZOS), "-y", "444", "-g", "2x2"), wide.resize((192, 128), Image.LANCZOS))
write("avif/irot3-imir1-avifenc.avif", avif(picture, "-y", "444", "--irot", "3", "--imir", "1"),
      picture.transpose(Image.ROTATE_270).transpose(Image.FLIP_LEFT_RIGHT))
for mode, turn in (("0", Image.FLIP_TOP_BOTTOM), ("1", Image.FLIP_LEFT_RIGHT)):
    write(f"avif/imir{mode}-avifenc.avif", avif(picture, "-y", "444", "--imir", mode), picture.transpose(turn))
with tempfile.NamedTemporaryFile(suffix=".icc") as file:
    file.write(profile)
    file.flush()
    write("avif/profile-avifenc.avif", avif(picture, "-y", "444", "--icc", file.name), picture)

write("heic/444-heif-enc.heic", heic(picture, "-p", "chroma=444"), picture)
write("heic/420-heif-enc.heic", heic(soft), soft)
write("heic/422-heif-enc.heic", heic(soft, "-p", "chroma=422"), soft)
write("heic/gray-heif-enc.heic", heic(picture.convert("L")), picture.convert("L"))
write("heic/alpha-heif-enc.heic", heic(clear, "-p", "chroma=444"), clear)
write("heic/444-10-heif-enc.heic", heic(deep(picture), "-p", "chroma=444", "-b", "10"), picture)
write("heic/444-12-heif-enc.heic", heic(deep(picture), "-p", "chroma=444", "-b", "12"), picture)
write("heic/grid.heic", grid(wide, 64), wide)
write("heic/grid-irot1.heic", grid(wide, 64, irot(1)), wide.transpose(Image.ROTATE_90))
for name, turn in turned.items():
    write(f"heic/{name}.heic", variant(even, irot(int(name[-1]))), even.transpose(turn))
write("heic/imir0.heic", variant(even, imir(0)), even.transpose(Image.FLIP_TOP_BOTTOM))
write("heic/imir1.heic", variant(even, imir(1)), even.transpose(Image.FLIP_LEFT_RIGHT))
write("heic/irot1-imir1.heic", variant(even, irot(1), imir(1)),
      even.transpose(Image.ROTATE_90).transpose(Image.FLIP_LEFT_RIGHT))
write("heic/display-p3-nclx.heic", variant(even, nclx(12, 13, 6)), even)
write("heic/bt2020-nclx.heic", variant(even, nclx(9, 1, 6)), even)
write("heic/profile.heic", variant(even, icc(profile)), even)
# As phones write it: the turn is in irot and in EXIF.
write("heic/irot3-exif6.heic",
      variant(even, irot(3), more=[(b"Exif", exif(6), [])], references=[(b"cdsc", 2, 1)]), even.transpose(Image.ROTATE_270))
# And EXIF alone, which does not count.
write("heic/exif6.heic", variant(even, more=[(b"Exif", exif(6), [])], references=[(b"cdsc", 2, 1)]), even)
gain_configuration, gain = coded_image(even.convert("L").resize((64, 64)))
write("heic/gain-map.heic",
      variant(even, more=[(b"hvc1", gain, [gain_configuration, ispe((64, 64)), auxiliary(b"urn:com:apple:photo:2020:aux:hdrgainmap")])],
              references=[(b"auxl", 2, 1)]), even)
