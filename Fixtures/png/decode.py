#!/usr/bin/env python3
"""Decodes a PNG of 8 bits a sample without interlacing: file name in, rows without padding out. Standard library only.

A second opinion on what our encoder writes: every checksum and every chunk boundary is looked at.
"""
import struct, sys, zlib

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n"
at, chunks = 8, []
while at < len(data):
    length, kind = struct.unpack(">I4s", data[at:at + 8])
    body, (crc,) = data[at + 8:at + 8 + length], struct.unpack(">I", data[at + 8 + length:at + 12 + length])
    assert zlib.crc32(kind + body) == crc, kind
    chunks.append((kind, body))
    at += 12 + length
assert at == len(data) and chunks[0][0] == b"IHDR" and chunks[-1] == (b"IEND", b"")
width, height, depth, color, compression, method, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
assert (depth, compression, method, interlace) == (8, 0, 0, 0)
size = {0: 1, 2: 3, 4: 2, 6: 4}[color]
raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
stride = width * size
assert len(raw) == height * (stride + 1)
above = bytearray(stride)
for y in range(height):
    kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
    assert kind <= 4
    for x in range(stride):
        a, b, c = (row[x - size], above[x], above[x - size]) if x >= size else (0, above[x], 0)
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        row[x] = row[x] + (0, a, b, (a + b) // 2, paeth)[kind] & 255
    sys.stdout.buffer.write(row)
    above = row
