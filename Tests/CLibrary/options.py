#!/usr/bin/env python3
"""Checks that every public option of Recipe, TensorFormat and Limits is a field of the C interface, with every word that the option takes,
and that there are no other fields: options.py REPOSITORY"""
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1])
header = (ROOT / "Sources/CGesso/include/gesso.h").read_text()
sources = ROOT / "Sources/ImagePreparation"
passed = failed = 0


def check(what, condition):
    global passed, failed
    passed, failed = passed + bool(condition), failed + (not condition)
    if not condition:
        print(f"error: {what}")


def snake(name):
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def fields(struct):
    """The fields of a struct in order, each with the comment above it."""
    body = re.search(rf"typedef struct {struct} \{{(.*?)\n\}} {struct};", header, re.S)[1]
    found, comment, fresh = {}, "", True
    for line in body.splitlines():
        line = line.strip()
        if line.startswith("//"):
            comment = line[2:] if fresh else comment + line[2:]
            fresh = False
        elif line:
            fresh = True
            for name in re.sub(r"\[\d+\]", "", line.rstrip(";")).split(" ", 1 + line.startswith("const"))[-1].split(","):
                found[name.replace("*", " ").split()[-1]] = comment
    return found


def words(file, enum):
    """The raw values of an enumeration."""
    body = re.search(rf"enum {enum}\b[^{{]*\{{(.*?)\n  ?  ?\}}|enum {enum}\b[^{{]*\{{(.*?)\n\}}", (sources / file).read_text(), re.S)
    found = []
    for line in re.findall(r"^\s*case (.+)$", body[1] or body[2], re.M):
        if ":" in line or line.startswith("."):
            continue
        for case in line.split(","):
            name, _, raw = case.partition("=")
            found.append(raw.strip().strip('"') or name.strip())
    return found


# The options of the recipe, from the table of its JSON. A test of the package compares that table with the coding keys.
recipe = fields("gesso_recipe")
table = (sources / "ImagePreparation.docc/RecipeJSON.md").read_text()
paths = re.findall(r"^\| `([\w.]+)` \|", table, re.M)
check("the table of RecipeJSON.md can be read", len(paths) > 25)
known = {"struct_size", "focus_x", "focus_y"}
for path in paths:
    name = snake(path.split(".")[-1])
    here = {field for field in recipe if field == name or field.startswith(name + "_")}
    check(f"gesso_recipe has no field for {path}", here)
    known |= here
check(f"gesso_recipe has fields that are no option: {sorted(set(recipe) - known)}", set(recipe) == known)

# The words of each option, which the comments list.
WORDS = {
    "box_fit": ("Recipe/Recipe+Size.swift", "Fit"), "snap": ("Recipe/Recipe+Size.swift", "Snap"),
    "profile": ("Recipe/Recipe+Samples.swift", "ProfileHandling"), "resampling_filter": ("Resize/ResamplingFilter.swift", "ResamplingFilter"),
    "effort": ("Recipe/Recipe.swift", "Effort"), "format": ("Recipe/Recipe+Output.swift", "Format"),
    "subsampling": ("Recipe/Recipe+Output.swift", "Subsampling"), "compression": ("Recipe/Recipe+Output.swift", "Compression"),
    "metadata": ("Recipe/Recipe.swift", "MetadataHandling"), "fail_on": ("Recipe/DamagePolicy.swift", "DamagePolicy"),
}
tensor = fields("gesso_tensor_format")
for field, comment, expected in [
    *((field, recipe[field], words(*place)) for field, place in WORDS.items()),
    ("gravity", recipe["gravity"], words("Recipe/Gravity.swift", "Gravity") + ["focus"]),
    ("preset", fields("gesso_limits")["preset"], words("Limits.swift", "Preset")),
    ("layout", tensor["layout"], words("Recipe/TensorFormat.swift", "Layout")),
]:
    listed = re.findall(r'"([\w-]+)"', comment)
    check(f"{field} lists {listed}, and takes {expected}", len(expected) > 1 and sorted(listed) == sorted(set(expected)))
    check(f"{field} names no default", "(default)" in comment)

# The properties of the two structs that have no JSON.
for struct, file in [("gesso_tensor_format", "Recipe/TensorFormat.swift"), ("gesso_limits", "Limits.swift")]:
    properties = [snake(name) for name in re.findall(r"^  public var (\w+): ", (sources / file).read_text(), re.M)]
    check(f"{file} has properties", len(properties) >= 4)
    here = fields(struct)
    properties += ["preset"] if struct == "gesso_limits" else []
    for name in properties:
        check(f"{struct} has no field {name}", any(field == name or field.startswith(name + "_") for field in here))
    extra = [field for field in here if field != "struct_size" and not any(field == n or field.startswith(n + "_") for n in properties)]
    check(f"{struct} has fields that are no option: {extra}", not extra)

# The implementation of the interface reads each field, and Python takes the same words.
swift = "".join((ROOT / "Sources/GessoABI" / file).read_text() for file in ("Fields.swift", "RecipeFields.swift"))
for struct in ("gesso_recipe", "gesso_tensor_format", "gesso_limits"):
    for field in fields(struct):
        check(f"{struct}: {field} is not read", field in ("struct_size", "reserved") or re.search(rf"\b{field}\b", swift))
python = (ROOT / "Python/src/gesso/_values.py").read_text()
for field, place in [*WORDS.items(), ("preset", ("Limits.swift", "Preset"))]:
    literal = re.search(rf"^ +{field}: (?:NotRequired\[)?(\w+)(?:\[(.*?)\])?", python, re.M | re.S)
    if literal and literal[1] != "Literal":
        literal = re.search(rf"^({literal[1]}) = Literal\[(.*?)\]", python, re.M | re.S)
    check(f"Python has no words for {field}", literal and sorted(re.findall(r'"([\w-]+)"', literal[2])) == sorted(set(words(*place))))

# The defaults that comments of the limits name.
limits = (sources / "Limits.swift").read_text()
for text, swift in [("500 million", "maxPixels: Int = 500_000_000"), ("1 GiB", "maxMemory: Int = 1 << 30"), ("1,000", "maxScans: Int = 1_000"),
                    ("16 MiB", "maxProfileBytes: Int = 16 << 20"), ("300", "maxHelperSeconds: Int = 300"), ("1 million", "longestSide = 1_000_000"),
                    ("no limit", "maxSeconds: Int = .max"), ("The most threads: 2.", "threads: Int = 2")]:
    check(f"the default {text}", text in header and swift in limits)

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
