"""The pieces of which image files are put together: markers, chunks, blocks, tags, strips and boxes, as (start, end).

Each function reads a whole, correct file. Pieces may lie within others.
"""
import struct


def jpeg(data):
    """Segments, and the coded data between restart markers."""
    position = 2
    yield 0, 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xD9 or 0xD0 <= marker <= 0xD8:
            yield position, position + 2
            position += 2
            continue
        end = position + 2 + struct.unpack_from(">H", data, position + 2)[0]
        yield position, end
        yield position + 4, end
        position = end
        if marker != 0xDA: continue
        start = position
        while position + 1 < len(data):
            if data[position] == 0xFF and data[position + 1] != 0:
                if position > start: yield start, position
                if not 0xD0 <= data[position + 1] <= 0xD7: break
                yield position, position + 2
                position += 2
                start = position
            else: position += 1


def png(data):
    """Chunks, and their content."""
    yield 0, 8
    position = 8
    while position + 12 <= len(data):
        length = struct.unpack_from(">I", data, position)[0]
        end = min(position + 12 + length, len(data))
        yield position, end
        if length: yield position + 8, position + 8 + length
        position = end


def webp(data):
    """Chunks of RIFF, with those of frames, and their content."""
    yield 0, 12
    stack = [(12, len(data))]
    while stack:
        position, limit = stack.pop()
        while position + 8 <= limit:
            kind, length = data[position:position + 4], struct.unpack_from("<I", data, position + 4)[0]
            end = min(position + 8 + length, limit)
            yield position, end
            yield position + 8, end
            if kind == b"ANMF": stack.append((position + 24, end))
            position = end + (length & 1)


TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def tiff(data):
    """The header, directories, their entries, values that lie elsewhere, strips and tiles."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = struct.unpack_from(order + "H", data, 2)[0] == 43
    pointer, count_format, entry_size = ("Q", "Q", 20) if is_big else ("I", "H", 12)
    pointer_size, count_size = struct.calcsize(pointer), struct.calcsize(count_format)
    start = 8 if is_big else 4
    yield 0, start + pointer_size
    yield start, start + pointer_size
    directory, seen = struct.unpack_from(order + pointer, data, start)[0], set()

    def values(kind, count, at):
        letter = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind)
        return list(struct.unpack_from(f"{order}{count}{letter}", data, at)) if letter else []

    while directory and directory not in seen and directory + count_size <= len(data):
        seen.add(directory)
        count = struct.unpack_from(order + count_format, data, directory)[0]
        yield directory, directory + count_size
        places, lengths = [], []
        for index in range(count):
            at = directory + count_size + index * entry_size
            tag, kind = struct.unpack_from(order + "HH", data, at)
            number = struct.unpack_from(order + pointer, data, at + 4)[0]
            size = TIFF_SIZES.get(kind, 1) * number
            value = at + 4 + pointer_size
            yield at, at + entry_size
            yield value, value + pointer_size
            if size > pointer_size:
                value = struct.unpack_from(order + pointer, data, value)[0]
                yield value, value + size
            if tag in (273, 324): places = values(kind, number, value)
            if tag in (279, 325): lengths = values(kind, number, value)
        for place, length in list(zip(places, lengths))[:12]: yield place, place + length
        end = directory + count_size + count * entry_size
        yield end, end + pointer_size
        directory = struct.unpack_from(order + pointer, data, end)[0]


def gif(data):
    """The header, color tables, extensions, images and their blocks of data."""
    yield 0, 6
    yield 6, 13
    position = 13
    if data[10] & 0x80:
        size = 3 << (data[10] & 7) + 1
        yield position, position + size
        position += size

    def blocks(position):
        found = 0
        while data[position]:
            if found < 4: yield position, position + 1 + data[position]
            found += 1
            position += 1 + data[position]
        yield position, position + 1

    while position < len(data):
        start = position
        if data[position] == 0x21: position += 2
        elif data[position] == 0x2C:
            yield position, position + 10
            flags = data[position + 9]
            position += 10
            if flags & 0x80:
                size = 3 << (flags & 7) + 1
                yield position, position + size
                position += size
            yield position, position + 1
            position += 1
        else:
            yield position, position + 1
            break
        for piece in blocks(position):
            yield piece
            position = piece[1]
        # Blocks that were left out above lie before the terminator.
        yield start, position


def bmp(data):
    """The headers by their fields, the palette and the pixels."""
    size, pixels = struct.unpack_from("<I", data, 14)[0], struct.unpack_from("<I", data, 10)[0]
    yield 0, 14
    yield 14, 14 + size
    for at in range(2, 14 + size, 4 if size != 12 else 2): yield at, at + (4 if size != 12 else 2)
    if 14 + size < pixels: yield 14 + size, pixels
    for part in range(4):
        length = (len(data) - pixels) // 4
        if length: yield pixels + part * length, pixels + (part + 1) * length


def tga(data):
    """The header by its fields, the name, the palette, the pixels and the footer."""
    for start, end in [(0, 1), (1, 2), (2, 3), (3, 5), (5, 7), (7, 8), (8, 10), (10, 12), (12, 14), (14, 16), (16, 17), (17, 18), (0, 18)]:
        yield start, end
    palette = struct.unpack_from("<H", data, 5)[0] * (data[7] + 7 >> 3) if data[1] else 0
    position = 18 + data[0]
    if data[0]: yield 18, position
    if palette: yield position, position + palette
    position += palette
    end = len(data) - (26 if data[-18:-2] == b"TRUEVISION-XFILE" else 0)
    if end < len(data): yield end, len(data)
    length = (end - position) // 6
    if length:
        for part in range(6): yield position + part * length, position + (part + 1) * length


def psd(data):
    """The header by its fields, the sections, the resources, and the lengths of packed rows."""
    is_large = data[5] == 2
    for start, end in [(0, 26), (4, 6), (12, 14), (14, 18), (18, 22), (22, 24), (24, 26)]: yield start, end
    position = 26
    for section in range(3):
        wide = is_large and section == 2
        width = 8 if wide else 4
        length = struct.unpack_from(">Q" if wide else ">I", data, position)[0]
        yield position, position + width
        yield position, position + width + length
        if section == 1:
            at, end = position + 4, position + 4 + length
            while at + 12 <= end and data[at:at + 4] == b"8BIM":
                name = (data[at + 6] + 2) & ~1
                size = struct.unpack_from(">I", data, at + 6 + name)[0]
                after = at + 10 + name + (size + 1 & ~1)
                yield at, after
                yield at + 6 + name, at + 10 + name
                at = after
        position += width + length
    yield position, position + 2
    length = (len(data) - position - 2) // 6
    if length:
        for part in range(6): yield position + 2 + part * length, position + 2 + (part + 1) * length


CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"iinf": 6, b"iref": 4, b"dinf": 0, b"grpl": 0, b"moov": 0, b"trak": 0}


def media(data):
    """Boxes of HEIF, with those within boxes, their headers and their content."""
    stack = [(0, len(data))]
    while stack:
        position, limit = stack.pop()
        while position + 8 <= limit:
            length, kind = struct.unpack_from(">I4s", data, position)
            end = position + length if length >= 8 else limit
            end = min(end, limit)
            yield position, end
            yield position, position + 8
            if end > position + 8: yield position + 8, end
            if kind in CONTAINERS: stack.append((position + 8 + CONTAINERS[kind], end))
            position = end


OF_KIND = {".jpg": jpeg, ".png": png, ".webp": webp, ".tif": tiff, ".gif": gif, ".bmp": bmp, ".tga": tga, ".psd": psd, ".psb": psd,
           ".heic": media, ".avif": media}


def of(name, data):
    """The pieces of a file, each once, those of no length left out."""
    kind = OF_KIND[name[name.rindex("."):]]
    return sorted({(start, min(end, len(data))) for start, end in kind(data) if start < min(end, len(data))})
