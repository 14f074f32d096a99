"""Writes RESULTS.md and its plots from the samples of bench.py:  report.py SAMPLES.json RESULTS.md PLOT-FOLDER"""
import json
import os
import statistics
import sys

from plot import bars as bar_chart, scatter, series

samples_file, results_file, plots = sys.argv[1:4]
data = json.load(open(samples_file))
OURS, FLOOR = "gesso", "floor"
median = lambda runs, key="ms": statistics.median(run[key] for run in runs)


def ratio(runs, peer, ours=OURS, key="ms"):
    """The median of the ratios of pairs, each within one round."""
    return statistics.median(a[key] / b[key] for a, b in zip(runs[ours], runs[peer]))


def fastest(runs, *prefixes):
    found = [who for who in runs if who.startswith(prefixes)]
    return min(found, key=lambda who: median(runs[who])) if found else None


# ---- bars -----------------------------------------------------------------------------------------------------------
bars = []  # work, ours, peer, ratio or distance, bar, met (None: not measured)


def bar(work, limit, measure):
    """Adds a row. `measure` gives (ours, peer, figure, met); if a figure that it needs was not measured, the row stays open."""
    try:
        ours, peer, figure, met = measure()
    except (KeyError, IndexError, TypeError, ValueError, statistics.StatisticsError):
        ours, peer, figure, met = "–", "–", "–", None
    bars.append((work, ours, peer, figure, limit, met))


def time_bar(work, section, case, limit, *prefixes, exclude=()):
    def measure():
        runs = data[section][case]
        peer = fastest({w: r for w, r in runs.items() if not any(e in w for e in exclude)}, *prefixes)
        found = ratio(runs, peer)
        name = "1/8-scale decode" if peer == FLOOR and data["cases"][case].endswith("jpg") else "ISA-L inflate" if peer == FLOOR else peer
        return f"{median(runs[OURS]):.1f} ms", f"{name} {median(runs[peer]):.1f} ms", f"{found:.2f} ×", found <= limit
    bar(work, f"≤ {limit:.2f} ×", measure)


def memory_bar(work, case, limit):
    def measure():
        found = max(run["rssKiB"] for who in (OURS, "gesso, 2 threads") for run in data["whole 1"][case][who]) / 1024
        return f"{found:.1f} MiB", "–", "–", found <= limit
    bar(f"{work}: peak RSS, whole process, 1 or 2 threads", f"≤ {limit} MiB", measure)


def size_bar(work, runs, ours, peer, limit):
    def measure():
        a, b = (runs()[who][0]["outputBytes"] for who in (ours, peer))
        return f"{a:,} bytes", f"{peer} {b:,} bytes", f"{a / b:.3f} ×", a / b <= limit
    bar(work, f"≤ {limit:.2f} ×", measure)


