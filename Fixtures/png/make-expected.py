#!/usr/bin/env python3
"""Makes the expected pixels of PngSuite with pypng, a decoder in Python that shares no code with libpng.

    make-expected.py [--dumps FOLDER]     needs pypng 0.20220715

Writes pngsuite-expected.tsv (file, width, height, bits a sample, offset) and pngsuite-expected.bin: RGBA of every valid
file, 8 bits a sample, or 16 in big-endian order. Palettes are expanded, gray is spread over the channels and to the full
range, tRNS is alpha. With --dumps every file is also compared with FOLDER/NAME.json, a dump by a third decoder.
"""
import array, itertools, json, pathlib, sys
import png

folder = pathlib.Path(__file__).parent
dumps = pathlib.Path(sys.argv[2]) if sys.argv[1:2] == ["--dumps"] else None


def rgba(path):
    reader = png.Reader(filename=str(path))
    width, height, rows, info = reader.read()
    depth, planes = info["bitdepth"], info["planes"]
    rows = [list(row) for row in rows]
    top = 65535 if depth == 16 else 255
    clear = reader.transparent
    out = []
    for row in rows:
        for x in range(width):
            p = tuple(row[x * planes:(x + 1) * planes])
            if planes == 1 and not info["greyscale"]:
                c = tuple(info["palette"][p[0]])
                out += c if len(c) == 4 else c + (255,)
                continue
            full = [v * top // ((1 << depth) - 1) for v in p]
            alpha = full.pop() if info["alpha"] else 0 if clear is not None and p == tuple(clear) else top
            out += (full * 3 if len(full) == 1 else full) + [alpha]
    return width, height, 16 if depth == 16 else 8, out


table, pixels, compared = [], bytearray(), 0
for path in sorted((folder / "pngsuite").glob("*.png")):
    if path.name.startswith("x"):
        continue
    width, height, bits, samples = rgba(path)
    assert len(samples) == width * height * 4
    dump = dumps and dumps / (path.stem + ".json")
    if dump and dump.exists():
        assert json.loads(dump.read_text()) == samples, f"{path.name}: pypng and the dump differ"
        compared += 1
    values = array.array("H" if bits == 16 else "B", samples)
    if bits == 16 and sys.byteorder == "little":
        values.byteswap()
    table.append(f"{path.name}\t{width}\t{height}\t{bits}\t{len(pixels)}")
    pixels += values.tobytes()
(folder / "pngsuite-expected.tsv").write_text("\n".join(table) + "\n")
(folder / "pngsuite-expected.bin").write_bytes(pixels)
print(f"{len(table)} files, {len(pixels)} bytes, {compared} equal to their dumps")
