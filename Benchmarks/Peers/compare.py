#!/usr/bin/env python3
"""Measures whole processes in turns: `gesso prepare` and vipsthumbnail, one thread each, the same files, the same size.

    compare.py GESSO FILE...     [--rounds N]

Prints medians of wall-clock time and of peak resident memory, the ratio, and PSNR against a Lanczos3 resize in floating
point of the decoded source. The compression of a JPEG result lowers its PSNR. Compare ratios only, because machines are shared
and clocks differ.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
arguments = sys.argv[1:]
rounds = 5
if "--rounds" in arguments:
    at = arguments.index("--rounds")
    rounds = int(arguments[at + 1])
    del arguments[at:at + 2]
gesso, files = arguments[0], arguments[1:]
side = 1536


def commands(path, folder):
    kind = "png" if path.endswith(".png") else "jpg"
    ours, theirs = f"{folder}/ours.{kind}", f"{folder}/theirs.{kind}"
    options = "[Q=92,subsample-mode=on]" if kind == "jpg" else "[compression=6,filter=all]"
    return {
        "gesso": (ours, [gesso, "prepare", path, "--max-side", str(side), "--threads", "1", "-q", "-o", ours]),
        "vipsthumbnail": (theirs, ["vipsthumbnail", path, "--size", f"{side}x{side}>", "-o", theirs + options]),
    }


def run(command):
    begin = time.perf_counter()
    child = subprocess.Popen(command, env={**os.environ, "VIPS_CONCURRENCY": "1"})
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return (time.perf_counter() - begin) * 1000, usage.ru_maxrss / 1024


def psnr(source, path):
    result = np.asarray(Image.open(path).convert("RGB"), np.float32)
    size = (result.shape[1], result.shape[0])
    planes = [np.asarray(band.convert("F").resize(size, Image.Resampling.LANCZOS)) for band in source.split()]
    return 10 * np.log10(255**2 / np.mean((np.dstack(planes) - result) ** 2))


print(f"{'file':28} {'gesso ms':>9} {'vips ms':>8} {'ratio':>6}   {'gesso MiB':>9} {'vips MiB':>8}   {'gesso dB':>8} {'vips dB':>7}")
with tempfile.TemporaryDirectory() as folder:
    for path in files:
        todo = commands(path, folder)
        seen = {name: [] for name in todo}
        for _ in range(rounds + 1):
            for name, (_, command) in todo.items():
                seen[name].append(run(command))
        # The first round warms the file cache.
        wall = {name: statistics.median(t for t, _ in runs[1:]) for name, runs in seen.items()}
        memory = {name: statistics.median(m for _, m in runs[1:]) for name, runs in seen.items()}
        image = Image.open(path)
        if image.mode not in ("RGB", "L", "P") or image.getexif().get(0x0112, 1) != 1 or image.info.get("icc_profile"):
            quality = "       –       –"
        else:
            source = image.convert("RGB")
            quality = "".join(f" {psnr(source, output):7.2f}" for output, _ in todo.values())
        ours, theirs = wall.values()
        mine, other = memory.values()
        print(f"{os.path.basename(path):28} {ours:9.1f} {theirs:8.1f} {ours / theirs:6.2f}   {mine:9.1f} {other:8.1f}   {quality}", flush=True)
