"""Makes what the tests of color spaces expect, with lcms2 itself in double precision, unoptimized, through ctypes.

    python3 make-spaces.py ICC        writes spaces/ beside itself; ICC is a folder with the Compact ICC Profiles

Every PNG holds the same 625 colors in another space, told in another way. expected.bin holds what each becomes: sRGB,
float32, relative colorimetric with black point compensation, clipped to 0…1. A cICP chunk is expected to give what an ICC
profile of the same space gives. inks.bin are 625 CMYK colors. The checkerboard lies beside spaces/, and so do
256 grays of 16 bits, each a square of 16 pixels.
"""
import ctypes as C
import pathlib
import struct
import sys
import zlib

import numpy as np

HERE = pathlib.Path(__file__).parent
ICC = pathlib.Path(sys.argv[1])
lcms = C.CDLL("liblcms2.so.2")
for name, result, arguments in (
        ("cmsOpenProfileFromMem", C.c_void_p, [C.c_char_p, C.c_uint32]), ("cmsCreate_sRGBProfile", C.c_void_p, []),
        ("cmsCreateTransform", C.c_void_p, [C.c_void_p, C.c_uint32] * 2 + [C.c_uint32] * 2),
        ("cmsDoTransform", None, [C.c_void_p] * 3 + [C.c_uint32]), ("cmsBuildGamma", C.c_void_p, [C.c_void_p, C.c_double]),
        ("cmsCreateRGBProfile", C.c_void_p, [C.c_void_p] * 3), ("cmsCreateGrayProfile", C.c_void_p, [C.c_void_p] * 2),
        ("cmsD50_xyY", C.c_void_p, []), ("cmsCreateLab4Profile", C.c_void_p, [C.c_void_p]),
        ("cmsSaveProfileToMem", C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(C.c_uint32)]),
        ("cmsCreateProfilePlaceholder", C.c_void_p, [C.c_void_p]), ("cmsSetDeviceClass", None, [C.c_void_p, C.c_uint32]),
        ("cmsSetColorSpace", None, [C.c_void_p, C.c_uint32]), ("cmsSetPCS", None, [C.c_void_p, C.c_uint32]),
        ("cmsSetProfileVersion", None, [C.c_void_p, C.c_double]), ("cmsPipelineAlloc", C.c_void_p, [C.c_void_p] + [C.c_uint32] * 2),
        ("cmsStageAllocCLut16bit", C.c_void_p, [C.c_void_p] + [C.c_uint32] * 3 + [C.c_void_p]),
        ("cmsStageAllocToneCurves", C.c_void_p, [C.c_void_p, C.c_uint32, C.c_void_p]),
        ("cmsPipelineInsertStage", C.c_int, [C.c_void_p, C.c_int, C.c_void_p]),
        ("cmsWriteTag", C.c_int, [C.c_void_p, C.c_uint32, C.c_void_p])):
    function = getattr(lcms, name)
    function.restype, function.argtypes = result, arguments

SPACES = {"GRAY": (3, 1, 1), "RGB ": (4, 3, 1), "CMYK": (6, 4, 100), "Lab ": (10, 3, 1)}
SRGB = lcms.cmsCreate_sRGBProfile()
ADOBE = [0.3127, 0.3290, 0.6400, 0.3300, 0.2100, 0.7100, 0.1500, 0.0600]
D65 = ADOBE[:2]


def tag(text):
    return int.from_bytes(text.encode(), "big")


def opened(profile):
    return lcms.cmsOpenProfileFromMem(profile, len(profile))


def saved(handle):
    count = C.c_uint32()
    assert lcms.cmsSaveProfileToMem(handle, None, C.byref(count))
    data = C.create_string_buffer(count.value)
    lcms.cmsSaveProfileToMem(handle, data, C.byref(count))
    # The time and the digest differ from run to run.
    return data.raw[:24] + bytes(12) + data.raw[36:84] + bytes(16) + data.raw[100:]


def converted(profile, colors, target=SRGB, target_space="RGB "):
    """Colors of 0…1 in double precision."""
    source = opened(profile)
    space, count, scale = SPACES[profile[16:20].decode()]
    target_code, target_count, _ = SPACES[target_space]
    transform = lcms.cmsCreateTransform(
        source, 1 << 22 | space << 16 | count << 3, target, 1 << 22 | target_code << 16 | target_count << 3, 1,
        0x2000 | 0x0100 | 0x0040)
    colors = np.ascontiguousarray(colors.reshape(-1, count) * scale, np.float64)
    result = np.zeros((len(colors), target_count))
    lcms.cmsDoTransform(transform, colors.ctypes.data, result.ctypes.data, len(colors))
    return result


