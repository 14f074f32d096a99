"""Measures every size instead of a few: sides from 256 to 6144, for each kind of source, beside libvips and fast_image_resize in turns.

    grid.py --corpus DIR --tools DIR --measure FILE --out FILE [--what counts,whole,resize] [--kind TEXT]... [--step N] [--rounds N] [--cpu]
    grid.py --report FILE RESULTS.md PLOT-FOLDER

Sides are `step` apart, with an odd side in the middle of each step. The file keeps what was measured before, for each side.

- counts: instructions of a whole preparation with the baseline kernels, under callgrind. The source is scaled to about 1.5 megapixels,
  and the sides by the same factor, because windows depend on the ratio alone.
- whole: file to file, one thread, beside libvips' thumbnail.
- resize: in memory, one thread, beside fast_image_resize; with the distance of both from float64, measured on the scaled source.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from plot import series

here = os.path.dirname(os.path.abspath(__file__))
OURS = "gesso"
# name: source, extension of the result, largest ratio to libvips' time, channels, bits
KINDS = {
    "JPEG 12 MP": ("photo-12mp-420.jpg", "jpg", 0.60, 3, 8),
    "JPEG 24 MP": ("photo-24mp-420.jpg", "jpg", 0.60, 3, 8),
    "PNG RGB 24 MP": ("photo-24mp-rgb8.png", "png", 0.55, 3, 8),
    "PNG RGBA 16 MP": ("art-16mp-rgba8.png", "png", 0.55, 4, 8),
    "PNG gray 24 MP": ("photo-24mp-gray.png", "png", 0.55, 1, 8),
    "PNG RGB 16 bit 12 MP": ("photo-12mp-rgb16.png", "png", 0.55, 3, 16),
}
# The sources whose pixels are resized in memory. JPEG planes are gray.
RESIZED = ("PNG RGB 24 MP", "PNG RGBA 16 MP", "PNG gray 24 MP", "PNG RGB 16 bit 12 MP")
RISE = 0.15  # instructions from one side to the next may grow by this much more than the pixels


def sides(step):
    return [side for begin in range(256, 6145, step) for side in (begin, begin + step // 2 + 1) if side <= 6144]


class Sources:
    """The corpus, and its pictures at a smaller size. Missing files are made, and kept in a folder of the tools."""

    def __init__(self, corpus, folder):
        import pyvips
        self.vips, self.corpus, self.folder = pyvips.Image, corpus, folder
        os.makedirs(folder, exist_ok=True)

    def made(self, name, make):
        path = f"{self.folder}/{name}"
        if not os.path.exists(path):
            make(f"{self.folder}/unfinished-{name}")
            os.rename(f"{self.folder}/unfinished-{name}", path)
        return path

    def path(self, kind):
        name = KINDS[kind][0]
        if name != "photo-24mp-gray.png":
            return f"{self.corpus}/{name}"
        source = f"{self.corpus}/photo-24mp-rgb8.png"
        return self.made(name, lambda path: self.vips.new_from_file(source).colourspace("b-w").write_to_file(path, filter="all"))

    def size(self, path):
        image = self.vips.new_from_file(path)
        return image.width, image.height

    def scaled(self, kind):
        """The picture at about 1.5 megapixels, and the divisor of its sides."""
        width, height = self.size(self.path(kind))
        divisor = round((width * height / 1.5e6) ** 0.5)
        options = {"Q": 92, "subsample_mode": "on"} if KINDS[kind][1] == "jpg" else {"filter": "all"}

        def make(path):
            image = self.vips.new_from_file(self.path(kind))
            image = image.resize(width // divisor / width, vscale=height // divisor / height)
            image.cast("ushort" if KINDS[kind][4] == 16 else "uchar").write_to_file(path, **options)
        return self.made(f"scaled-{KINDS[kind][0]}", make), divisor

    def pixels(self, kind, path):
        """A raw file of the samples, width and height."""
        image = self.vips.new_from_file(path)
        raw = self.made(os.path.basename(path) + ".raw", lambda raw: image.numpy().tofile(raw))
        return raw, image.width, image.height


def fitted(width, height, longest):
    scale = longest / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize_command(program, pixels, kind, size, result):
    raw, width, height = pixels
    _, _, _, channels, bits = KINDS[kind]
    return [*program, "resize", raw, *map(str, (width, height, channels, *size)), result, str(bits)]


def judged(pixels, kind, size, results):
    """PSNR in dB against unrounded float64 of each result, and of perfect rounding."""
    import numpy as np
    from reference import compared, scaled
    raw, width, height = pixels
    channels, bits = KINDS[kind][3:]
    kind_of_samples, unit = (np.uint16, 257) if bits == 16 else (np.uint8, 1)
    image = np.fromfile(raw, kind_of_samples).reshape(height, width, channels)
    references = [scaled(image / unit if unit > 1 else image, *size, clip_alpha=clip) for clip in ((True, False) if channels == 4 else (True,))]
    found = {"perfect rounding": compared(np.rint(references[0] * unit) / unit, references[0])["psnr"]}
    for who, path in results.items():
        out = np.fromfile(path, kind_of_samples).reshape(references[0].shape) / unit
        found[who] = max(compared(out, reference)["psnr"] for reference in references)
        off = min(float(np.abs(out * unit - np.rint(reference * unit))[..., :3 if channels == 4 else channels][
            (reference[..., -1] >= 8) if channels == 4 else ...].max()) for reference in references)
        found[f"{who}, largest difference"] = off
    return found


def measure(options):
    from turns import Warm, in_turns
    what = options.what.split(",")
    kinds = [kind for kind in KINDS if not options.kind or any(text.lower() in kind.lower() for text in options.kind)]
    data = json.load(open(options.out)) if os.path.exists(options.out) else {"counts": {}, "whole": {}, "resize": {}, "quality": {}}
    data["clock"] = clock = "cpuMs" if options.cpu else "ms"
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    data["measured"] = (f"{time.strftime('%Y-%m-%d', time.gmtime())}, commit {commit}, {options.rounds} rounds, "
                        f"load average {os.getloadavg()[0]:.1f} at the beginning of the last run")
    sources, left_out = Sources(options.corpus, f"{options.tools}/grid"), {}
    worker = [sys.executable, "-B", f"{here}/worker.py"]
    chosen = [int(side) for side in options.sides.split(",")] if options.sides else sides(options.step)

    def keep(section, kind, side, value):
        data[section].setdefault(kind, {})[str(side)] = value
        with open(options.out, "w") as file:
            json.dump(data, file, indent=1)

    with tempfile.TemporaryDirectory(prefix="bench-grid-") as work:
        for kind in kinds:
            source, extension = sources.path(kind), KINDS[kind][1]
            result = lambda who: f"{work}/{who.replace(' ', '-')}.{extension}"
            if "counts" in what:
                from callgrind import counted, prepared
                program, symbol = prepared(options.measure, work)
                small, divisor = sources.scaled(kind)
                for side in chosen:
                    size = fitted(*sources.size(small), round(side / divisor))
                    figures = counted(program, symbol, ["prepare", small, result(OURS), str(max(size)), "1"], work)
                    if not figures.get("instructions"):
                        sys.exit(f"bench-grid: no count of {kind} to {side}")
                    keep("counts", kind, side, {"instructions": figures["instructions"], "pixels": size[0] * size[1],
                                                "own": max(size) == max(sources.size(small))})
                    print(f"counts {kind} to {side}: {figures['instructions']}", flush=True)
            for side in chosen if "whole" in what else []:
                # If a contender is left out, the run ends, because the grid would have a hole.
                samples = in_turns(left_out, f"{kind} to {side}", {
                    OURS: lambda: Warm([options.measure, "prepare", source, result(OURS), str(side), "1"]),
                    "libvips": lambda: Warm([*worker, "vips-thumbnail", "prepare", source, result("libvips"), str(side), "1"]),
                }, options.rounds)
                if left_out:
                    sys.exit(f"bench-grid: {left_out}")
                keep("whole", kind, side, {who: [run[clock] for run in runs] for who, runs in samples.items()})
            if "resize" not in what or kind not in RESIZED:
                continue
            pixels, small = sources.pixels(kind, source), sources.scaled(kind)
            small_pixels = sources.pixels(kind, small[0])
            for side in chosen:
                programs = {OURS: [options.measure], "fast_image_resize": [*worker, "fir"]}
                raw = lambda who: f"{work}/resize-{who}.raw"
                size = fitted(*pixels[1:], side)
                samples = in_turns(left_out, f"resize {kind} to {side}", {
                    who: lambda who=who: Warm(resize_command(programs[who], pixels, kind, size, raw(who))) for who in programs
                }, options.rounds)
                if left_out:
                    sys.exit(f"bench-grid: {left_out}")
                keep("resize", kind, side, {who: [run[clock] for run in runs] for who, runs in samples.items()})
                size = fitted(*small_pixels[1:], round(side / small[1]))
                for who in programs:
                    Warm(resize_command(programs[who], small_pixels, kind, size, raw(who))).close()
                quality = judged(small_pixels, kind, size, {who: raw(who) for who in programs})
                keep("quality", kind, side, quality)
                print("  " + ", ".join(f"{who} {value:.2f}" for who, value in quality.items()), flush=True)


def ratio(samples):
    """The median of the ratios of pairs, each within one round."""
    ours, peer = samples[OURS], next(runs for who, runs in samples.items() if who != OURS)
    return statistics.median(a / b for a, b in zip(ours, peer))


def in_order(section):
    return sorted((int(side), value) for side, value in section.items())


def rises(section):
    """The factor by which instructions grow more than pixels from one side to the next. The source's own size costs less and is left out."""
    points = [(side, value) for side, value in in_order(section) if not value["own"]]
    return [(second["instructions"] / first["instructions"] - second["pixels"] / first["pixels"], before, after)
            for (before, first), (after, second) in zip(points, points[1:])]