time_bar("24 MP JPEG → 1536 JPEG, 1 thread, whole process", "whole 1", "J24 to J1536", 0.38, "vipsthumbnail")
time_bar("24 MP JPEG → 1536 JPEG, 2 threads, in process", "warm 2", "J24 to J1536", 0.50, "libvips")
time_bar("the same against the floor", "warm 2", "J24 to J1536", 1.35, FLOOR)
time_bar("12 MP JPEG → 1536 JPEG, 1 thread, whole process", "whole 1", "J12 to J1536", 0.35, "vipsthumbnail")
time_bar("108 MP JPEG → 1536 JPEG, 2 threads, in process", "warm 2", "J108 to J1536", 0.70, "libvips thumbnail")
time_bar("the same against the floor", "warm 2", "J108 to J1536", 1.35, FLOOR)
memory_bar("108 MP JPEG → 1536 JPEG", "J108 to J1536", 40)
time_bar("24 MP PNG RGB → 1024 PNG, 2 threads (filters on)", "warm 2", "P24 to P1024", 0.40, "libvips thumbnail, filters", "libvips full decode, filters")
time_bar("the same against the floor", "warm 2", "P24 to P1024", 1.40, FLOOR)
size_bar("24 MP PNG RGB → 1024 PNG: size", lambda: data["warm 2"]["P24 to P1024"], OURS, "libvips thumbnail, filters on", 1.0)
memory_bar("24 MP PNG RGB → 1024 PNG", "P24 to P1024", 40)
time_bar("24 MP PNG RGB → 1536 JPEG, 2 threads", "warm 2", "P24 to J1536", 0.40, "libvips")
memory_bar("24 MP PNG RGB → 1536 JPEG", "P24 to J1536", 40)
time_bar("16 MP PNG RGBA → 1024 PNG, 2 threads", "warm 2", "P16 RGBA to P1024", 0.35, "libvips")
time_bar("the same against the floor", "warm 2", "P16 RGBA to P1024", 1.50, FLOOR)
time_bar("24 MP flat illustration PNG → 1024 PNG, 2 threads", "warm 2", "P24 flat to P1024", 0.35, "libvips")
for work, case, limit in (
        ("12 MP JPEG → 512 JPEG", "J12 to J512", 0.60), ("12 MP JPEG → 3000 JPEG", "J12 to J3000", 0.60),
        ("12 MP JPEG → 6000 JPEG, enlarged", "J12 to J6000", 0.60), ("24 MP PNG RGB → 4500 PNG", "P24 to P4500", 0.55),
        ("12 MP CMYK JPEG → 1536 JPEG", "J12 CMYK to J1536", 0.25), ("24 MP JPEG → 1536 PNG", "J24 to P1536", 0.60),
        ("24 MP interlaced PNG → 1024 PNG", "P24 interlaced to P1024", 0.60), ("12 MP 16-bit PNG → 1536 16-bit PNG", "P12 16 bit to P1536", 0.55)):
    time_bar(f"{work}, 1 thread, in process", "warm 1", case, limit, "libvips")


def p3_cost():
    runs, plain = data["warm 1"]["J12 P3 to J1536"][OURS], data["warm 1"]["J12 without its P3 profile to J1536"][OURS]
    found = median(runs) / median(plain)
    return f"{median(runs):.1f} ms", f"the same without a profile {median(plain):.1f} ms", f"{found:.2f} ×", found <= 1.10


bar("12 MP Display P3 JPEG → 1536 JPEG, 1 thread, in process", "≤ 1.10 ×", p3_cost)
for case, limit in (("J24 to 1024, array of 8 bits", 0.50), ("J24 to 1024, tensor of diffusers", 0.15)):
    def array(case=case, limit=limit):
        runs = data["arrays"][case]
        peer = "Pillow" if "tensor" in case else "libvips thumbnail"
        found = ratio(runs, peer, key="cpuMs")
        return f"{median(runs[OURS], 'cpuMs'):.1f} ms", f"{peer} {median(runs[peer], 'cpuMs'):.1f} ms", f"{found:.2f} ×", found <= limit
    bar(f"{case}, CPU time", f"≤ {limit:.2f} ×", array)
RESIZED = ("RGB 4928x3279 to 852x567", "RGB 6000x4000 to 1536x1024", "RGBA 4928x3000 to 852x519")
for case in RESIZED:
    def resized(case=case):
        runs = data["resize"][case]["samples"]
        found = ratio(runs, "fast_image_resize")
        return f"{median(runs[OURS]):.1f} ms", f"fast_image_resize {median(runs['fast_image_resize']):.1f} ms", f"{found:.2f} ×", found <= 1.0
    bar(f"resize only, {case}, Lanczos3, 1 thread", "≤ 1.00 × (stretch 0.80)", resized)
for case in RESIZED:
    def accuracy(case=case):
        ours, perfect = (data["resize"][case]["quality"][who] for who in (OURS, "perfect rounding"))
        return f"{ours['psnr']:.2f} dB", f"perfect rounding {perfect['psnr']:.2f} dB", f"{ours['psnr'] - perfect['psnr']:+.2f} dB", ours["psnr"] >= max(58.8, perfect["psnr"] - 0.15)

    def off(case=case):
        ours = data["resize"][case]["quality"][OURS]
        return f"{ours['share']:.2%}, by up to {ours['off']:.0f}", "rounded float64", "–", ours["off"] <= 1
    bar(f"accuracy of resize alone, {case}", "≥ 58.8 dB, ≥ −0.15 dB", accuracy)
    bar("the same: samples that differ from the rounded reference", "by up to 1", off)
