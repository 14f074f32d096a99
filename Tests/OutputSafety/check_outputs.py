"""What the command writes when writing fails: the old file or the new one, never a part of either, and nothing beside it.

Each case runs once without a failure, and its calls that write, sync, name, shorten and close files are counted. For each of these
calls there are three more runs: the call fails, the call and all later ones fail, and the process is killed before the call. After a
kill the next run must remove what was left. Further runs have a full disk, a read-only disk, and a limit for the size of a file.

    GESSO=path/to/gesso check_outputs.py [--all]     --all: also each call that concerns the ledger of an order
"""
import base64
import concurrent.futures
import contextlib
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
GESSO = os.environ["GESSO"]
FIXTURES = ROOT / "Fixtures"
CALLS = ["write", "fsync", "fdatasync", "rename", "link", "ftruncate", "close"]
OLD = b"what was here before\n" * 40
CANNOT_WRITE = 10
LIMIT = "a limit of 256 bytes"
KEYS = {"SCENARIO_API_KEY": "key", "SCENARIO_API_SECRET": "secret"}


class Case:
    """One command. It runs in a folder of its own, and writes to `out` in that folder. `outputs` are relative to `out`."""

    def __init__(self, name, arguments, outputs, old=(), links=(), statuses=(CANNOT_WRITE,), lines=1):
        self.name, self.arguments, self.outputs = name, arguments, outputs
        self.old, self.links, self.statuses, self.lines = old, links, statuses, lines

    def prepare(self, folder):
        """Makes the folder as it is before the command, with earlier outputs and symbolic links."""
        for name in ("out", "out/elsewhere", "state"): (folder / name).mkdir(parents=True, exist_ok=True)
        for name in self.old: (folder / name).write_bytes(OLD)
        for name, target in self.links: (folder / name).symlink_to(target)

    def run(self, folder, before=(), **variables):
        environment = {**os.environ, "HOME": str(folder / "state"), **variables}
        if variables: environment["LD_PRELOAD"] = str(PRELOADED)
        return subprocess.run([*before, GESSO, *map(str, self.arguments)], cwd=folder, env=environment, capture_output=True, timeout=120)


