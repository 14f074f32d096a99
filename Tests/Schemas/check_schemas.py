"""Checks every JSON that the command prints with the schemas in Documentation/Schemas.

Runs each verb, and reads what the tests of the command printed, where GESSO_OUTPUTS names a folder of it. Each schema must also refuse
each of its objects with a member planted, removed or of another type, at every place of the object.
"""
import copy
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).resolve().parent.parent.parent
GESSO = os.environ["GESSO"]
SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_text())
           for path in sorted((ROOT / "Documentation/Schemas").glob("*.schema.json"))}
REGISTRY = Registry().with_resources(
    (f"{name}.schema.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items())
VALIDATORS = {name: Draft202012Validator({"$ref": f"{name}.schema.json"}, registry=REGISTRY) for name in SCHEMAS if name != "common"}
# Members whose content has no schema: fields of a request, values that only the service knows, and replies by request.
FREE = {"parameters", "default", "online"}
# Members that may be left out.
OPTIONAL = {"prepare-explain": {"padding", "result", "tensor", "compression", "format", "maxBytes", "quality", "subsampling"},
            "doctor": {"online"}, "left": {"error"}}

failures, passed = [], []


def check(name, problems):
    problems = list(problems)
    if problems: failures.append(f"{name}: " + "; ".join(problems[:3]))
    else: passed.append(name)


# MARK: Schemas

def undescribed(name, schema, place=""):
    """The members that have no description of their own or of the part that they refer to."""
    if isinstance(schema, list): return [found for part in schema for found in undescribed(name, part, place)]
    if not isinstance(schema, dict): return []
    found = []
    for member, value in schema.get("properties", {}).items():
        target = value
        if "$ref" in value:
            file, _, pointer = value["$ref"].partition("#")
            target = SCHEMAS[file.removesuffix(".schema.json") if file else name]
            for step in pointer.strip("/").split("/"): target = target[step]
        if "description" not in value and "description" not in target and member != "event": found.append(f"{place}/{member}")
    for key, value in schema.items(): found += undescribed(name, value, f"{place}/{key}")
    return found


def check_schemas():
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        check(f"{name}: a description for each member", undescribed(name, schema))
    listed = (ROOT / "Documentation/Schemas/README.md").read_text()
    check("README.md lists each schema", [name for name in VALIDATORS if f"({name}.schema.json)" not in listed])


# MARK: Objects

def objects(text):
    """The JSON values of an output, one a line or over several lines."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        value, place = decoder.raw_decode(text, place)
        yield value


def schema_of(arguments, value):
    """The schema of an object that a command printed; None where the command prints no JSON."""
    verb, flags = arguments[0], set(arguments)
    sub = next((word for word in arguments[1:] if not word.startswith("-")), "list") if verb == "jobs" else None
    if not flags & {"--json", "--explain"} and (verb, sub) != ("jobs", "show"): return None
    if "error" in value and "event" not in value: return "error"
    if "event" in value: return "batch"
    return {"prepare": "prepare-explain" if "--explain" in flags else "prepare",
            "img2img": "img2img-dry-run" if "--dry-run" in flags else "img2img",
            "batch": "batch-check",
            "jobs": {"watch": "img2img", "fetch": "img2img", "cancel": "jobs-cancel"}.get(sub, "jobs")}.get(verb, verb)


def errors(schema, value):
    if schema not in VALIDATORS: return [f"no schema {schema}"]
    return [f"{error.json_path}: {error.message[:300]}" for error in VALIDATORS[schema].iter_errors(value)]


def altered(value, schema):
    """Copies of an object with one mistake each, and a name for it."""
    def places(node, path=()):
        if path and path[-1] in FREE: return
        yield node, path
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in children: yield from places(child, path + (key,))

    def changed(path, change):
        other = copy.deepcopy(value)
        node = other
        for step in path[:-1]: node = node[step]
        change(node, path[-1])
        return other

    optional = OPTIONAL.get(value["event"] if schema == "batch" else schema, ())
    for node, path in places(value):
        where = "/".join(map(str, path))
        if isinstance(node, dict):
            planted = copy.deepcopy(value)
            target = planted
            for step in path: target = target[step]
            target["planted"] = 1
            yield f"{where}/planted", planted
        if path:
            yield f"{where} of another type", changed(path, lambda parent, key: parent.__setitem__(key, {"planted": 1}))
            if isinstance(path[-1], str) and path[-1] not in optional:
                yield f"{where} removed", changed(path, lambda parent, key: parent.pop(key))


def check_refusals(schema, values):
    """Checks that a schema refuses mistakes. One object for each set of members is enough."""
    def shape(value): return {key: shape(child) for key, child in value.items()} if isinstance(value, dict) else type(value).__name__
    for value in {json.dumps([shape(value), value.get("event")]): value for value in values}.values():
        check(f"{schema} refuses mistakes",
              [f"takes {name}" for name, other in altered(value, schema) if VALIDATORS[schema].is_valid(other)])


# MARK: Commands

class Commands:
    """Runs verbs in a folder of their own, and keeps the objects by their schemas."""

    def __init__(self, folder, found, environment, ledger):
        self.folder, self.found = folder, found
        self.environment = {**environment, "GESSO_LEDGER": str(folder / ledger), "HOME": str(folder)}

    def run(self, *arguments, status=0, ledger=None):
        environment = {**self.environment, **({"GESSO_LEDGER": str(self.folder / ledger)} if ledger else {})}
        result = subprocess.run([GESSO, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True)
        values = list(objects(result.stdout))
        problems = [] if result.returncode == status else [f"status {result.returncode}, {result.stderr.strip()}"]
        for value in values:
            schema = schema_of(arguments, value)
            problems += errors(schema, value)
            self.found.setdefault(schema, []).append(value)
        check("gesso " + " ".join(arguments), problems or ([] if values else ["printed nothing"]))
        return values


def local(commands):
    commands.run("prepare", "photo.jpg", "bad.jpg", "icc.png", "--out-dir", "prepared", "--json", status=1)
    commands.run("prepare", "photo.jpg", "-o", "t.png", "--tensor", "t.npy", "--size", "64x64", "--fit", "pad", "--json")
    commands.run("prepare", "photo.jpg", "clear.png", "--explain", "--json", "--max-bytes", "40kB", "--max-side", "100")
    commands.run("prepare", "clear.png", "--explain", "--format", "jpeg", "--size", "64x64", "--fit", "pad", "--background", "#FF0080")
    commands.run("prepare", "photo.jpg", "--explain", "--format", "webp", "--filter", "nearest", "--metadata", "no-gps")
    commands.run("inspect", "photo.jpg", "phone.jpg", "clear.png", "bad.jpg", "--json", status=1)
    commands.run("strip", "phone.jpg", "photo.jpg", "--out-dir", "stripped", "--json")
    commands.run("doctor", "--json")


def jobs(commands):
    [made] = commands.run("img2img", "photo.jpg", "--prompt", "a", "-o", "out", "--json")
    commands.run("img2img", "photo.jpg", "bad.jpg", "--prompt", "b", "-o", "out", "--no-wait", "--json", status=1)
    commands.run("img2img", "photo.jpg", "--prompt", "a", "-o", "out", "--json")
    commands.run("img2img", "photo.jpg", "--prompt", "c", "-o", "out", "--dry-run", "--json")
    result = made["results"][0]["output"]
    commands.run("restore", result, "-o", "restored.png", "--json")
    commands.run("upload", "photo.jpg", "bad.jpg", "--json", status=1)
    commands.run("models", "--json")
    commands.run("doctor", "--online", "--json")
    commands.run("jobs", "watch", made["job"], "--json")
    commands.run("jobs", "fetch", made["job"], "-o", "fetched", "--json", ledger="empty.sqlite")
    commands.run("jobs", "show", made["job"], ledger="other.sqlite")
    commands.run("jobs", "show", "1", "--json")
    commands.run("jobs", "list", "--json")
    commands.run("jobs", "list", "--account", "1", "--json", ledger="empty.sqlite")
    # If a job ends before it is canceled, that is no failure of the command, and the next job is canceled.
    for attempt in range(5):
        [order] = commands.run("img2img", "photo.jpg", "--prompt", f"cancel {attempt}", "-o", "out", "--no-wait", "--json")
        canceled = subprocess.run([GESSO, "jobs", "cancel", order["job"], "--json"], cwd=commands.folder, env=commands.environment,
                                  capture_output=True, text=True)
        if canceled.returncode == 0: break
    value = json.loads(canceled.stdout)
    check("gesso jobs cancel", errors("jobs-cancel", value))
    commands.found["jobs-cancel"] = [value]
    # Makes a run whose submit was lost. In a test that would otherwise happen only by chance.
    with sqlite3.connect(commands.environment["GESSO_LEDGER"]) as database:
        database.execute("UPDATE run SET state = 'needs-decision', jobID = NULL WHERE id = ?", (order["run"],))
    commands.run("jobs", "resolve", str(order["run"]), "--drop", "--json")


def batches(commands):
    commands.run("batch", "photos", "--prompt", "x", "--check", "--json", status=1)
    commands.run("batch", "photos", "--prompt", "x", "--check", "--dry-run", "--exclude", "bad.jpg", "--json")
    commands.run("batch", "photos", "--prompt", "x", "--prepare-only", "-o", "made", "--json", status=1)
    events = commands.run("batch", "photos", "--prompt", "x", "-o", "made", "--json", status=1)
    commands.run("batch", "photos", "--prompt", "x", "-o", "made", "--json", status=1)
    commands.run("report", events[-1]["name"], "-o", "report.html", "--json")
    commands.run("report", "no-such-batch", "-o", "report.html", "--json", status=2)
    (commands.folder / "rows.csv").write_text("input,strength\nphoto.jpg,7\nphoto.jpg,0.5\n")
    commands.run("batch", "rows.csv", "--prompt", "x", "-o", "made", "--json", status=2)


def limits(commands):
    commands.run("batch", "photos", "--prompt", "y", "-o", "limited", "--max-cost", "0.25", "--exclude", "bad.jpg", "--json", status=4)


def check_commands(folder):
    fixtures = ROOT / "Fixtures"
    for name, source in {"photo.jpg": "jpeg/small-420.jpg", "phone.jpg": "jpeg/gps-xmp.jpg", "clear.png": "png/soft-alpha-rgba8.png",
                         "icc.png": "png/icc-display-p3.png"}.items():
        shutil.copy(fixtures / source, folder / name)
    (folder / "bad.jpg").write_text("no image\n")
    (folder / "photos/within").mkdir(parents=True)
    shutil.copy(folder / "photo.jpg", folder / "photos/a.jpg")
    shutil.copy(fixtures / "jpeg/small-444.jpg", folder / "photos/within/b.jpg")
    shutil.copy(folder / "bad.jpg", folder / "photos/bad.jpg")
    environment = {"PATH": os.environ["PATH"], "SCENARIO_API_KEY": "key", "SCENARIO_API_SECRET": "secret"}
    sandbox = subprocess.Popen([GESSO, "sandbox", "-q"], env={**environment, "HOME": str(folder)}, stdout=subprocess.PIPE, text=True)
    try:
        environment["SCENARIO_BASE_URL"] = sandbox.stdout.readline().strip()
        found = {}
        with ThreadPoolExecutor(4) as pool:
            for work in [pool.submit(part, Commands(folder, found, environment, f"{part.__name__}.sqlite"))
                         for part in (local, jobs, batches, limits)]:
                work.result()
    finally:
        # SIGINT is not used, because a process that a shell runs in the background may ignore it.
        sandbox.terminate()
        sandbox.wait()
    records = [path for path in folder.rglob("*.json") if path.with_suffix("").exists()]
    for record in records: check(f"record {record.name}", errors("record", json.loads(record.read_text())))
    found["record"] = [json.loads(record.read_text()) for record in records]
    return found


def check_kept(folder, found):
    for path in sorted(Path(folder).glob("*.json")):
        kept = json.loads(path.read_text())
        try:
            values = list(objects(kept["output"])) if kept["arguments"] and kept["output"].startswith("{") else []
        except json.JSONDecodeError as error:
            check("a test's gesso " + " ".join(kept["arguments"]), [str(error)])
            continue
        for value in values:
            schema = schema_of(kept["arguments"], value)
            if schema is None: continue
            check("a test's gesso " + " ".join(kept["arguments"]), errors(schema, value))
            if not errors(schema, value): found.setdefault(schema, []).append(value)


check_schemas()
with tempfile.TemporaryDirectory() as folder: found = check_commands(Path(folder))
kept = os.environ.get("GESSO_OUTPUTS")
if kept: check_kept(kept, found)
check("each schema has an object", [name for name in VALIDATORS if not found.get(name)])
events = {value["event"] for value in found.get("batch", [])}
check("each kind of event", set(SCHEMAS["batch"]["properties"]["event"]["enum"]) - events)
for name in VALIDATORS: check_refusals(name, [value for value in found.get(name, []) if not errors(name, value)])
for failure in failures: print("FAILED:", failure)
print(f"{sum(map(len, found.values()))} objects")
print(f"{len(passed)} passed, {len(failures)} failed")
sys.exit(bool(failures))