for case in ("J12 to J1536", "J24 to J1536", "J24 4:4:4 to J1536"):
    for ours, theirs, form in ((OURS, "full RGB path", "pixels"), ("gesso, as written", "full RGB path, as JPEG", "the JPEG as written")):
        def quality(case=case, ours=ours, theirs=theirs):
            a, b = (data["quality"][case]["original"][who]["psnr"] for who in (ours, theirs))
            return f"{a:.2f} dB", f"{theirs} {b:.2f} dB", f"{a - b:+.2f} dB", a - b >= -0.05
        bar(f"quality against the uncompressed original, {case}: {form}", "≥ −0.05 dB", quality)


def images_a_second():
    peer, runs = "libvips, pool of 2", data["batch"]
    found = 1 / ratio(runs, peer)
    rate = lambda who: runs[who][0]["images"] / median(runs[who]) * 1e3
    return f"{rate(OURS):.1f} images/s", f"{peer} {rate(peer):.1f} images/s", f"{found:.2f} ×", found >= 2.0


def batch_memory():
    found = max(run["rssKiB"] for run in data["batch"][OURS]) / 1024
    return f"{found:.1f} MiB", "–", "–", found <= 100


def refused():
    limit = data["memory limit"]
    met = limit["status"] != 0 and not limit["wrote"] and "MiB" in limit["says"]
    return f"exit {limit['status']}" + (", nothing written" if not limit["wrote"] else ""), "–", "–", met


def encode_time():
    runs = data["encode"]["1536x1024 RGB"]
    found = ratio(runs, "libpng level 6", "gesso balanced")
    return f"{median(runs['gesso balanced']):.1f} ms", f"libpng level 6 {median(runs['libpng level 6']):.1f} ms", f"{found:.2f} ×", found <= 0.25


bar("60 × 12 MP JPEG → 1536, 2 cores, whole process", "≥ 2.00 ×", images_a_second)
bar("the same: RSS", "≤ 100 MiB", batch_memory)


def starts():
    runs = data["start"]
    found = ratio(runs, "vipsthumbnail")
    return f"{median(runs[OURS]):.1f} ms", f"vipsthumbnail {median(runs['vipsthumbnail']):.1f} ms", f"{found:.2f} ×", found <= 1.0


bar("`gesso --version`, whole process", "≤ 1.00 ×", starts)
time_bar("progressive 24 MP JPEG → 1536 JPEG, 1 thread, in process", "warm 1", "J24 progressive to J1536", 0.45, "libvips")
bar("the same with `--max-memory 20`", "refused", refused)
bar("encode 1536×1024 PNG, balanced: time", "≤ 0.25 ×", encode_time)
size_bar("the same: size", lambda: data["encode"]["1536x1024 RGB"], "gesso balanced", "libpng level 6", 1.03)
size_bar("encode 1536×1024 PNG, small: size", lambda: data["encode"]["1536x1024 RGB"], "gesso small", "libpng level 9", 1.01)

# ---- the file -------------------------------------------------------------------------------------------------------
out = []
say = out.append


def table(head, rows):
    say("| " + " | ".join(head) + " |")
    say("| " + " | ".join(["---"] * len(head)) + " |")
    for row in rows:
        say("| " + " | ".join(row) + " |")
    say("")


def mark(who, text):
    return f"**{text}**" if who.startswith(OURS) else text


def quality_cells(case, who):
    judged = data["quality"].get(case)
    cell = lambda found: f"{found['psnr']:.1f} dB, {found['ssim']:.4f}" if found else "–"
    if not judged or who == FLOOR:
        return ["–"] * 3
    who = OURS if who.startswith(OURS) else who
    original = judged["original"] or {}
    return [cell(judged["source"].get(who)), cell(original.get(who)), cell((original or judged["source"]).get(f"{who}, as written"))]


losses = []


def lose(work, faster):
    if faster:
        losses.append(f"{work}: {', '.join(faster)}")