def rgb_profile(gamma, chromaticities):
    """A matrix profile."""
    points = [value for x, y in zip(chromaticities[::2], chromaticities[1::2]) for value in (x, y, 1)]
    curve = lcms.cmsBuildGamma(None, gamma)
    return saved(lcms.cmsCreateRGBProfile(
        (C.c_double * 3)(*points[:3]), (C.c_double * 9)(*points[3:]), (C.c_void_p * 3)(curve, curve, curve)))


def gray_profile(gamma):
    return saved(lcms.cmsCreateGrayProfile(lcms.cmsD50_xyY(), lcms.cmsBuildGamma(None, gamma)))


def table_profile(like):
    """The space of a matrix profile as a version 4 profile that has only a table of 17³ entries."""
    side = np.linspace(0, 1, 17)
    lab = converted(like, np.stack(np.meshgrid(side, side, side, indexing="ij"), -1),
                    lcms.cmsCreateLab4Profile(None), "Lab ")
    table = np.rint(np.clip((lab + [0, 128, 128]) / [100, 255, 255], 0, 1) * 65535).astype(np.uint16).ravel()
    profile = lcms.cmsCreateProfilePlaceholder(None)
    lcms.cmsSetProfileVersion(profile, 4.2)
    lcms.cmsSetDeviceClass(profile, tag("scnr"))
    lcms.cmsSetColorSpace(profile, tag("RGB "))
    lcms.cmsSetPCS(profile, tag("Lab "))
    pipeline = lcms.cmsPipelineAlloc(None, 3, 3)
    identity = lcms.cmsStageAllocToneCurves
    for stage in (identity(None, 3, None), lcms.cmsStageAllocCLut16bit(None, 17, 3, 3, table.ctypes.data),
                  identity(None, 3, None)):
        assert lcms.cmsPipelineInsertStage(pipeline, 1, stage)
    assert lcms.cmsWriteTag(profile, tag("A2B0"), pipeline)
    assert lcms.cmsWriteTag(profile, tag("wtpt"), (C.c_double * 3)(0.9642, 1.0, 0.8249))
    return saved(profile)


