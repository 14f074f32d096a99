"""Broken files at each boundary of their structure: pieces flipped, dropped, given twice, cut and exchanged with those of other files.

One process of the command gets many files at a time. It has a limit of memory and a deadline. Each file must give an image, or an error
of its own with a documented code. If the process ends in another way, each half of its files is tried again until one file is left.

    GESSO=path/to/gesso check_corruption.py [--sample N]     about N variants instead of all

What fails is kept in .build/corruption-finds.
"""
import concurrent.futures
import itertools
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import pieces

ROOT = Path(__file__).resolve().parent.parent.parent
GESSO = Path(os.environ["GESSO"]).resolve()
HELPER = ROOT / ".build/heif/release/gesso-decode"
FINDS = ROOT / ".build/corruption-finds"
SCALE = int(os.environ.get("GESSO_TEST_TIME_SCALE", "1"))

FOLDERS = ["jpeg", "jpeg/coded", "jpeg/orientation", "png", "png/pngsuite", *(f"kinds/{kind}" for kind in
           ("webp", "tiff", "gif", "bmp", "tga", "psd", "heic", "avif"))]
# Larger files have the same pieces.
MOST_BYTES = 40_000
FILES_OF_A_PROCESS = 200
# The limits of the address space and of the memory in use. The address space has room for 2 workers of 256 MB, stacks and libraries.
ADDRESS_SPACE, MEMORY = 3 << 30, 500 << 20
SECONDS_OF_ONE_FILE = 10 * SCALE

# The codes with which a source may be refused (status 3), and those of limits (status 4).
BAD_INPUT = {"empty", "not-an-image", "unsupported-format", "unsupported-feature", "truncated", "corrupt", "warning"}
LIMITS = {"too-many-pixels", "too-much-memory", "limit-exceeded"}
# The codes of a helper process: a file may make it fail, and its memory has a limit.
OF_HELPER = {"helper-failed", "out-of-memory"}

VERBS = [
    ["prepare", "--max-side", "64", "--compression", "fast", "--format", "png"],
    ["prepare", "--fail-on", "none", "--metadata", "keep", "--icc", "keep", "--format", "jpeg", "--max-side", "900"],
    ["inspect"],
    ["strip"],
]
STRIPPED = {".jpg", ".png", ".webp"}


def fixtures():
    """The files of each kind that pieces are made of."""
    kinds = {}
    for folder in FOLDERS:
        suffixes = {".png"} if folder.startswith("png") else set(pieces.OF_KIND) - {".png"}
        for path in sorted((ROOT / "Fixtures" / folder).iterdir()):
            if path.suffix in suffixes and path.stat().st_size <= MOST_BYTES: kinds.setdefault(path.suffix, []).append(path)
    return kinds


def mended(data):
    """A PNG in which all chunks that can be found have correct checksums."""
    data, position = bytearray(data), 8
    while position + 12 <= len(data):
        length = struct.unpack_from(">I", data, position)[0]
        if position + 12 + length > len(data): break
        struct.pack_into(">I", data, position + 8 + length, zlib.crc32(data[position + 4:position + 8 + length]))
        position += 12 + length
    return bytes(data)


def changes(data, own, other, others):
    """All variants of a file with their names. `other` is a file of the same kind, for pieces of its own."""
    for index, (start, end) in enumerate(own):
        place = f"{start}-{end}"
        yield f"dropped-{place}", data[:start] + data[end:]
        yield f"twice-{place}", data[:end] + data[start:end] + data[end:]
        yield f"cut-{start}", data[:start]
        yield f"cut-{(start + end) // 2}", data[:(start + end) // 2]
        for value in (0, 0xFF): yield f"filled-{value}-{place}", data[:start] + bytes([value]) * (end - start) + data[end:]
        for at in range(start, min(end, start + 8)):
            for mask in (0x01, 0x80, 0xFF): yield f"flipped-{mask}-{at}", data[:at] + bytes([data[at] ^ mask]) + data[at + 1:]
        if index + 1 < len(own) and own[index + 1][0] >= end:
            after = own[index + 1]
            yield f"exchanged-{place}", data[:start] + data[after[0]:after[1]] + data[end:after[0]] + data[start:end] + data[after[1]:]
        if others:
            first, last = others[index % len(others)]
            yield f"spliced-{place}", data[:start] + other[first:last] + data[end:]
            yield f"inserted-{place}", data[:start] + other[first:last] + data[start:]
            yield f"continued-{place}", data[:start] + other[first:]


def variants():
    """Every variant of every fixture: its name and its bytes."""
    for suffix, paths in fixtures().items():
        for index, path in enumerate(paths):
            data = path.read_bytes()
            neighbor = paths[(index + 1) % len(paths)]
            other = neighbor.read_bytes()
            own, others = pieces.of(path.name, data), pieces.of(neighbor.name, other)
            for name, changed in changes(data, own, other, others):
                yield f"{path.stem}-{name}{suffix}", changed
                # With a wrong checksum, the content of a chunk is not read. So there is also a variant with correct checksums.
                if suffix == ".png" and not name.startswith("cut"):
                    whole = mended(changed)
                    if whole != changed: yield f"{path.stem}-{name}-mended{suffix}", whole


def carry_out(verb, files, folder):
    """Runs one process for these files. Returns the object of each file, or the problem of the process."""
    command = ["prlimit", f"--as={ADDRESS_SPACE}", "--", GESSO, *verb, "--json", *files]
    if verb[0] != "inspect": command += ["--out-dir", folder / "out", "-q"]
    if verb[0] in ("prepare", "strip"): command += ["--max-memory", "256"]
    seconds = SECONDS_OF_ONE_FILE + len(files) * 0.25 * SCALE
    log = folder / "log"
    with open(log, "wb") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.DEVNULL, cwd=folder,
                                   env={**os.environ, "SWIFT_BACKTRACE": "enable=no"})
        peak, end = 0, False
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None, f"no end after {seconds:.0f} s"
    if process.returncode < 0 or process.returncode > 4 or process.returncode == 2: return None, f"status {process.returncode}"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    if len(lines) != len(files): return None, f"{len(lines)} objects for {len(files)} files"
    return lines, None


