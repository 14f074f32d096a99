"""A page of recipes as values: sections, their blocks of commands with what they print, and their pictures."""
import re
from dataclasses import dataclass, field

FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n", re.M | re.S)
PICTURE = re.compile(r"^<!-- picture: (.+) -->\n!\[[^\]]*\]\((\S+)\)$", re.M)


@dataclass
class Block:
    """A program in `sh` or `python`, and the text that it prints, if the page shows it."""
    language: str
    program: str
    line: int
    printed: str | None = None


@dataclass
class Recipe:
    title: str
    blocks: list[Block] = field(default_factory=list)
    # The files of each picture, and its own name.
    pictures: list[tuple[list[str], str]] = field(default_factory=list)


def recipes(text):
    """The sections of a page that have a heading of the second level."""
    found = []
    for section in re.finditer(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
        recipe = Recipe(section[1])
        end = None
        for fence in FENCE.finditer(section[2]):
            language, program = fence.groups()
            line = text.count("\n", 0, section.start(2) + fence.start()) + 1
            if language in ("sh", "python"):
                recipe.blocks.append(Block(language, program, line))
            elif language == "text" and end == fence.start() and recipe.blocks[-1].printed is None:
                recipe.blocks[-1].printed = program
            else:
                raise SystemExit(f"line {line}: a block is sh or python, or text right behind one of these, not {language or 'unnamed'}")
            end = fence.end()
        recipe.pictures = [(match[1].split(), match[2]) for match in PICTURE.finditer(section[2])]
        if not recipe.blocks: raise SystemExit(f"{recipe.title}: no commands")
        found.append(recipe)
    return found


def pattern(printed):
    """A regular expression for the text on the page. … matches any text within a line, and a line of … alone any number of lines."""
    parts = []
    for line in printed.splitlines():
        parts.append(r"(?:.*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + r"\n")
    return re.compile("".join(parts))