def timed(section, title, note):
    if not data.get(section):
        return
    say(f"## {title}\n\n{note}\n")
    for case, runs in data[section].items():
        say(f"### {case.replace(' to ', ' → ')}" + (f", {data['cases'][case]}\n" if case in data["cases"] else "\n"))
        rows, faster = [], []
        for who in sorted(runs, key=lambda who: median(runs[who])):
            r = runs[who]
            rows.append([
                mark(who, who), f"{median(r):.1f} ({min(x['ms'] for x in r):.1f})", f"{median(r, 'cpuMs'):.0f}",
                "1" if who == OURS else f"{ratio(runs, who):.2f}", f"{max(x['rssKiB'] for x in r) / 1024:.0f}",
                f"{r[0]['outputBytes']:,}" if who != FLOOR else "–", *quality_cells(case, who)])
            if not who.startswith((OURS, FLOOR)) and ratio(runs, who) > 1:
                faster.append(f"{ratio(runs, who):.2f} × the time of {who}")
        lose(f"{title.lower()}, {case.replace(' to ', ' → ')}", faster)
        table(["", "ms (min)", "CPU ms", "ours / it", "RSS MiB", "bytes", "against its source", "against the original", "as written"], rows)


FIRST = [  # what a user reads first: section, case, in words
    ("warm 1", "J12 to J1536", "12 MP JPEG → 1536 JPEG"), ("warm 1", "J108 to J1536", "108 MP JPEG → 1536 JPEG"),
    ("warm 1", "J12 to J3000", "12 MP JPEG → 3000 JPEG"), ("warm 1", "J12 to J6000", "12 MP JPEG → 6000 JPEG, enlarged"),
    ("warm 1", "J24 progressive to J1536", "24 MP progressive JPEG → 1536 JPEG"), ("warm 1", "J12 P3 to J1536", "12 MP Display P3 JPEG → 1536 JPEG"),
    ("warm 1", "J12 CMYK to J1536", "12 MP CMYK JPEG → 1536 JPEG"), ("warm 1", "P24 to P1024", "24 MP PNG → 1024 PNG"),
    ("warm 1", "P24 to P4500", "24 MP PNG → 4500 PNG"), ("warm 1", "P24 interlaced to P1024", "24 MP interlaced PNG → 1024 PNG"),
    ("warm 1", "P16 RGBA to P1024", "16 MP RGBA PNG → 1024 PNG"), ("warm 1", "P12 16 bit to P1536", "12 MP 16-bit PNG → 1536 16-bit PNG"),
    ("arrays", "J24 to 1024, array of 8 bits", "24 MP JPEG → array in memory"),
    ("arrays", "J24 to 1024, tensor of diffusers", "24 MP JPEG → tensor of diffusers"), ("whole 1", "P8x8 to P8", "8×8 PNG, a whole process"),
]


def first_look():
    """A picture of our time beside libvips', and a table with that of Pillow and the distance from float64."""
    rows, chart = [], []
    for section, case, work in FIRST:
        runs = data.get(section, {}).get(case)
        peer = runs and fastest(runs, "libvips", "vipsthumbnail")
        if not peer:
            continue
        found = ratio(runs, peer)
        pillow = f"{median(runs['Pillow']):.0f} ms" if "Pillow" in runs else "–"
        # Decibels of the file without loss; of what was coded from an original, against the original.
        judged = data["quality"].get(case) or {}
        decibels = lambda who: (judged.get("original") or judged.get("source") or {}).get(who, {}).get("psnr")
        quality = f"{decibels(OURS):.1f} / {decibels(peer):.1f} dB" if decibels(OURS) and decibels(peer) else "–"
        rows.append([work, f"{median(runs[OURS]):.0f} ms", f"{median(runs[peer]):.0f} ms", pillow, f"**{found:.2f}**", quality])
        chart.append((work, found, f"{found:.2f}   ({median(runs[OURS]):.0f} ms)"))
    return rows, chart


again = [f"- Measured again: {', '.join(part['only'])} ({part['begin']} to {part['end']}, commit {part['commit']}, {part['rounds']} rounds; "
         f"load average {part['load'][0]:.1f}, {part['load'][1]:.1f}).\n" for part in data.get("again", [])]
