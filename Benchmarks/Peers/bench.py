"""Runs this package and the peers in turns on the same files, and keeps every sample in one JSON file for report.py.

    bench.py --corpus DIR --tools DIR --gesso FILE --measure FILE --out FILE [--rounds N] [--only TEXT]...

Every round calls each contender once, in an order that changes, so that other work of the machine affects all alike. Ratios are
taken pair by pair within a round. This process imports nothing large, because the peak memory that the kernel reports for a child
begins with its parent's.
"""
import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time

from turns import Warm, forget, in_turns, keep

here = os.path.dirname(os.path.abspath(__file__))
parser = argparse.ArgumentParser()
for name in ("corpus", "tools", "gesso", "measure", "out"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--only", action="append", default=[])
parser.add_argument("--into", help="samples of a whole run, in which these take the place of their own")
options = parser.parse_args()
tools = os.path.abspath(options.tools)
PYTHON, SIMD, FLOORS = f"{tools}/venv/bin/python", f"{tools}/simd/bin/python", f"{tools}/floors"
WORKER = f"{here}/worker.py"
work = tempfile.TemporaryDirectory(prefix="bench-peers-")
left_out = {}

# name: source, longest side, extension, the picture it was coded from (and where in it), mode. RGB16 has 16 bits per sample and
# keeps them.
CASES = {
    "J12 to J1536": ("photo-12mp-420.jpg", 1536, "jpg", ("photo-24mp-rgb8.png", [1100, 500, 4032, 3024]), "RGB"),
    "J24 to J1536": ("photo-24mp-420.jpg", 1536, "jpg", ("photo-24mp-rgb8.png", None), "RGB"),
    "J24 4:4:4 to J1536": ("photo-24mp-444.jpg", 1536, "jpg", ("photo-24mp-rgb8.png", None), "RGB"),
    "J24 progressive to J1536": ("photo-24mp-progressive.jpg", 1536, "jpg", ("photo-24mp-rgb8.png", None), "RGB"),
    "J50 to J1536": ("photo-50mp-420.jpg", 1536, "jpg", None, "RGB"),
    "J108 to J1536": ("photo-108mp-420.jpg", 1536, "jpg", None, "RGB"),
    "P24 to P1024": ("photo-24mp-rgb8.png", 1024, "png", None, "RGB"),
    "P24 to J1536": ("photo-24mp-rgb8.png", 1536, "jpg", None, "RGB"),
    "P16 RGBA to P1024": ("art-16mp-rgba8.png", 1024, "png", None, "RGBA"),
    "P24 flat to P1024": ("art-24mp-flat.png", 1024, "png", None, "RGB"),
    "J12 P3 to J1536": ("photo-12mp-p3.jpg", 1536, "jpg", None, "RGB"),
    "J12 without its P3 profile to J1536": ("p3-without-profile.jpg", 1536, "jpg", None, "RGB"),
    "J12 CMYK to J1536": ("photo-12mp-cmyk.jpg", 1536, "jpg", None, "RGB"),
    "J12 to J3000": ("photo-12mp-420.jpg", 3000, "jpg", None, "RGB"),
    "J12 to J6000": ("photo-12mp-420.jpg", 6000, "jpg", None, "RGB"),
    "J12 to J512": ("photo-12mp-420.jpg", 512, "jpg", None, "RGB"),
    "J24 to P1536": ("photo-24mp-420.jpg", 1536, "png", None, "RGB"),
    "P24 to P4500": ("photo-24mp-rgb8.png", 4500, "png", None, "RGB"),
    "P24 interlaced to P1024": ("photo-24mp-interlaced.png", 1024, "png", None, "RGB"),
    "P12 16 bit to P1536": ("photo-12mp-rgb16.png", 1536, "png", None, "RGB16"),
    "P8x8 to P8": ("tiny.png", 8, "png", None, "RGB"),
}
# The commands that make further sources; FILE is the source and CORPUS the corpus.
MADE = {
    "tiny.png": ["vips", "black", "FILE", "8", "8", "--bands", "3"],
    "p3-without-profile.jpg": ["jpegtran", "-copy", "none", "-outfile", "FILE", "CORPUS/photo-12mp-p3.jpg"],
}
# Pixels in memory: source, longest side, and the form that a program gets.
ARRAYS = {
    "J24 to 1024, array of 8 bits": ("photo-24mp-420.jpg", 1024, "pixels"),
    "J24 to 1024, tensor of diffusers": ("photo-24mp-420.jpg", 1024, "tensor"),
    "P24 to 1024, tensor of diffusers": ("photo-24mp-rgb8.png", 1024, "tensor"),
}
RESIZES = {
    "RGB 4928x3279 to 852x567": ("photo-24mp-420.jpg", "RGB", (4928, 3279), (852, 567)),
    "RGB 6000x4000 to 1536x1024": ("photo-24mp-420.jpg", "RGB", (6000, 4000), (1536, 1024)),
    "RGBA 4928x3000 to 852x519": ("art-16mp-rgba8.png", "RGBA", (4928, 3000), (852, 519)),
}
OURS = "gesso"


def wanted(name):
    return not options.only or any(text.lower() in name.lower() for text in options.only)


def path(name):
    return os.path.join(work.name, re.sub(r"[^\w.]+", "-", name))


def corpus(name):
    return path(name) if name in MADE else os.path.join(options.corpus, name)


def converts_color(case):
    return case in ("J12 P3 to J1536", "J12 CMYK to J1536")


def tree_memory(root):
    """The resident memory of a process and its descendants, in KiB."""
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        try:
            total += int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1))
            for task in os.listdir(f"/proc/{pid}/task"):
                waiting += open(f"/proc/{pid}/task/{task}/children").read().split()
        except (OSError, AttributeError):
            pass
    return total