def without_time(path):
    """The content of a file; of a report without the time at which it was made."""
    content = path.read_bytes()
    return re.sub(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?", b"TIME", content) if path.suffix == ".html" else content


def files(folder):
    """The content of each file below a folder by its name, and the target of each symbolic link."""
    return {str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else without_time(path)
            for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()}


def leftovers(folder): return [str(path) for path in folder.rglob(".gesso-*")] + [str(path) for path in folder.rglob("gesso-??????")]


def problems(case, folder, result, reference, *, statuses):
    """The problems after a command whose writing failed."""
    found = []
    errors = [line for line in result.stderr.decode().splitlines() if line.startswith("gesso:")]
    if result.returncode not in statuses: found.append(f"status {result.returncode}, not {statuses}: {result.stderr.decode()[-300:]}")
    if result.returncode > 0 and case.lines and len(errors) != case.lines: found.append(f"{len(errors)} errors: {errors}")
    now = files(folder / "out")
    for name in case.outputs:
        new = reference[name]
        old = OLD if f"out/{name}" in case.old else None
        link = dict(case.links).get(f"out/{name}")
        allowed = [link] if link else [old, new]
        if now.get(name) not in allowed: found.append(f"{name} is neither the old file nor the new one")
        if result.returncode == 0 and not link and now.get(name) != new: found.append(f"{name} is not there, and the status is 0")
    left = {str(Path(name).relative_to(folder / "out")) for name in leftovers(folder / "out")}
    unknown = set(now) - set(case.outputs) - left - set(reference)
    if unknown: found.append(f"there are {unknown}")
    return found


def check(case, call, number, action):
    """Runs a case with one failing call. Returns the problems."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        folder = Path(name)
        case.prepare(folder)
        kills = action.startswith("kill")
        result = case.run(folder, GESSO_FAILING=f"{call} {number} {action} {folder.resolve()}/out")
        # If close fails, the file may still be complete, because it was synced before.
        statuses = (-signal.SIGKILL,) if kills else case.statuses + ((0,) if call == "close" else ())
        found = problems(case, folder, result, REFERENCES[case.name], statuses=statuses)
        if kills:
            again = case.run(folder)
            # A command that may replace nothing is refused if its output got its name before the kill.
            is_there = "--no-clobber" in case.arguments and again.returncode == 2
            if again.returncode != 0 and not is_there: found.append(f"the next run ends with {again.returncode}: {again.stderr.decode()[-300:]}")
            if files(folder / "out") != REFERENCES[case.name]: found.append("the next run's files differ")
        if leftovers(folder): found.append(f"left behind: {leftovers(folder)}")
        return [f"{case.name}, {call} {number} {action}: {problem}" for problem in found]


def check_disk(case, kind):
    """Runs a case on a full disk, on a read-only disk, or with a limit for the size of a file. Disks need a mount namespace."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        folder = Path(name)
        case.prepare(folder)
        before = files(folder / "out")
        if kind == LIMIT:
            result = case.run(folder, before=["prlimit", "--fsize=256", "--"])
        else:
            # The folder is copied to a disk of 1 MB, which is then filled to the last block or made read-only.
            script = 'cp -a out before && mount -t tmpfs -o size=1m tmpfs out && cp -a before/. out && '
            script += 'mount -o remount,ro out' if kind == "read-only" else '{ dd if=/dev/zero of=out/elsewhere/filler bs=4k 2>/dev/null || true; }'
            script += '; "$@"; status=$?; rm -f out/elsewhere/filler; cp -a out after; exit $status'
            result = case.run(folder, before=["unshare", "-rm", "sh", "-c", script, "sh"])
            after = folder / "after"
            shutil.rmtree(folder / "out")
            after.rename(folder / "out")
        found = problems(case, folder, result, {**before, **REFERENCES[case.name]}, statuses=case.statuses)
        if leftovers(folder / "out"): found.append(f"left behind: {leftovers(folder / 'out')}")
        if files(folder / "out") != before: found.append("the files are not the old ones")
        return [f"{case.name}, {kind}: {problem}" for problem in found]


def counted(case, folder, below):
    """The number of times that a run without a failure makes each call, for files below a folder."""
    calls = folder / "calls"
    result = case.run(folder, GESSO_CALLS=str(calls), GESSO_FAILING=f"none 0 0 {below.resolve()}")
    if result.returncode != 0: raise SystemExit(f"{case.name} fails by itself: {result.stderr.decode()}")
    names = calls.read_text().split() if calls.exists() else []
    calls.unlink(missing_ok=True)
    return {call: names.count(call) for call in CALLS}


def images(scratch):
    """Makes the files that some commands start from: a prepared image, its record, and a ledger with a batch."""
    def gesso(*arguments, **variables):
        result = subprocess.run([GESSO, *map(str, arguments)], cwd=scratch, env={**os.environ, **variables}, capture_output=True, text=True)
        if result.returncode != 0: raise SystemExit(f"gesso {arguments}: {result.stderr}")
        return result.stdout
    source = FIXTURES / "jpeg/small-420.jpg"
    (scratch / "record.json").write_text(gesso("prepare", source, "-o", "prepared.jpg", "--max-side", "100", "--json", "-q"))
    (scratch / "photos").mkdir()
    shutil.copy(source, scratch / "photos")
    log = gesso("batch", "photos", "--prompt", "p", "--sandbox", "-o", "results", "--json", GESSO_LEDGER=str(scratch / "ledger.sqlite"))
    batch = next(event["name"] for event in map(json.loads, log.splitlines()) if event["event"] == "batch")
    return source, scratch / "prepared.jpg", scratch / "record.json", batch


def make_cases(scratch):
    source, prepared, record, batch = images(scratch)
    png, webp = FIXTURES / "png/small-rgb8.png", FIXTURES / "kinds/webp/profile-orientation6-pillow.webp"
    cases = []
    for kind in ("jpg", "png", "webp"):
        cases.append(Case(f"prepare {kind}", ["prepare", source, "-o", f"out/a.{kind}", "-q"], [f"a.{kind}"]))
        cases.append(Case(f"prepare {kind} again", ["prepare", source, "-o", f"out/a.{kind}", "-q"], [f"a.{kind}"], old=[f"out/a.{kind}"]))
    cases += [
        Case("prepare once", ["prepare", source, "-o", "out/a.jpg", "-q", "--no-clobber"], ["a.jpg"]),
        Case("prepare with a tensor", ["prepare", png, "-o", "out/a.png", "--tensor", "out/a.npy", "-q", "--max-side", "40"],
             ["a.png", "a.npy"], old=["out/a.png", "out/a.npy"]),
        Case("prepare two", ["prepare", source, png, "--out-dir", "out", "-q", "--threads", "1", "--format", "jpeg"],
             ["small-420.prepared.jpg", "small-rgb8.prepared.jpg"], old=["out/small-420.prepared.jpg"], statuses=(1, CANNOT_WRITE), lines=None),
        Case("prepare through a link", ["prepare", source, "-o", "out/link.jpg", "-q"], ["link.jpg", "elsewhere/a.jpg"],
             old=["out/elsewhere/a.jpg"], links=[("out/link.jpg", "elsewhere/a.jpg")]),
        Case("prepare through a link to nothing", ["prepare", source, "-o", "out/link.jpg", "-q"], ["link.jpg", "elsewhere/a.jpg"],
             links=[("out/link.jpg", "elsewhere/a.jpg")]),
        Case("restore", ["restore", prepared, "--record", record, "-o", "out/a.png", "-q"], ["a.png"], old=["out/a.png"]),
        Case("restore onto", ["restore", prepared, "--record", record, "--onto", source, "-o", "out/a.jpg", "-q"], ["a.jpg"]),
        Case("strip jpg", ["strip", FIXTURES / "jpeg/gps-xmp.jpg", "-o", "out/a.jpg", "-q"], ["a.jpg"], old=["out/a.jpg"]),
        Case("strip png", ["strip", png, "--out-dir", "out", "-q"], ["small-rgb8.stripped.png"]),
        Case("strip webp", ["strip", webp, "-o", "out/a.webp", "-q"], ["a.webp"], old=["out/a.webp"]),
        Case("report", ["report", batch, "--ledger", scratch / "ledger.sqlite", "-o", "out/a.html", "-q"], ["a.html"], old=["out/a.html"]),
    ]
    return cases


# MARK: Orders

class Order:
    """An order: its prepared image, its result and the record beside it. Each place of a failure has a sandbox of its own. If the reply to
    an order is lost, its job is looked for among the account's jobs of that time, and jobs of other places must not be among them."""

    @staticmethod
    def run(folder, base_url, arguments=None, **variables):
        for name in ("out", "state"): (folder / name).mkdir(exist_ok=True)
        environment = {**os.environ, **KEYS, "GESSO_LEDGER": str(folder / "state/ledger.sqlite"), "HOME": str(folder), **variables}
        if variables: environment["LD_PRELOAD"] = str(PRELOADED)
        order = ["img2img", FIXTURES / "jpeg/small-420.jpg", "--prompt", "p", "--seed", "1", "--base-url", base_url, "-o", "out", "-q"]
        return subprocess.run([GESSO, *(arguments or order)], cwd=folder, env=environment, capture_output=True, timeout=120)

    @staticmethod
    def failing(folder, base_url, below, call, number, action):
        """Runs the order with a failure at one call. Returns the result and the names of all calls."""
        (folder / below).mkdir()
        result = Order.run(folder, base_url, GESSO_CALLS=str(folder / "calls"),
                           GESSO_FAILING=f"{call} {number} {action} {(folder / below).resolve()}")
        return result, (folder / "calls").read_text().split()

    @staticmethod
    def counted(below):
        with tempfile.TemporaryDirectory(dir=SCRATCH) as name, sandbox() as base_url:
            result, names = Order.failing(Path(name), base_url, below, "none", 0, "0")
            if result.returncode != 0: raise SystemExit(f"img2img fails by itself: {result.stderr.decode()}")
            return {call: names.count(call) for call in CALLS}

    @staticmethod
    def jobs(base_url):
        """The jobs of the account that were paid for."""
        token = base64.b64encode(":".join(KEYS.values()).encode()).decode()
        request = urllib.request.Request(f"{base_url}/jobs", headers={"Authorization": f"Basic {token}"})
        with urllib.request.urlopen(request) as reply:
            return [job for job in json.load(reply)["jobs"] if job["jobType"] == "inference"]

    @staticmethod
    def damage(folder):
        """Sentences about files that are incomplete."""
        for name, content in files(folder / "out").items():
            if name.endswith(".json"):
                try: json.loads(content)
                except ValueError: yield f"{name} is no whole record"
            elif name.endswith(".png") and not content.endswith(b"IEND\xaeB`\x82"): yield f"{name} is no whole PNG"
            elif name.endswith(".jpg") and not content.endswith(b"\xff\xd9"): yield f"{name} is no whole JPEG"

    @staticmethod
    def check(below, call, number, action):
        # The number of polls, and so the number of writes, differs a little from run to run. If this run never made the call with this
        # number, the run is tried again with the number of its last such call.
        for _ in range(5):
            with tempfile.TemporaryDirectory(dir=SCRATCH) as name, sandbox() as base_url:
                folder = Path(name)
                result, names = Order.failing(folder, base_url, below, call, number, action)
                if names.count(call) >= number: return Order.problems(folder, base_url, result, below, call, number, action)
                number = max(1, names.count(call))
        return [f"img2img, {below}, {call} {number} {action}: the order does not come to this call"]

    @staticmethod
    def problems(folder, base_url, result, below, call, number, action):
        """The problems after an order with a failure, and after the same order was given again."""
        kills = action.startswith("kill")
        found = list(Order.damage(folder))
        words = result.stderr.decode()
        expected = (-signal.SIGKILL,) if kills else (0, CANNOT_WRITE)
        if result.returncode not in expected: found.append(f"status {result.returncode}: {words[-300:]}")
        if not kills and leftovers(folder): found.append(f"left behind: {leftovers(folder)}")
        if result.returncode > 0 and len([line for line in words.splitlines() if line.startswith("gesso:")]) != 1:
            found.append(f"not one error: {words}")
        again = Order.run(folder, base_url)
        # The ledger shows that the submit was begun, and the service lists no job. A person has to decide whether the list is only late.
        # This check knows that there is no job, and decides.
        if again.returncode == 7 and b"no job of this account fits it" in again.stderr and not Order.jobs(base_url):
            resolved = Order.run(folder, base_url, ["jobs", "resolve", "1", "--resubmit", "--base-url", base_url, "-q"])
            if resolved.returncode != 0: found.append(f"resolving ends with {resolved.returncode}: {resolved.stderr.decode()[-300:]}")
            again = Order.run(folder, base_url)
        if again.returncode != 0: found.append(f"the same order ends with {again.returncode} then: {again.stderr.decode()[-300:]}")
        found += list(Order.damage(folder))
        if leftovers(folder): found.append(f"left behind by the next run: {leftovers(folder)}")
        if len(Order.jobs(base_url)) != 1: found.append(f"{len(Order.jobs(base_url))} jobs were paid for")
        kinds = sorted(Path(name).suffix for name in files(folder / "out"))
        if kinds != [".jpg", ".json", ".png"]: found.append(f"the next run has {sorted(files(folder / 'out'))}")
        return [f"img2img, {below}, {call} {number} {action}: {problem}" for problem in found]


@contextlib.contextmanager
def sandbox():
    """The address of a sandbox that ends with the block."""
    process = subprocess.Popen([GESSO, "sandbox", "-q"], env={**os.environ, **KEYS}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try: yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


# MARK: All of it

def main():
    global PRELOADED, SCRATCH, REFERENCES
    everything = "--all" in sys.argv
    with tempfile.TemporaryDirectory() as scratch:
        SCRATCH = Path(scratch).resolve()
        PRELOADED, REFERENCES = SCRATCH / "failing_calls.so", {}
        subprocess.run(["clang", "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", PRELOADED, Path(__file__).with_name("failing_calls.c"),
                        "-ldl"], check=True)
        checks, waiting = [], []
        cases = make_cases(SCRATCH)
        for case in cases:
            with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
                folder = Path(name)
                case.prepare(folder)
                counts = counted(case, folder, folder / "out")
                if not (counts["write"] and counts["fsync"] and counts["rename"] + counts["link"]):
                    raise SystemExit(f"{case.name}: no calls were counted: {counts}")
                REFERENCES[case.name] = files(folder / "out")
            for call, count in counts.items():
                for number in range(1, count + 1):
                    for action in (str(errno.ENOSPC), str(errno.EIO), f"{errno.EIO}+", "kill"):
                        checks.append((check, case, call, number, action))
            checks.append((check_disk, case, LIMIT))
        if subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True).returncode == 0:
            checks += [(check_disk, case, kind) for case in cases for kind in ("full", "read-only")]
        else:
            print("➜ full and read-only disks were skipped: no tmpfs can be mounted here")
        for below in ["out", "state"] if everything else ["out"]:
            for call, count in Order.counted(below).items():
                for number in range(1, count + 1):
                    for action in (str(errno.ENOSPC), f"{errno.EIO}+", "kill"):
                        waiting.append((Order.check, below, call, number, action))
        # Orders mostly wait for their sandbox and use little processor time, so many of them run at once.
        with concurrent.futures.ThreadPoolExecutor(16) as many, concurrent.futures.ThreadPoolExecutor(2) as few:
            futures = [many.submit(*one) for one in waiting] + [few.submit(*one) for one in checks]
            results = [future.result() for future in futures]
    failed = [problem for found in results for problem in found]
    print("\n".join(failed))
    bad = sum(1 for found in results if found)
    print(f"{len(results) - bad} passed, {bad} failed")
    return bad != 0


if __name__ == "__main__": sys.exit(main())
