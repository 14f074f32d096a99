#!/usr/bin/env python3
"""The reference of the command, Documentation/Commands.md, from what the finished program itself describes.

  reference.py PROGRAM --write     writes the page
  reference.py PROGRAM --check     fails if the page differs

Options that several verbs share are described once, after the verbs."""
import difflib
import json
import re
import sys
from collections import Counter
from pathlib import Path

from manual import described, explained, spelled

PAGE = Path(__file__).resolve().parent.parent / "Documentation/Commands.md"
HEAD = """\
# Commands

Made from the program's own description by `Packaging/reference.py`; a test compares the two. Tasks rather than options are in
[Recipes](Recipes.md). `gesso VERB --help` prints the same in the terminal.
"""


def plain(text):
    """Text as Markdown shows it, also within a table."""
    return re.sub(r"([*<|\[\]])", r"\\\1", text)


def verbs(command, path=()):
    """Every command that a user can give, with the words that name it."""
    path = (*path, command["commandName"])
    if command["shouldDisplay"] and path[-1] != "help":
        yield " ".join(path), command
        for nested in command.get("subcommands", []): yield from verbs(nested, path)


def groups(command):
    """The options of a verb by the title of their group. Options without a group come first. --version and --help are described once."""
    found = {None: []}
    for argument in command.get("arguments", []):
        if argument["shouldDisplay"] and argument["valueName"] not in ("version", "help"):
            found.setdefault(argument.get("sectionTitle"), []).append(argument)
    return {title: arguments for title, arguments in found.items() if arguments}


def table(arguments):
    yield "| Option | Meaning |"
    yield "|---|---|"
    for argument in arguments: yield f"| `{spelled(argument).replace('|', chr(92) + '|')}` | {plain(explained(argument))} |"


def paragraphs(text):
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.splitlines()
        if all(line.startswith("  ") for line in lines):
            yield from ["", *(f"    {line.strip()}" for line in lines)]
        else:
            yield from ["", plain(" ".join(lines))]


def page(root):
    named = list(verbs(root))
    uses = Counter((title, json.dumps(arguments)) for _, command in named for title, arguments in groups(command).items() if title)
    shared = {title: json.loads(arguments) for (title, arguments), count in uses.items() if count > 1}
    yield HEAD.rstrip("\n")
    yield from paragraphs(root["discussion"])
    yield from ["", "Every verb has `--help` and `--version`."]
    for name, command in named[1:]:
        wanted = [spelled(argument) for argument in command.get("arguments", []) if argument["kind"] == "positional"]
        if command.get("subcommands"): wanted = ["<verb>"]
        yield from ["", f"## {name}", "", "    " + " ".join([name, *wanted, "[<options>]"]), "", plain(command["abstract"])]
        if command.get("discussion"): yield from paragraphs(command["discussion"])
        elsewhere = []
        for title, arguments in groups(command).items():
            if shared.get(title) == arguments:
                elsewhere.append(f"[{title}](#{title.lower()}-options)")
            else:
                yield from [""] + ([f"**{title}**", ""] if title else []) + list(table(arguments))
        if elsewhere: yield from ["", f"Options of several verbs: {', '.join(elsewhere)}."]
    for title, arguments in shared.items():
        users = ", ".join(f"`{name}`" for name, command in named if groups(command).get(title) == arguments)
        yield from ["", f"## {title} options", "", f"Of {users}.", "", *table(arguments)]


if len(sys.argv) != 3 or sys.argv[2] not in ("--write", "--check"):
    sys.exit("usage: Packaging/reference.py PROGRAM --write | --check")
text = "\n".join(page(described(sys.argv[1]))) + "\n"
if sys.argv[2] == "--write":
    PAGE.write_text(text)
elif text != (there := PAGE.read_text() if PAGE.exists() else ""):
    sys.stdout.writelines(difflib.unified_diff(there.splitlines(True), text.splitlines(True), "Documentation/Commands.md", "the program", n=0))
    sys.exit("error: Documentation/Commands.md is not what the program describes: Packaging/reference.py PROGRAM --write")
