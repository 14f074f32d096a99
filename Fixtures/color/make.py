"""Makes what the color tests expect, with Pillow's own lcms2: CMYK and RGB files in other spaces, small, as sRGB.

    python3 make.py        writes expected.bin and index.tsv beside itself

Resized (Lanczos, longest side 64) and converted: relative colorimetric, black point compensation. Spaces whose transfer
function is not sRGB's are converted first.
A file without a profile is taken as CGATS TR 001.
"""
import io
import pathlib

from PIL import Image, ImageCms

HERE = pathlib.Path(__file__).parent
FIXTURES = HERE.parent
FILES = ["jpeg/small-cmyk.jpg", "jpeg/small-ycck.jpg", "jpeg/small-cmyk-icc.jpg", "jpeg/icc-adobe-rgb.jpg",
         "jpeg/icc-prophoto.jpg", "jpeg/icc-display-p3.jpg", "jpeg/icc-display-p3-v2.jpg", "png/icc-display-p3.png"]
FIRST = ["jpeg/icc-adobe-rgb.jpg", "jpeg/icc-prophoto.jpg"]
BLACK_POINT_COMPENSATION = 0x2000
with open(HERE / "expected.bin", "wb") as pixels, open(HERE / "index.tsv", "w") as index:
    for file in FILES:
        image = Image.open(FIXTURES / file)
        profile = image.info.get("icc_profile") or (FIXTURES / "icc/CGATS001Compat-v2-micro.icc").read_bytes()
        scale = 64 / max(image.size)

        def resized(image):
            return image.resize(tuple(round(s * scale) for s in image.size), Image.Resampling.LANCZOS)

        def converted(image):
            return ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB", flags=BLACK_POINT_COMPENSATION)

        small = resized(converted(image)) if file in FIRST else converted(resized(image))
        pixels.write(small.tobytes())
        index.write(f"{file}\t{small.width}\t{small.height}\n")