head = f"""# Results

{{first}}
Written by `make bench-peers` ({data['begin']} to {data['end']}, commit {data['commit']}, {data['rounds']} round{'s' if data['rounds'] > 1 else ''}). Not edited by hand.

- {data['machine']['cpu']}; {data['machine']['system']}. Load average before and after: {data['load'][0]:.1f}, {data['load'][1]:.1f}{" (other work ran on the machine)" if max(data['load']) > 2.5 else ""}.
- {", ".join(f"{name} {version}" for name, version in data["versions"].items())}.
{"".join(again)}- Two entropy decodes at once on this machine's CPUs take {data['two at once'][1]:.2f} × the time of one (best {data['two at once'][0]:.2f}): what a second thread can win.
- libvips is pyvips-binary's; vipsthumbnail is Debian's. Peers decode, resize with Lanczos3 (OpenCV: area) and encode as ours does: JPEG q92 4:2:0, PNG level 6.
- Every round runs each contender once, in an order that turns. Times are medians, minima in brackets; ratios are taken pair by pair within
  a round, then the median. Compare ratios, not milliseconds.
- Quality is PSNR in dB and SSIM against Lanczos3 in float64: of the *source* as Pillow decodes it, and where there is one, of the *uncompressed
  original* the source was coded from. Both for results without loss; *as written* is the file that was timed. A planar path differs from the
  source's RGB decode by design (it interpolates chroma once, not twice): the original is what decides.
"""
first_rows, first_chart = first_look()
before, after = head.split("{first}\n")
say(before)
if first_chart:
    with open(os.path.join(plots, "beside-libvips.svg"), "w") as file:
        file.write(bar_chart(first_chart, "Time of gesso beside libvips, one thread: shorter is faster", "as long as libvips"))
    say(f"![Time beside libvips]({os.path.relpath(plots, os.path.dirname(os.path.abspath(results_file)))}/beside-libvips.svg)\n")
    say("One thread, warm, in process, from file to file or to memory. *libvips* is the faster of its ways; quality is PSNR of ours / of "
        "libvips against\nfloat64. Ratios are of pairs in turns.\n")
    table(["Work", "gesso", "libvips", "Pillow", "gesso / libvips", "quality"], first_rows)
losses_at = len(out)
say("## How it was measured\n")
say(after)
say("## Bars\n")
verdict = {True: "met", False: "**not met**", None: "not measured"}
table(["Work", "ours", "peer", "ratio", "bar", ""], [[*row[:5], verdict[row[5]]] for row in bars])
met = sum(row[5] is True for row in bars)
say(f"{met} of {len(bars)} met, {sum(row[5] is False for row in bars)} not met, {sum(row[5] is None for row in bars)} not measured.\n")

drawn = []
warm = data.get("warm 2", {})
lines = {}
for case, runs in warm.items():
    size = data["megapixels"].get(case.split()[0])
    if size and case.endswith("to J1536") and len(case.split()) == 3:
        for who, r in runs.items():
            lines.setdefault("floor (1/8-scale decode)" if who == FLOOR else who, []).append((size, median(r)))
if any(len(points) > 1 for points in lines.values()):
    drawn.append(("time-against-megapixels.svg", series(lines, "JPEG → 1536 JPEG, in process, 2 threads", "megapixels", "ms", OURS)))
points = {}
alone, judged = data.get("warm 1", {}).get("J24 to J1536", {}), data["quality"].get("J24 to J1536")
if alone and judged:
    points = {who: (median(r), judged["original"][who]["psnr"]) for who, r in alone.items() if who in judged["original"]}
    drawn.append(("speed-against-quality.svg", scatter(points, "24 MP JPEG → 1536 JPEG, in process, 1 thread", "ms",
                                                       "PSNR of the pixels against the uncompressed original, dB", OURS)))
for name, text in drawn:
    with open(os.path.join(plots, name), "w") as file:
        file.write(text)
    say(f"![{name.removesuffix('.svg').replace('-', ' ')}]({os.path.relpath(plots, os.path.dirname(os.path.abspath(results_file)))}/{name})\n")

