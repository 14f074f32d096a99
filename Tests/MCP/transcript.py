"""An exchange with `gesso mcp`, by the client of the package mcp: transcript.py --write puts it into Documentation/Assistants.md, and
--check compares it with what is there."""
import json
import re
import sys

import anyio

from server import ROOT, content, place

PAGE = ROOT / "Documentation/Assistants.md"
START, END = "<!-- transcript -->\n", "<!-- end -->\n"


def calls(photos):
    """The tools, their arguments, and the members of their answers that are shown."""
    forest, out = f"{photos}/forest.jpg", f"{photos}/out"
    order = {"path": forest, "prompt": "the same forest in late autumn", "output_folder": out}
    yield "inspect", {"path": forest}, ("format", "width", "height", "gps", "icc")
    yield "inspect", {"path": f"{photos}/../private/forest.jpg"}, ()
    yield "prepare", {"path": forest, "output": f"{photos}/small.jpg", "max_side": 1024}, ("output", "prepared", "notes")
    yield "budget", {}, ("limit", "spent", "left")
    yield "img2img", {**order, "dry_run": True}, ("cost", "dryRun")
    yield "img2img", order, ("job", "cost", "reused")
    yield "img2img", order, ("job", "cost", "reused")
    yield "job", {"job": "JOB"}, ("state", "cost", "results")
    yield "img2img", {**order, "prompt": "the same forest in spring"}, ()
    yield "budget", {}, ("limit", "spent", "left")


async def exchange(here):
    """The lines of the exchange, with names in place of what differs from run to run."""
    lines, job, names = [], None, {}

    def plain(value):
        text = json.dumps(value, ensure_ascii=False).replace(str(here.allowed), "/home/you/photos")
        for found in re.findall(r"(?:job|asset)_[A-Za-z0-9]+", text): names.setdefault(found, f"{found.split('_')[0]}_{len(names) + 1}")
        for found, name in names.items(): text = text.replace(found, name)
        # Seeds depend on the paths, and digests depend on the seeds.
        return re.sub(r"forest-\d+-1", "forest-1234567890-1", re.sub(r"[0-9a-f]{64}", "…", text))

    async with here.client("--max-cost-per-day", "8") as client:
        lines.append(f"protocol {client.protocol_version}, server {client.server_info.name}")
        for tool, arguments, members in calls(str(here.allowed)):
            if arguments.get("job"): arguments = {"job": job}
            result = await client.call_tool(tool, arguments)
            answer = content(result)
            job = answer.get("job") or job
            shown = answer if result.is_error else {name: answer[name] for name in members}
            lines += ["", f"→ {tool} {plain(arguments)}", f"← {'error ' if result.is_error else ''}{plain(shown)}"]
    return "\n".join(f"    {line}" if line else "" for line in lines) + "\n"


def main():
    with place() as here: text = anyio.run(exchange, here)
    page = PAGE.read_text()
    before, rest = page.split(START)
    former, after = rest.split(END)
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}")
    elif former.strip() != text.strip():
        sys.exit(f"Documentation/Assistants.md has another exchange than this one; Tests/MCP/transcript.py --write replaces it:\n{text}")


main()