def check(batch, verb):
    """What is wrong with these variants, as (name, bytes, problem)."""
    batch = [one for one in batch if verb[0] != "strip" or Path(one[0]).suffix in STRIPPED]
    if not batch: return []
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        folder = Path(name)
        files = []
        for number, (title, data) in enumerate(batch):
            files.append(f"{number:04}{Path(title).suffix}")
            (folder / files[-1]).write_bytes(data)
        lines, problem = carry_out(verb, files, folder)
    if problem:
        if len(batch) == 1: return [(*batch[0], f"{' '.join(verb)}: {problem}")]
        middle = len(batch) // 2
        found = check(batch[:middle], verb) + check(batch[middle:], verb)
        # If only the whole batch was too slow, and each half is not, there is no problem.
        return found or ([] if "no end" in problem else [(*batch[0], f"{' '.join(verb)}: {problem}, with {len(batch) - 1} others")])
    found = []
    for (title, data), line in zip(batch, lines):
        code = line.get("error", {}).get("code")
        allowed = BAD_INPUT | LIMITS | (OF_HELPER if Path(title).suffix in (".heic", ".avif") else set())
        peak = line.get("peakMemoryBytes", 0)
        if code is not None and code not in allowed:
            found.append((title, data, f"{' '.join(verb)}: {code}: {line['error']['message']}"))
        elif peak > MEMORY: found.append((title, data, f"{' '.join(verb)}: {peak >> 20} MB in use"))
    return found


def batches(wanted):
    """The variants in parts, with the verbs that each part is for."""
    total = None
    stride = 1
    if wanted:
        total = sum(1 for _ in variants())
        stride = max(1, total // wanted)
    chosen = itertools.islice(variants(), 0, None, stride)
    for number in itertools.count():
        batch = list(itertools.islice(chosen, FILES_OF_A_PROCESS))
        if not batch: return
        for verb in [VERBS[number % len(VERBS)]] if wanted else VERBS: yield batch, verb


def main():
    global SCRATCH, GESSO
    wanted = int(sys.argv[sys.argv.index("--sample") + 1]) if "--sample" in sys.argv else None
    # The files are in memory if possible, because every output is synced.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    shutil.rmtree(FINDS, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=memory) as scratch:
        SCRATCH = Path(scratch)
        if HELPER.exists():
            # The command looks for the helper beside itself.
            for program in (GESSO, HELPER): shutil.copy(program, SCRATCH)
            GESSO = SCRATCH / GESSO.name
        else: print("➜ HEIC and AVIF are read as far as the command does that itself: there is no gesso-decode")
        count, found = 0, []
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            waiting = []
            for batch, verb in batches(wanted):
                count += sum(1 for one in batch if verb[0] != "strip" or Path(one[0]).suffix in STRIPPED)
                waiting.append(pool.submit(check, batch, verb))
                if len(waiting) > 8: found += waiting.pop(0).result()
            for one in waiting: found += one.result()
    for number, (title, data, problem) in enumerate(found):
        FINDS.mkdir(parents=True, exist_ok=True)
        (FINDS / title).write_bytes(data)
        print(f"{title}: {problem}")
    print(f"{count - len(found)} passed, {len(found)} failed")
    return bool(found) or count == 0


if __name__ == "__main__": sys.exit(main())
