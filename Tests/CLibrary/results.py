#!/usr/bin/env python3
"""Compares what the C interface wrote with what the command makes of the same sources: results.py GESSO FIXTURES FOLDER

Files must have the same bytes, and tensors the same floats. Pixels must have the samples that Pillow decodes from the command's PNG."""
import subprocess
import sys
from pathlib import Path

import numpy
from PIL import Image

GESSO, FIXTURES, FOLDER = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
# The cases of results.c, in the flags of the command.
FLAGS = {
    "auto": "", "attention": "--size 160x90 --fit cover --gravity attention --format png --compression small",
    "focus": "--size 150x150 --fit cover --focus 0.8,0.2 --format webp",
    "padded": "--size 200x300 --fit pad --gravity southeast --enlarge --trim --background #204060",
    "settings": "--max-side 100 --multiple-of 8 --snap stretch --linear --icc keep --filter mitchell --effort best --format jpeg "
    "--quality 70 --subsampling 444",
    "budget": "--max-side 800 --max-pixels 0.3 --format jpeg --max-bytes 20000 --min-quality 40 --min-side 100",
    "metadata": "--max-side 65500 --metadata keep", "no-gps": "--max-side 65500 --metadata no-gps",
    "data": "--max-side 30 --data --format png --bits 16 --fail-on warning", "model": "--for sd15",
    "pixels": "--max-side 200 --format png", "gray": "--max-side 65500 --format png",
    "alpha": "--max-side 99 --format png", "cmyk": "--max-side 65500 --format png",
    "diffusers": "--max-side 256 --range diffusers",
    "imagenet": "--size 64x64 --fit stretch --background red --layout nhwc --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225",
    "halves": "--max-side 31 --mean 0.5 --std 0.25", "default-tensor": "--max-side 65500",
}
PIXELS, TENSORS = ["pixels", "gray", "alpha", "cmyk"], ["diffusers", "imagenet", "halves", "default-tensor"]
passed = failed = 0


def check(name, same, what=""):
    global passed, failed
    passed, failed = passed + bool(same), failed + (not same)
    if not same:
        print(f"error: {name} is not what the command makes {what}")


def gesso(*arguments):
    subprocess.run([GESSO, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


rows = [line.split("\t") for line in (FOLDER / "results.tsv").read_text().splitlines()]
for name, source, width, height, channels in rows:
    ours, theirs = FOLDER / name, FOLDER / f"{name}-command"
    shape = [int(height), int(width), int(channels)]
    if name == "restored":
        record = FOLDER / "record.json"
        with open(record, "wb") as file:
            subprocess.run(
                [GESSO, "prepare", FIXTURES / source, "-o", FOLDER / "part.png", "--json", "-q", *"--size 120x120 --fit cover --format png".split()],
                check=True, stdout=file)
        gesso("restore", FOLDER / "part.png", "--record", record, "-o", f"{theirs}.png", "-q")
    elif name in TENSORS:
        gesso("prepare", FIXTURES / source, "-o", f"{theirs}.png", "-q", "--tensor", f"{theirs}.npy", *FLAGS[name].split())
        tensor = numpy.load(f"{theirs}.npy")
        check(name, tensor.size > 100 and tensor.std() > 0.01 and ours.read_bytes() == tensor.tobytes(), tensor.shape)
        continue
    else:
        # The name has no extension, so that "auto" chooses the format.
        gesso("prepare", FIXTURES / source, "-o", theirs, "-q", *FLAGS[name].split())
        if name not in PIXELS:
            check(name, ours.stat().st_size > 100 and ours.read_bytes() == theirs.read_bytes(), theirs.stat().st_size)
            continue
        theirs.rename(f"{theirs}.png")
    image = numpy.asarray(Image.open(f"{theirs}.png"))
    samples = numpy.frombuffer(ours.read_bytes(), numpy.uint8).reshape(shape)
    if image.ndim == 2:
        image = image[:, :, None]
    check(name, samples.std() > 1 and image.shape == samples.shape and numpy.array_equal(image, samples), image.shape)

check("the list of cases", sorted(row[0] for row in rows) == sorted([*FLAGS, "restored"]))
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
