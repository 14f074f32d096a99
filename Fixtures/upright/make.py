"""Makes what the orientation tests expect, with Pillow: every turned file, upright and small.

    python3 make.py        writes expected.bin and index.tsv beside itself

Each line of the index: file, fit, width, height. The pixels are RGB, one image behind the other. `contain` is the whole
image; `cover-north` is its top, cropped to the shape 4:3.
"""
import pathlib

from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent
SIDE = 48

files = sorted((FIXTURES / "jpeg/orientation").glob("*.jpg")) + sorted((FIXTURES / "png").glob("exif-orientation-*.png"))
files.append(FIXTURES / "jpeg/phone.jpg")
with open(HERE / "expected.bin", "wb") as pixels, open(HERE / "index.tsv", "w") as index:
    for file in files:
        image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        scale = SIDE / max(image.size)
        whole = image.resize(tuple(max(1, round(s * scale)) for s in image.size), Image.Resampling.LANCZOS)
        height = image.width * 3 / 4
        width = image.width
        if height > image.height:
            height, width = image.height, image.height * 4 / 3
        left = (image.width - width) / 2
        top = image.resize((40, 30), Image.Resampling.LANCZOS, box=(left, 0, left + width, height))
        for fit, result in (("contain", whole), ("cover-north", top)):
            pixels.write(result.tobytes())
            index.write(f"{file.relative_to(FIXTURES)}\t{fit}\t{result.width}\t{result.height}\n")
