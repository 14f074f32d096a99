#!/usr/bin/env python3
"""Decodes PNGs of up to 8 bits a sample without interlacing: file names in, RGBA of each out. Standard library only.

A second opinion on what our encoder writes: every checksum and every chunk boundary is looked at.
"""
import struct, sys, zlib

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunks_of(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, []
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body, (crc,) = data[at + 8:at + 8 + length], struct.unpack(">I", data[at + 8 + length:at + 12 + length])
        assert zlib.crc32(kind + body) == crc, kind
        chunks.append((kind, body))
        at += 12 + length
    assert at == len(data) and chunks[0][0] == b"IHDR" and chunks[-1] == (b"IEND", b"")
    return chunks


def unfiltered(raw, height, stride, pixel):
    assert len(raw) == height * (stride + 1)
    above = bytearray(stride)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        assert kind <= 4
        if kind == 2:
            row = bytearray((v + b) & 255 for v, b in zip(row, above))
        elif kind:
            for x in range(stride):
                a, b, c = (row[x - pixel], above[x], above[x - pixel]) if x >= pixel else (0, above[x], 0)
                p = a + b - c
                paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                row[x] = row[x] + (0, a, b, (a + b) // 2, paeth)[kind] & 255
        yield row
        above = row


def rgba(data):
    chunks = chunks_of(data)
    width, height, depth, color, compression, method, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (compression, method, interlace) == (0, 0, 0)
    assert depth == 8 or depth in (1, 2, 4) and color in (0, 3)
    bits = SAMPLES[color] * depth
    raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    named = dict(chunks)
    if color == 3:
        entries, alpha = named[b"PLTE"], named.get(b"tRNS", b"")
        alpha += b"\xff" * (len(entries) // 3 - len(alpha))
        palette = [entries[3 * k:3 * k + 3] + alpha[k:k + 1] for k in range(len(alpha))]
        assert len(palette) <= 1 << depth and len(entries) == 3 * len(palette)
    else:
        assert b"tRNS" not in named
    out = bytearray()
    for row in unfiltered(raw, height, (width * bits + 7) // 8, max(bits // 8, 1)):
        if depth < 8:
            row = bytes(v >> s & (1 << depth) - 1 for v in row for s in range(8 - depth, -1, -depth))[:width]
        if color == 3:
            out += b"".join(palette[v] for v in row)
        elif color == 0:
            full = 255 // ((1 << depth) - 1)
            out += b"".join(bytes((v * full,) * 3 + (255,)) for v in row)
        elif color == 4:
            out += b"".join(bytes((row[x],) * 3 + (row[x + 1],)) for x in range(0, len(row), 2))
        elif color == 2:
            out += b"".join(row[x:x + 3] + b"\xff" for x in range(0, len(row), 3))
        else:
            out += row
    assert len(out) == width * height * 4
    return out


for name in sys.argv[1:]:
    sys.stdout.buffer.write(rgba(open(name, "rb").read()))