def png(samples, chunks):
    height, width, channels = samples.shape
    depth = samples.dtype.itemsize * 8
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(samples.dtype.newbyteorder(">")).tobytes() for row in samples)
    parts = [("IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)), *chunks,
             ("IDAT", zlib.compress(rows, 9)), ("IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name.encode() + data + struct.pack(">I", zlib.crc32(name.encode() + data))
        for name, data in parts)


def iccp(profile):
    return "iCCP", b"profile\0\0" + zlib.compress(profile, 9)


def gama(value):
    return "gAMA", struct.pack(">I", round(value * 100_000))


def chrm(values):
    return "cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values))


def cicp(*points):
    return "cICP", bytes(points)


def file(name):
    return (ICC / f"{name}.icc").read_bytes()


random = np.random.default_rng(4)
side = np.linspace(0, 255, 7).round()
colors = np.concatenate([np.stack(np.meshgrid(side, side, side), -1).reshape(-1, 3), random.integers(0, 256, (282, 3))])
colors = colors.reshape(25, 25, 3).astype(np.uint8)
clear = np.dstack([colors, random.integers(1, 256, (25, 25)).astype(np.uint8)])
deep = np.minimum(colors.astype(int) * 257 + random.integers(0, 257, colors.shape), 65535).astype(np.uint16)
gray = np.arange(625).reshape(25, 25, 1).astype(np.uint8)
SRGB_CHRM = [0.3127, 0.3290, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06]
p3, prophoto, adobe = file("DisplayP3-v4"), file("ProPhoto-v4"), file("AdobeCompat-v4")
swapped = rgb_profile(2.2, ADOBE[:2] + ADOBE[4:8] + ADOBE[2:4])
srgb_tag = ("sRGB", b"\0")
CASES = [  # name, samples, chunks, the profile that says what is meant (None: sRGB, untouched)
    ("display-p3-v4", colors, [iccp(p3)], p3),
    ("display-p3-v2", colors, [iccp(file("DisplayP3-v2-magic"))], file("DisplayP3-v2-magic")),
    ("adobe-rgb-v4", colors, [iccp(adobe)], adobe),
    ("prophoto-v4", colors, [iccp(prophoto)], prophoto),
    ("rec2020-v4", colors, [iccp(file("Rec2020-v4"))], file("Rec2020-v4")),
    ("swapped-channels", colors, [iccp(swapped)], swapped),
    ("table-v4", colors, [iccp(table_profile(adobe))], table_profile(adobe)),
    ("gray-1.8", gray, [iccp(gray_profile(1.8))], gray_profile(1.8)),
    ("alpha-prophoto-v4", clear, [iccp(prophoto)], prophoto),
    ("alpha-display-p3-v4", clear, [iccp(p3)], p3),
    ("alpha-table-v4", clear, [iccp(table_profile(adobe))], table_profile(adobe)),
    ("16-bit-prophoto-v4", deep, [iccp(prophoto)], prophoto),
    ("16-bit-display-p3-v4", deep, [iccp(p3)], p3),
    ("16-bit-table-v4", deep, [iccp(table_profile(adobe))], table_profile(adobe)),
    ("gama-1.0", colors, [gama(1)], rgb_profile(1, SRGB_CHRM)),
    ("gama-nonsense-chrm", colors, [gama(1), chrm([0.3127, 0.3290] + [0.3, 0.3] * 3)], rgb_profile(1, SRGB_CHRM)),
    ("gama-1.0-gray", gray, [gama(1)], gray_profile(1)),
    ("gama-chrm-adobe-rgb", colors, [gama(0.45455), chrm(ADOBE)], rgb_profile(1 / 0.45455, ADOBE)),
    ("gama-chrm-1.8", colors, [gama(0.55556), chrm(ADOBE)], rgb_profile(1 / 0.55556, ADOBE)),
    ("cicp-display-p3", colors, [cicp(12, 13, 0, 1)], p3),
    ("cicp-bt709", colors, [cicp(1, 1, 0, 1)], file("Rec709-v4")),
    ("cicp-before-profile", colors, [cicp(12, 13, 0, 1), iccp(prophoto)], p3),
    ("cicp-pq-then-profile", colors, [cicp(9, 16, 0, 1), iccp(adobe)], adobe),
    ("profile-before-gama", colors, [gama(1), chrm(ADOBE), iccp(p3)], p3),
    ("cicp-srgb-before-profile", colors, [cicp(1, 13, 0, 1), iccp(adobe)], None),
    ("srgb-before-gama", colors, [srgb_tag, gama(1), chrm(ADOBE)], None),
    ("srgb-profile", colors, [iccp(file("sRGB-v4"))], None),
    ("gama-chrm-srgb", colors, [gama(0.45455), chrm(SRGB_CHRM)], None),
    ("cicp-pq", colors, [cicp(9, 16, 0, 1)], None),
    ("cicp-hlg", colors, [cicp(9, 18, 0, 1)], None),
]

out = HERE / "spaces"
out.mkdir(exist_ok=True)
with open(out / "expected.bin", "wb") as expected, open(out / "index.tsv", "w") as index:
    for name, samples, chunks, profile in CASES:
        (out / f"{name}.png").write_bytes(png(samples, chunks))
        index.write(f"{name}\t{samples.shape[2]}\t{'converted' if profile else 'untouched'}\n")
        opaque = samples[..., :3] if samples.shape[2] == 4 else samples
        values = opaque / np.iinfo(samples.dtype).max
        result = converted(profile, values) if profile else values
        expected.write(np.clip(result, 0, 1).reshape(-1, 3 if profile else samples.shape[2]).astype("<f4").tobytes())
board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None]
(HERE / "checkerboard-gama-1.0.png").write_bytes(png(board, [gama(1)]))
levels = np.arange(256).repeat(16 * 16).reshape(256, 16, 16).transpose(1, 0, 2).reshape(16, 4096)
(HERE / "gray16-levels.png").write_bytes(png((levels * 257).astype(np.uint16)[..., None].repeat(16, 0), []))
inks = random.integers(0, 256, (625, 4)).astype(np.uint8)
inks[:5] = [[0] * 4, [255] * 4, [0, 0, 0, 255], [255, 255, 255, 0], [0, 0, 0, 128]]
(out / "inks.bin").write_bytes(inks.tobytes())
(out / "inks-expected.bin").write_bytes(
    np.clip(converted(file("CGATS001Compat-v2-micro"), inks / 255), 0, 1).astype("<f4").tobytes())
