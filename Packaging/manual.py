#!/usr/bin/env python3
"""Writes the manual page of the finished command: manual.py PROGRAM VERSION YYYY-MM-DD >gesso.1

Verbs, options and texts are those that the program itself describes (--experimental-dump-help), so that the page names nothing that
the program does not have. The plug-in of swift-argument-parser is not used, because it would build the package again, and would join the
lines of the examples."""
import json
import re
import subprocess
import sys


def escaped(text):
    """Text of one line as roff: no character of it is a command."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def quoted(text):
    """Text of one line as the argument of a macro."""
    return '"' + escaped(text).replace('"', "\\(dq") + '"'


def paragraphs(text):
    """Blocks of text between blank lines. Indented lines are examples, and remain separate lines."""
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.splitlines()
        if all(line.startswith("  ") for line in lines):
            yield from [".PP", ".nf", ".RS 4", *(escaped(line.strip()) for line in lines), ".RE", ".fi"]
        else:
            yield from [".PP", *(escaped(line.strip()) for line in lines)]


def spelled(argument):
    """An option as a user writes it, for example -o <FILE>."""
    if argument["kind"] == "positional":
        return f"<{argument['valueName']}>" + (" ..." if argument["isRepeating"] else "")
    names = sorted(argument["names"], key=lambda name: name["kind"] == "long")
    text = ", ".join(("--" if name["kind"] == "long" else "-") + name["name"] for name in names)
    return text + (f" <{argument['valueName']}>" if argument["kind"] == "option" else "")


def explained(argument):
    """The help of an option. Its values and its default are added if the text does not have them."""
    facts = []
    if argument.get("allValues"):
        facts.append("values: " + ", ".join(argument["allValues"]))
    if argument.get("defaultValue") and "(default:" not in argument.get("abstract", ""):
        facts.append("default: " + argument["defaultValue"])
    return " ".join([argument.get("abstract", "")] + ([f"({'; '.join(facts)})"] if facts else []))


def options(arguments):
    section = None
    for argument in arguments:
        if not argument["shouldDisplay"]:
            continue
        title = argument.get("sectionTitle")
        if title != section:
            section = title
            yield from [".PP", f".I {quoted((title or 'Other options') + ':')}"]
        yield from [".TP", f".B {quoted(spelled(argument))}", escaped(explained(argument))]


def verb(command, path):
    path = f"{path} {command['commandName']}"
    # Every verb has --version and --help, which are described once, at the top.
    arguments = [argument for argument in command.get("arguments", [])
                 if argument["shouldDisplay"] and argument["valueName"] not in ("version", "help")]
    wanted = [spelled(argument) for argument in arguments if argument["kind"] == "positional"]
    yield f".SS {quoted(' '.join([path, '[<options>]'] + wanted))}"
    yield escaped(command["abstract"])
    yield from paragraphs(command.get("discussion", ""))
    yield from options(arguments)
    for nested in command.get("subcommands", []):
        yield from verb(nested, path)


def page(command, version, date):
    name = command["commandName"]
    yield f'.TH {name.upper()} 1 "{date}" "{name} {version}" "User Commands"'
    # The text is left-aligned, and options and examples are not hyphenated.
    yield from [".nh", ".ad l", ".SH NAME"]
    yield f"{name} \\- {escaped(command['abstract'][0].lower() + command['abstract'][1:].rstrip('.'))}"
    yield from [".SH SYNOPSIS", f".B {name}", ".I verb", "[<options>] ..."]
    yield from [".SH DESCRIPTION", *list(paragraphs(command["discussion"]))[1:]]
    yield from options(command["arguments"])
    yield ".SH VERBS"
    for nested in command["subcommands"]:
        if nested["shouldDisplay"] and nested["commandName"] != "help":
            yield from verb(nested, name)


def described(program):
    """The command as the program itself describes it."""
    dump = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True).stdout
    return json.loads(dump)["command"]


if __name__ == "__main__":
    if len(sys.argv) != 4 or not re.fullmatch(r"\d{4}-\d\d-\d\d", sys.argv[3]):
        sys.exit("usage: Packaging/manual.py PROGRAM VERSION YYYY-MM-DD")
    print("\n".join(page(described(sys.argv[1]), sys.argv[2], sys.argv[3])))