class Whole:
    """Starts a process for each run, so that start-up and imports count."""

    def __init__(self, command, result=None, threads=1, all_processes=False):
        self.command, self.result, self.all_processes = command, result, all_processes
        self.environment = os.environ | {"VIPS_CONCURRENCY": str(threads), "OMP_NUM_THREADS": str(threads)}

    def run(self):
        begin = time.perf_counter()
        process = subprocess.Popen(self.command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        peak, ended = [0], threading.Event()

        def watch():
            while not ended.wait(0.02):
                peak[0] = max(peak[0], tree_memory(process.pid))
        watcher = threading.Thread(target=watch) if self.all_processes else None
        if watcher:
            watcher.start()
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = status
        ended.set()
        if watcher:
            watcher.join()
        if status:
            raise RuntimeError(errors.decode(errors="replace").strip().splitlines()[-1:] or f"status {status}")
        return {"ms": wall * 1e3, "cpuMs": (usage.ru_utime + usage.ru_stime) * 1e3,
                "rssKiB": peak[0] if watcher else usage.ru_maxrss,
                "outputBytes": os.path.getsize(self.result) if self.result else None}

    def close(self):
        pass


def our_command(source, result, side, threads, bits="8"):
    depth = ["--bits", bits] if result.endswith(".png") else []
    return [options.gesso, "prepare", source, "-o", result, "--max-side", str(side), "--enlarge", "--threads", str(threads), "-q", *depth]


def whole_makers(case, extension, threads, tag):
    name, side, _, _, mode = CASES[case]
    source, bits = corpus(name), "16" if mode == "RGB16" else "8"
    quality = "[Q=92,subsample-mode=on]" if extension == "jpg" else "[compression=6]"
    result = lambda who: path(f"{tag}-{who}.{extension}")
    makers = {
        OURS: lambda: Whole(our_command(source, result(OURS), side, threads, bits), result(OURS), threads),
    }
    if bits == "8":  # vipsthumbnail writes 8 bits
        profile = ["--export-profile", "srgb"] if converts_color(case) else []
        makers["vipsthumbnail"] = lambda: Whole(
            ["vipsthumbnail", source, "--size", f"{side}x{side}", *profile, "-o", result("vipsthumbnail") + quality],
            result("vipsthumbnail"), threads)
    for who, python, peer in peers(case, extension):
        makers[who] = lambda who=who, python=python, peer=peer: Whole(
            [python, "-B", WORKER, "--once", peer, "prepare", source, result(who), str(side), str(threads)], result(who), threads)
    return makers, result


def peers(case, extension):
    if CASES[case][4] == "RGB16":  # libvips' thumbnail and Pillow, which are left out here, give only 8 bits
        yield "libvips full decode", PYTHON, "vips-full"
        yield "libvips full decode, filters on", PYTHON, "vips-full-all"
        yield "OpenCV area", PYTHON, "opencv"
        return
    yield "libvips thumbnail", PYTHON, "vips-thumbnail"
    if converts_color(case):
        yield "Pillow", PYTHON, "pillow"
        return
    yield "libvips full decode", PYTHON, "vips-full"
    if extension == "png":
        yield "libvips thumbnail, filters on", PYTHON, "vips-thumbnail-all"
        yield "libvips full decode, filters on", PYTHON, "vips-full-all"
    yield "Pillow", PYTHON, "pillow"
    yield "Pillow-SIMD", SIMD, "pillow"
    yield "OpenCV area", PYTHON, "opencv"
    yield "OpenCV codecs + fast_image_resize", PYTHON, "opencv-fir"


def judge(jobs):
    done = subprocess.run([PYTHON, "-B", f"{here}/reference.py"], input=json.dumps(jobs), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit("bench: " + done.stderr)
    return json.loads(done.stdout)


def files(threads):
    results = {}
    for case, (name, side, extension, original, mode) in CASES.items():
        if not wanted(f"whole {threads} {case}"):
            continue
        makers, result = whole_makers(case, extension, threads, f"whole-{case}")
        two, bits = result("gesso, 2 threads"), "16" if mode == "RGB16" else "8"
        makers["gesso, 2 threads"] = lambda: Whole(our_command(corpus(name), two, side, 2, bits), two)
        results[case] = in_turns(left_out, f"whole {threads} {case}", makers, options.rounds)
    return results


def warm(threads):
    results = {}
    for case, (name, side, extension, original, mode) in CASES.items():
        if not wanted(f"warm {threads} {case}") or name == "tiny.png":
            continue
        source, result = corpus(name), lambda who: path(f"warm-{case}-{who}.{extension}")
        depth = ["balanced", "16" if mode == "RGB16" else "8"] if extension == "png" else []
        makers = {OURS: lambda: Warm([options.measure, "prepare", source, result(OURS), str(side), str(threads), *depth])}
        for who, python, peer in peers(case, extension):
            makers[who] = lambda who=who, python=python, peer=peer: Warm(
                [python, "-B", WORKER, peer, "prepare", source, result(who), str(side), str(threads)])
        floor = "eighth" if name.endswith(".jpg") else "inflate"
        makers["floor"] = lambda: Warm([FLOORS, floor, source])
        results[case] = in_turns(left_out, f"warm {threads} {case}", makers, options.rounds)
    return results


def quality():
    """Compares two results of every contender, a file without loss and its usual file, with float64 of the source and of its original."""
    results = {}
    for case, (name, side, extension, original, mode) in CASES.items():
        if not wanted(f"quality {case}") or name == "tiny.png":
            continue
        print(f"quality {case}", flush=True)
        outputs = {}
        for form in dict.fromkeys(["png", extension]):
            makers, result = whole_makers(case, form, 1, f"quality-{case}")
            for who, make in makers.items():
                try:
                    make().run()
                    outputs[who if form == "png" else f"{who}, as written"] = result(who)
                except (RuntimeError, OSError) as error:
                    left_out[f"quality {case}: {who}"] = str(error)
        job = {"job": "files", "mode": mode, "outputs": outputs}
        jobs = [job | {"source": corpus(name), "crop": None, "decoded": None}]
        if original:
            jobs.append(job | {"source": corpus(original[0]), "crop": original[1], "decoded": corpus(name)})
        judged = judge(jobs)
        results[case] = {"source": judged[0], "original": judged[1] if original else None}
    return results


def resizes():
    results = {}
    for case, (name, mode, (width, height), size) in RESIZES.items():
        if not wanted(f"resize {case}"):
            continue
        raw, channels, result = path(f"{case}.raw"), len(mode), lambda who: path(f"resize-{case}-{who}.raw")
        judge([{"job": "pixels", "source": corpus(name), "mode": mode, "crop": [width, height], "destination": raw}])
        shape = [raw, *map(str, (width, height, channels, *size))]
        makers = {OURS: lambda: Warm([options.measure, "resize", *shape, result(OURS)])}
        for who, python, peer in (("fast_image_resize", PYTHON, "fir"), ("Pillow-SIMD", SIMD, "pillow"), ("libvips", PYTHON, "vips"),
                                  ("Pillow", PYTHON, "pillow"), ("OpenCV area", PYTHON, "opencv")):
            makers[who] = lambda who=who, python=python, peer=peer: Warm([python, "-B", WORKER, peer, "resize", *shape, result(who)])
        samples = in_turns(left_out, f"resize {case}", makers, options.rounds * 2)
        judged = judge([{"job": "raw", "pixels": raw, "from": [width, height, channels], "size": size,
                         "outputs": {who: result(who) for who in samples}}])[0]
        results[case] = {"samples": samples, "quality": judged}
    return results


def arrays():
    """Measures file to samples in memory, in process, one thread."""
    results = {}
    for case, (name, side, form) in ARRAYS.items():
        if not wanted(f"arrays {case}"):
            continue
        source = corpus(name)
        makers = {OURS: lambda: Warm([options.measure, form, source, str(side)]),
                  "libvips thumbnail": lambda: Warm([PYTHON, "-B", WORKER, "vips-thumbnail", form, source, str(side)])}
        for who, python, peer in (("Pillow, draft", PYTHON, "pillow-draft"), ("Pillow", PYTHON, "pillow"), ("Pillow-SIMD", SIMD, "pillow")):
            if "draft" not in who or name.endswith(".jpg"):
                makers[who] = lambda python=python, peer=peer: Warm([python, "-B", WORKER, peer, form, source, str(side)])
        results[case] = in_turns(left_out, f"arrays {case}", makers, options.rounds)
    return results


def encodes():
    if not wanted("encode PNG"):
        return {}
    raw, small = path("encode.raw"), path("encode.png")
    Whole(our_command(corpus("photo-24mp-420.jpg"), small, 1536, 1)).run()
    judge([{"job": "pixels", "source": small, "mode": "RGB", "crop": None, "destination": raw}])
    shape = [raw, "1536", "1024", "3"]
    makers = {f"gesso {form}": lambda form=form: Warm([options.measure, "encode", *shape, f"png:{form}", path(f"e-{form}.png")])
              for form in ("fast", "balanced", "small")}
    for level in ("6", "9"):
        makers[f"libpng level {level}"] = lambda level=level: Warm([FLOORS, "libpng", *shape, level, path(f"e-{level}.png")])
    return {"1536x1024 RGB": in_turns(left_out, "encode PNG 1536x1024", makers, options.rounds)}


def batch():
    if not wanted("batch"):
        return {}
    sources = sorted(corpus(f"batch/{name}") for name in os.listdir(corpus("batch")))
    folder = path("batch")
    os.makedirs(folder)
    quality = "[Q=92,subsample-mode=on]"
    makers = {
        OURS: lambda: Whole([options.gesso, "prepare", *sources, "--out-dir", folder, "--max-side", "1536", "-q"], all_processes=True),
        "libvips, pool of 2": lambda: Whole([PYTHON, "-B", WORKER, "--once", "vips", "batch", folder, *sources], all_processes=True),
        "vipsthumbnail, one process": lambda: Whole(
            ["vipsthumbnail", *sources, "--size", "1536x1536", "-o", f"{folder}/%s.jpg{quality}"], threads=2, all_processes=True),
    }
    samples = in_turns(left_out, "batch", makers, max(2, options.rounds // 2))
    for runs in samples.values():
        for run in runs:
            run["images"] = len(sources)
    return samples


def start():
    if not wanted("start"):
        return {}
    return in_turns(left_out, "start", {OURS: lambda: Whole([options.gesso, "--version"]),
                              "vipsthumbnail": lambda: Whole(["vipsthumbnail", "--version"])}, options.rounds * 3)


def memory_limit():
    """The message of the command about a progressive file that needs more memory than it may take."""
    done = subprocess.run(
        our_command(corpus("photo-24mp-progressive.jpg"), path("refused.jpg"), 1536, 1) + ["--max-memory", "20"],
        capture_output=True, text=True)
    return {"status": done.returncode, "says": done.stderr.strip(), "wrote": os.path.exists(path("refused.jpg"))}


def two_at_once():
    """The factor by which an entropy decode takes longer while another one runs. It is 1 if the CPUs are cores that share nothing."""
    pair = [Warm([FLOORS, "eighth", corpus("photo-12mp-420.jpg")]) for _ in range(2)]
    alone = min(pair[0].run()["ms"] for _ in range(10))
    together = []
    for _ in range(10):
        threads = [threading.Thread(target=lambda w=w: together.append(w.run()["ms"])) for w in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for one in pair:
        one.close()
    return min(together) / alone, sorted(together)[len(together) // 2] / alone


def said(*command, pattern=r"(.*)"):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
        found = re.search(pattern, done.stdout + done.stderr)
        return found.group(1).strip() if found else "unknown"
    except OSError:
        return "not here"


def machine():
    flags = open("/proc/cpuinfo").read()
    cpu = re.search(r"model name\s*: (.*)", flags)
    sets = [name for flag, name in (("avx2", "AVX2"), ("avx512f", "AVX-512")) if flag in flags]
    memory = int(re.search(r"MemTotal:\s+(\d+)", open("/proc/meminfo").read()).group(1)) >> 20
    per_core = said("lscpu", pattern=r"Thread\(s\) per core:\s*(\d+)")
    return {"cpu": f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} CPUs with {per_core} to a core "
                   f"({', '.join(sets)}), {memory} GiB",
            "system": f"{said('sh', '-c', '. /etc/os-release; echo $PRETTY_NAME')}, Linux {platform.release()}"}


def versions():
    found = {"Swift": said("swift", "--version", pattern=r"Swift version (\S+)"),
             "vipsthumbnail": said("vipsthumbnail", "--version", pattern=r"vips-(\S+)")}
    for library in ("libjpeg", "libpng", "libisal", "zlib"):
        found[library] = said("pkg-config", "--modversion", library)
    for python, wanted_packages in ((PYTHON, ("pyvips-binary", "pillow", "opencv-python-headless", "cykooz-resizer")), (SIMD, ("pillow-simd",))):
        for package in wanted_packages:
            found[package] = said(python, "-c", f"import importlib.metadata as m; print(m.version('{package}'))")
    return found


def measured_again(whole, part):
    """Replaces samples of a whole run by those of a part, and notes the time and the commit of the part's measurement."""
    if whole["machine"] != part["machine"]:
        sys.exit("bench-peers: the whole run was measured on another machine")
    for section, samples in part.items():
        if isinstance(samples, dict) and section not in ("machine", "versions", "megapixels", "cases", "left out"):
            whole[section] = whole[section] | samples
    whole["two at once"] = part["two at once"]
    return whole | {"again": whole.get("again", []) + [{key: part[key] for key in ("only", "begin", "end", "commit", "rounds", "load")}]}


for made, command in MADE.items():
    subprocess.run([part.replace("FILE", corpus(made)).replace("CORPUS", options.corpus) for part in command], check=True)
begin, load = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), os.getloadavg()[0]
keep(options.out + ".interrupted", [said("git", "describe", "--always", "--dirty"), options.rounds, options.corpus])
data = {
    "begin": begin, "rounds": options.rounds, "only": options.only,
    "commit": said("git", "describe", "--always", "--dirty"), "machine": machine(), "versions": versions(),
    "start": start(), "whole 1": files(1), "warm 2": warm(2), "warm 1": warm(1), "arrays": arrays(), "resize": resizes(), "encode": encodes(), "batch": batch(),
    "quality": quality(), "memory limit": memory_limit(), "two at once": two_at_once(), "cases": {name: case[0] for name, case in CASES.items()},
    "megapixels": {"J12": 12.2, "J24": 24.0, "J50": 50.3, "J108": 108.0},
}
data |= {"end": time.strftime("%H:%M", time.gmtime()), "load": [load, os.getloadavg()[0]], "left out": left_out}
for what, why in left_out.items():
    print(f"left out: {what}: {why}", file=sys.stderr)
if options.into:
    data = measured_again(json.load(open(options.into)), data)
with open(options.out, "w") as file:
    json.dump(data, file, indent=1)
forget()
