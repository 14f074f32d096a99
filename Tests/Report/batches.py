"""Ledgers for reports: real runs of the sandbox, and rows of batches that name them."""
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GESSO = os.environ["GESSO"]
PLANTED = "<script>document.title='planted'</script>"
LONG = "2026-11 autumn campaign, location north, camera B, take 12, retouched by hand, final version, approved, really final"

# Flags of `prepare` for each source, by the name it gets.
SOURCES = {
    "forest.jpg": ("forest.jpg", "--max-side 1600"),
    "portrait.jpg": ("mountain-444.jpg", "--size 420x1260 --fit cover"),
    "panorama.jpg": ("forest.jpg", "--size 1600x320 --fit cover"),
    "meadow.jpg": ("meadow-progressive.jpg", "--max-side 1200"),
    "brushes.jpg": ("brushes.jpg", "--max-side 900"),
    LONG + ".jpg": ("mountain-444.jpg", "--max-side 1000"),
    f"{PLANTED.replace('/', '_')}.jpg": ("forest.jpg", "--max-side 700"),
}


def gesso(*arguments, ledger=None):
    environment = {**os.environ, "GESSO_LEDGER": str(ledger)} if ledger else None
    result = subprocess.run([GESSO, *map(str, arguments)], capture_output=True, text=True, env=environment)
    if result.returncode != 0: raise SystemExit(f"gesso {' '.join(map(str, arguments))}: {result.stderr}")
    return result.stdout


def make_runs(folder):
    """A ledger with a run of each source, two results each, and the sources' paths by the numbers of their runs."""
    ledger, photos = folder / "runs.sqlite", folder / "photos"
    photos.mkdir()
    for name, (source, flags) in SOURCES.items():
        gesso("prepare", ROOT / "Fixtures/jpeg" / source, "-o", photos / name, "-q", *flags.split())
    paths = sorted(photos.iterdir())
    gesso("img2img", *paths, "--prompt", f"late autumn, {PLANTED}", "--samples", "2", "--sandbox", "-q", "-o", folder / "out",
          ledger=ledger)
    with sqlite3.connect(ledger) as database:
        runs = dict(database.execute("SELECT id, source FROM run ORDER BY id"))
    by_name = {path.name: path for path in paths}
    return ledger, {run: by_name[Path(source).name] for run, source in runs.items()}


def times(start, *, until="ended"):
    """The times at which a row reached its steps, up to one step, in seconds since 1970."""
    lengths = {"began": 0, "preparing": 0.02, "prepared": 0.31, "uploading": 0.01, "uploaded": 0.84, "submitting": 1.9,
               "submitted": 0.12, "downloading": 7.4, "ended": 0.66}
    found, now = {}, start
    for moment, length in lengths.items():
        now += length
        found[moment] = round(now, 3)
        if moment == until: break
    return found


FAILURES = [
    {"code": "truncated", "stage": "decode", "message": "the file ends early, at row 812 of 2848",
     "remedy": "use what can be decoded with --fail-on none"},
    {"code": "job-failed", "stage": "wait", "message": "the job failed: the content was refused",
     "remedy": "change prompt or image"},
    {"code": "not-an-image", "stage": "open", "message": f"this is no image but text {PLANTED}", "remedy": ""},
]


def make_batch(ledger, runs, count, *, name="photos-1a2b3c", begun=None, first=1, command=None):
    """Records a batch of `count` rows, of which `begun` have begun. Some rows failed, one is stopped, and one is in progress."""
    started = 1_795_000_000.0
    numbers = list(runs)
    with sqlite3.connect(ledger) as database:
        database.execute(
            "INSERT INTO batch (name, createdAt, updatedAt, input, folder, command, rowCount) VALUES (?,?,?,?,?,?,?)",
            (name, "2026-11-29T18:03:12Z", "2026-11-29T19:41:55Z", "/photos", "/out",
             command or "gesso batch photos --prompt 'late autumn' --max-cost 500 -o out", count))
        batch = database.execute("SELECT id FROM batch WHERE name = ?", (name,)).fetchone()[0]
        for index in range(count if begun is None else begun):
            position, run = first + index, numbers[index % len(numbers)]
            path, state, failure, run_times = str(runs[run]), "done", None, times(started + index * 1.7)
            key = f"{position:05d}/{runs[run].name}"
            if index % 9 == 7:
                failure = FAILURES[index // 9 % len(FAILURES)]
                state, run_times = "failed", {**times(started + index * 1.7, until="preparing"), "ended": started + index * 1.7 + 0.4}
                if failure["stage"] != "wait": run = None
            if count > 5 and index == 5:
                state, run_times = "open", times(started + index * 1.7, until="submitted")
                failure = {"code": "service-unavailable", "stage": "wait", "message": "the service cannot be reached",
                           "remedy": "the same command goes on when it can be"}
            if count > 6 and index == 6: state, run_times = "open", times(started + index * 1.7, until="uploading")
            database.execute(
                "INSERT INTO batchRow (batch, key, position, input, path, run, state, failure, times) VALUES (?,?,?,?,?,?,?,?,?)",
                (batch, key, position, f"autumn/{runs[run].name}" if run else f"autumn/{Path(path).name}", path, run, state,
                 json.dumps(failure) if failure else None, json.dumps(run_times)))
    return name


def copied(ledger, to):
    """A copy of a ledger that no process has open."""
    with sqlite3.connect(ledger) as database: database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(ledger, to)
    return to
