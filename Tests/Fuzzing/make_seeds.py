"""Writes the inputs that each fuzzing target begins with, made of the fixtures: .build/fuzz-seeds/TARGET/NAME.

    make_seeds.py FOLDER
"""
import json
import re
import struct
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "Fixtures"
SEEDS = Path(sys.argv[1])
# Larger inputs cost much time, and libFuzzer finds little more with them.
LARGEST = 60_000


def write(target, name, content):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    if len(content) <= LARGEST: (folder / name).write_bytes(content)


def images():
    """The fixtures after the byte that selects the recipe or the policy, and compressed data after a byte with the bit for such data."""
    patterns = ["png/*.png", "png/pngsuite/*.png", "corrupt/*", "jpeg/*.jpg", "jpeg/coded/*.jpg", "kinds/*/*"]
    for path in sorted(path for pattern in patterns for path in FIXTURES.glob(pattern)):
        kind = path.suffix.lstrip(".")
        content = b"\0" + path.read_bytes()
        targets = {"png": ["PNGStrips"], "jpg": ["JPEGPlanes"]}.get(kind, ["Kinds"])
        if kind in ("png", "jpg", "bmp", "tga", "gif", "psd", "psb", "webp", "tif"):
            for target in [*targets, "Preparation"]: write(target, path.name, content)
    for path in sorted(FIXTURES.glob("*/*")):
        if path.suffix not in (".txt", ".md", ".json", ".icc"): continue
        for level in (1, 6, 9):
            compressor = zlib.compressobj(level, wbits=-15)
            write("PNGStrips", f"{path.name}.{level}", b"\10" + compressor.compress(path.read_bytes()) + compressor.flush())


def replies_of_the_helper():
    """A description with a profile, EXIF, XMP and a text, and a refusal."""
    def reply(status, flags, width, height, bits, *parts):
        return struct.pack("<13I", 0x44534547, 1, status, flags, width, height, bits, 12, 13, *map(len, parts)) + b"".join(parts)
    write("HelperReplies", "description", b"\1" + reply(0, 7, 4000, 3000, 10, b"profile", b"MM\0*", b"<x/>", b"text"))
    write("HelperReplies", "refusal", b"\0" + reply(2, 0, 0, 0, 0, b"", b"", b"", b"no such item"))