timed("whole 1", "Whole processes, one thread", "Start-up and imports count; peak RSS is the kernel's account of the process.")
timed("warm 2", "In process, two threads", "Warm, from file to file, without start-up. `floor` is libjpeg-turbo at 1/8 scale (entropy decoding and little else), or ISA-L inflating.")
timed("warm 1", "In process, one thread", "The same with one thread.")

timed("arrays", "Samples in memory, one thread", "Warm, from a file to an array of 8 bits or to the float32 planes that diffusers takes. Pillow's draft decodes JPEGs at a smaller scale.")

if data.get("resize"):
    say("## Resize only, one thread\n\nLanczos3 in memory on the same arrays. *off*: samples that differ from the rounded reference, and by how much at most.\n")
    for case, result in data["resize"].items():
        say(f"### {case.replace(' to ', ' → ')}\n")
        runs, rows, faster = result["samples"], [], []
        for who in sorted(runs, key=lambda who: median(runs[who])):
            q = result["quality"][who]
            rows.append([mark(who, who), f"{median(runs[who]):.1f} ({min(x['ms'] for x in runs[who]):.1f})",
                         "1" if who == OURS else f"{ratio(runs, who):.2f}", f"{q['psnr']:.2f} dB", f"{q['ssim']:.5f}", f"{q['share']:.2%}, {q['off']:.0f}"])
            if who != OURS and ratio(runs, who) > 1:
                faster.append(f"{ratio(runs, who):.2f} × the time of {who}")
        lose(f"resize only, {case.replace(' to ', ' → ')}", faster)
        table(["", "ms (min)", "ours / it", "PSNR", "SSIM", "off"], rows)
        say(f"Perfect rounding: {result['quality']['perfect rounding']['psnr']:.2f} dB.\n")
        if case.startswith("RGBA"):
            say("Where overshoot lifts alpha above 1, the reference divides color by 1 or by the alpha that came out, whichever a "
                "contender is nearer to; colors count from an alpha of 8 on.\n")

if data.get("encode"):
    say("## PNG encoding, one thread\n")
    for case, runs in data["encode"].items():
        say(f"### {case}, the 24 MP photograph resized\n")
        table(["", "ms (min)", "bytes"], [
            [mark(who, who), f"{median(r):.1f} ({min(x['ms'] for x in r):.1f})", f"{r[0]['outputBytes']:,}"]
            for who, r in sorted(runs.items(), key=lambda item: median(item[1]))])
if data.get("batch"):
    say("## Batch: 60 × 12 MP JPEG → 1536, two cores, whole processes\n")
    table(["", "s", "CPU s", "images/s", "ours / it", "RSS of all, MiB"], [
        [mark(who, who), f"{median(r) / 1e3:.2f}", f"{median(r, 'cpuMs') / 1e3:.2f}", f"{r[0]['images'] / median(r) * 1e3:.1f}",
         "1" if who == OURS else f"{ratio(data['batch'], who):.2f}", f"{max(x['rssKiB'] for x in r) / 1024:.0f}"]
        for who, r in sorted(data["batch"].items(), key=lambda item: median(item[1]))])
if data["left out"]:
    say("## Left out\n")
    out.extend(f"- {what}: {why}" for what, why in data["left out"].items())
    say("")

short, subject = [], ""
for row in bars:
    subject = subject if row[0].startswith("the same") else row[0].split(":")[0]
    if row[5] is False:
        work = row[0].replace("the same", subject)
        short.append(f"bar: {work}: {row[3] if row[3] != '–' else row[1]} (bar {row[4]})")
lost = ["## Where we lose\n", *(f"- {line}" for line in short), *(f"- {line}" for line in losses), ""]
out[losses_at:losses_at] = lost if len(lost) > 2 else ["No bar is missed, and no peer measured here was faster.\n"]
# What `make bench-grid` wrote stays.
begin, end = "<!-- make bench-grid -->", "<!-- /make bench-grid -->"
old = open(results_file).read() if os.path.exists(results_file) else ""
grid = old[old.index(begin) + len(begin):old.index(end)] if begin in old and end in old else "\n"
out += ["## Every size", "", begin + grid + end, ""]
with open(results_file, "w") as file:
    file.write("\n".join(out))