def report(data, results_file, plots):
    """Writes the part of RESULTS.md between its two marks, and the plots."""
    relative, lines = os.path.relpath(plots, os.path.dirname(os.path.abspath(results_file))), []
    clock = "CPU time" if data["clock"] == "cpuMs" else "time"
    lines.append(f"\nWritten by `make bench-grid` ({data['measured']}). Ratios are taken pair by pair, then the median. Instructions are those "
                 "of a source\nscaled to 1.5 megapixels, and of sides scaled alike.\n")

    def drawn(name, title, y_title, points, **options):
        with open(os.path.join(plots, name), "w") as file:
            file.write(series(points, title, "longest side of the result", y_title, OURS, **options))
        lines.append(f"![{title}]({relative}/{name})\n")

    if data["whole"]:
        drawn("grid-whole.svg", "File to file, one thread: ours / libvips", f"ratio of {clock}",
              {kind: [(side, ratio(value)) for side, value in in_order(section)] for kind, section in data["whole"].items()},
              logarithmic_y=False)
    if data["resize"]:
        drawn("grid-resize.svg", "Resize alone, one thread: ours / fast_image_resize", f"ratio of {clock}",
              {kind: [(side, ratio(value)) for side, value in in_order(section)] for kind, section in data["resize"].items()},
              logarithmic_y=False)
    if data["counts"]:
        drawn("grid-instructions.svg", "Instructions of a preparation, baseline kernels, source of 1.5 megapixels", "millions",
              {kind: [(side, value["instructions"] / 1e6) for side, value in in_order(section)] for kind, section in data["counts"].items()})

    lines += ["| Work | sides | median | worst | bar | |", "| --- | --- | --- | --- | --- | --- |"]

    def row(work, points, bar, form, unit=""):
        worst = max(points)
        met = "met" if worst[0] <= bar else f"**not met** at {sum(value > bar for value, _ in points)}"
        lines.append(f"| {work} | {len(points)} | {form(statistics.median(value for value, _ in points))}{unit} | "
                     f"{form(worst[0])}{unit} at {worst[1]} | ≤ {form(bar)}{unit} | {met} |")
    two = lambda value: f"{value:.2f}"
    for kind, section in data["whole"].items():
        row(f"{kind} to {KINDS[kind][1].upper()}, {clock} / libvips", [(ratio(v), side) for side, v in in_order(section)], KINDS[kind][2], two)
    for kind, section in data["resize"].items():
        row(f"resize alone, {kind}, {clock} / fast_image_resize", [(ratio(v), side) for side, v in in_order(section)], 1.0, two)
    for kind, section in data["quality"].items():
        row(f"resize alone, {kind}, dB lost against perfect rounding",
            [(v["perfect rounding"] - v[OURS], side) for side, v in in_order(section)], 0.15, lambda value: f"{value:.3f}")
        row(f"resize alone, {kind}, largest difference from rounded float64",
            [(v[f"{OURS}, largest difference"], side) for side, v in in_order(section)], 1, lambda value: f"{value:.0f}")
    for kind, section in data["counts"].items():
        row(f"{kind}, rise of instructions beyond that of pixels", [(value, f"{a} → {b}") for value, a, b in rises(section)], RISE,
            lambda value: f"{value:+.0%}")
    lines.append("")
    begin, end = "<!-- make bench-grid -->", "<!-- /make bench-grid -->"
    text = open(results_file).read()
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    with open(results_file, "w") as file:
        file.write("\n".join([head + begin, *lines, end + tail]))


def main():
    parser = argparse.ArgumentParser()
    for name in ("corpus", "tools", "measure", "out"):
        parser.add_argument("--" + name)
    parser.add_argument("--what", default="counts,whole,resize")
    parser.add_argument("--kind", action="append")
    parser.add_argument("--sides")
    parser.add_argument("--step", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--report", nargs=3)
    options = parser.parse_args()
    if options.report:
        samples, results_file, plots = options.report
        report(json.load(open(samples)), results_file, plots)
    else:
        measure(options)


if __name__ == "__main__":
    main()