def segments(jpeg):
    """The segments APP1, APP2 and APP13 of a JPEG, without marker and length."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] not in (0xD9, 0xDA):
        length = int.from_bytes(jpeg[at + 2:at + 4], "big")
        if jpeg[at + 1] in (0xE1, 0xE2, 0xED): yield jpeg[at + 4:at + 2 + length]
        at += 2 + length


def chunks(png):
    """The type and the data of each chunk of a PNG."""
    at = 8
    while at + 12 <= len(png):
        length = int.from_bytes(png[at:at + 4], "big")
        yield png[at + 4:at + 8], png[at + 8:at + 8 + length]
        at += 12 + length


def metadata():
    """EXIF, packets and profiles of the fixtures; the first byte picks the form (Metadata/main.swift)."""
    for path in sorted(FIXTURES.glob("**/*")):
        content = path.read_bytes() if path.suffix in (".jpg", ".png", ".icc", ".tif") else b""
        if path.suffix == ".icc":
            channels = {b"GRAY": 1, b"CMYK": 2}.get(content[16:20], 0)
            write("Metadata", path.name, bytes([2 | channels << 2]) + content)
            write("Metadata", f"{path.name}.16", bytes([2 | channels << 2 | 16]) + content)
        elif path.suffix == ".jpg" and content.startswith(b"\xff\xd8"):
            for index, segment in enumerate(segments(content)):
                write("Metadata", f"{path.name}.{index}", b"\3" + segment)
                if segment.startswith(b"Exif\0\0"): write("Metadata", f"{path.name}.{index}.exif", b"\0" + segment[6:])
                if b"<x:xmpmeta" in segment: write("Metadata", f"{path.name}.{index}.xmp", b"\1" + segment.split(b"\0", 1)[1])
        elif path.suffix == ".png" and content.startswith(b"\x89PNG"):
            for index, (name, data) in enumerate(chunks(content)):
                picks = {b"tEXt": 3, b"zTXt": 7, b"iTXt": 11, b"eXIf": 0}
                if name in picks: write("Metadata", f"{path.name}.{index}", bytes([picks[name]]) + data)
                if name == b"iCCP":
                    write("Metadata", f"{path.name}.icc", b"\2" + zlib.decompress(data.split(b"\0", 1)[1][1:]))
        elif path.suffix == ".tif":
            write("Metadata", path.name, b"\0" + content)


def recipes():
    """Recipes of the documentation, and some of each form, for images of 4000x3000 and others."""
    texts = re.findall(r"```json\n(.*?)```", (ROOT / "Sources/ImagePreparation/ImagePreparation.docc/RecipeJSON.md").read_text(), re.S)
    texts += [
        "{}", '{"size":{"original":true}}', '{"size":{"longestSide":1024,"enlarge":true,"multiplesOf":64,"snap":"pad"}}',
        '{"size":{"box":{"width":768,"height":512,"fit":"cover"},"gravity":"north"}}',
        '{"size":{"box":{"width":7,"height":512,"fit":"pad"},"gravity":{"x":0.2,"y":0.9},"maxPixels":5000}}',
        '{"size":{"model":{"multipleOf":16,"minSide":256,"maxSide":1440,"maxPixels":2000000}}}',
        '{"size":{"longestSide":640,"trim":true},"output":{"format":"webp","quality":80,"maxBytes":100000}}',
        '{"size":{"matching":{"source":{"width":4001,"height":3001},"orientation":1,"crop":{"x":0,"y":0,"width":4001,"height":3001},'
        '"content":{"x":0,"y":0,"width":1536,"height":1152},"canvas":{"width":1536,"height":1152}}}}',
        '{"source":{"width":40,"height":30},"orientation":6,"crop":{"x":1,"y":2.5,"width":30,"height":20},'
        '"content":{"x":3,"y":0,"width":15,"height":10},"canvas":{"width":20,"height":10}}',
    ]
    for index, text in enumerate(texts):
        for shape, head in enumerate([(4000, 3000, 0), (3000, 4000, 5), (1, 65535, 8), (65535, 9, 8)]):
            write("Recipes", f"{index}-{shape}", struct.pack(">HHB", *head) + text.encode())


def replies():
    """Replies in the shapes of the contract; the first byte picks the type, the second the status."""
    job = {"jobId": "job_1", "jobType": "flux", "status": "success", "progress": 1, "createdAt": "2026-01-02T03:04:05.678Z",
           "billing": {"cuCost": "3.5", "cuDiscount": 0}, "metadata": {"assetIds": ["asset_1", "asset_2"], "hint": "h",
           "error": {"message": "e"}, "input": {"prompt": "p", "seed": "7", "image": "https://a.b/asset_1?x=y", "strength": 0.5}}}
    model = {"id": "model_1", "name": "m", "type": "custom", "custom": True, "capabilities": ["img2img"], "inputs": [
        {"name": "prompt", "type": "string", "required": {"always": True}, "minLength": 1, "maxLength": 99},
        {"name": "image", "type": "file", "required": {"conditional": {"values": {"a": 1}, "operator": "or"}}},
        {"name": "width", "type": "number", "min": 64, "max": 2048, "step": 8, "default": 1024, "allowedValues": [512, 1024]}]}
    asset = {"id": "asset_1", "url": "https://cdn.example/a.png?Policy=x", "mimeType": "image/png", "kind": "image",
             "metadata": {"width": 10, "height": 20, "size": 30}}
    upload = {"id": "upload_1", "status": "pending", "entityId": "asset_1", "jobId": "job_1",
              "parts": [{"number": 1, "url": "https://s3.example/1?X-Amz-Signature=a", "expires": "2026-01-02T03:04:05Z"}]}
    refusal = {"error": "insufficient credits", "reason": "the model flux.1-dev does not exist", "apiInfo": "", "name": "E",
               "details": {"actionName": "parallel-inferences", "actionLimit": 3, "parameter": "modelId", "remainingSeconds": 7}}
    bodies = [
        (0, refusal), (0, {"message": "Missing Authentication Token"}), (0, {"error": {"message": "Too many requests"}}),
        (1, {"job": job, "creativeUnitsCost": 3.5, "inference": {"id": "job_1", "prompt": "p"}}), (1, {"job": job}), (2, {
            "jobs": [job, {}], "nextPaginationToken": "t"}), (3, {"asset": asset}), (4, {"assets": [asset], "nextPaginationToken": "t"}),
        (5, {"model": model}), (6, {"upload": upload}), (7, {"creativeUnitsCost": 3.5, "creativeUnitsDiscount": 1}), (7, {"job": job}),
    ]
    for index, (pick, body) in enumerate(bodies):
        for status in (0, 29, 100, 101, 102, 103, 104, 129, 200, 203):
            if pick == 0 or status == 0: write("Replies", f"{index}-{status}", bytes([pick, status]) + json.dumps(body).encode())
    write("Replies", "html", b"\0\314<html><head><title>504 Gateway Time-out</title></head></html>")
    write("Replies", "wait", b"\0\201Wed, 21 Oct 2026 07:28:00 GMT\nslow down")


def rows():
    """Manifests and lists in each form; the first byte picks the form."""
    forms = [
        (0, b"a.jpg\nb.jpg\r\nhttps://example.com/c.png\n"), (0, b"a.jpg\0b\nc.jpg\0"), (4, b"\xef\xbb\xbfa.jpg\n"),
        (1, b'{"input": "a.jpg", "prompt": "p", "seed": 7}\n{"input": "b.jpg", "strength": 0.5}\n'), (5, b'[{"input": "a.jpg"}]'),
        (2, b'input,prompt\r\na.jpg,"one, two"\r\nb.jpg,"a ""b""\nc"\r\n'), (3, b"input\tseed\na.jpg\t7\n"), (6, b"input,input\na,b\n"),
    ]
    for index, (pick, content) in enumerate(forms):
        for piece in (0, 3, 31): write("Rows", f"{index}-{piece}", bytes([pick | piece << 3]) + content)


def ledger_rows():
    """The cells of a run, its result, its batch and its row, as LedgerRows/main.swift divides them."""
    run = ["tsubmitted", "i0", "i1", "ta", "thttps://api.example", "n", "ta.jpg", "tab", "tcd ef", "n", "tab", "t/tmp/a.jpg", "t{}",
           "tflux.1-dev", "tp", "t{}", "t7", "t/tmp", "t{stem}", "ta", "tasset_1", "r1800000000.5", "t3.5", "r1800000001", "tjob_1", "t3",
           "i0", "tjob_2 asset_3", "n", "t2026-01-02T03:04:05Z", "t2026-01-02T03:04:05Z"]
    result = ["tasset_2", "t/tmp/a.png", "tab", "i1", "n"]
    batch = ["t2026-01-02T03:04:05Z", "t2026-01-02T03:04:05Z", "t-", "t/tmp", "tgesso batch", "i3"]
    row = ["i1", "ta.jpg", "n", "tfailed", 't{"code":"c","stage":"s","message":"m","remedy":"r"}', 't{"began":1800000000.5}']
    cells = run + result + batch + row
    write("LedgerRows", "whole", "\n".join(cells).encode())
    # Each cell gets every other type once.
    for index in range(len(cells)):
        for other in ("n", "i7", "r0.5", "b\x00\x01", "tx"):
            write("LedgerRows", f"{index}-{other[0]}", "\n".join(cells[:index] + [other] + cells[index + 1:]).encode())


def mcp_lines():
    """Messages of a client, by line."""
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}}},
        {"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": "a", "method": "tools/list"},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "prepare", "arguments": {"path": "/a.jpg", "max_side": 7}}},
        {"jsonrpc": "2.0", "id": None, "method": 7}, {"jsonrpc": "2.0", "id": 1.5, "result": {}}, [1, {"jsonrpc": "1.0"}],
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}},
    ]
    lines = [json.dumps(message).encode() for message in messages]
    for index, line in enumerate(lines): write("MCPLines", str(index), line + b"\n")
    write("MCPLines", "all", b"\n".join(lines))


for make in (images, replies_of_the_helper, metadata, recipes, replies, rows, ledger_rows, mcp_lines): make()
