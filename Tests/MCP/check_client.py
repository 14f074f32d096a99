"""Calls every tool of `gesso mcp` with the client of the package mcp, which begins in each of its two ways. Each object is checked with
Documentation/Schemas, and the client itself checks it with the schema of the tool. The last line is "N passed, N failed"."""
import base64
import io
import json
import sys
import traceback

import anyio
from jsonschema import Draft202012Validator
from mcp import MCPError
from PIL import Image
from referencing import Registry, Resource

from server import ROOT, content, place

SCHEMAS = {path.name: json.loads(path.read_text()) for path in (ROOT / "Documentation/Schemas").glob("*.schema.json")}
REGISTRY = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items())


def check_schema(name, value):
    validator = Draft202012Validator({"$ref": f"{name}.schema.json"}, registry=REGISTRY)
    problems = [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
    assert not problems, f"{name}: {problems[:3]}"


def picture(result):
    """The only preview of a result."""
    [image] = [part for part in result.content if part.type == "image"]
    data = base64.b64decode(image.data)
    assert image.mime_type == "image/jpeg" and len(image.data) < 1 << 18, len(image.data)
    return Image.open(io.BytesIO(data))


async def lists_tools(here, mode):
    async with here.client(mode=mode) as client:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28"), client.protocol_version
        assert client.server_info.name == "gesso" and "budget" in client.instructions
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["inspect", "plan", "prepare", "restore", "upload", "img2img", "job", "budget"]
        for tool in tools.values():
            Draft202012Validator.check_schema(tool.input_schema)
            Draft202012Validator.check_schema(tool.output_schema)
            assert tool.annotations.destructive_hint is False
        assert tools["inspect"].annotations.read_only_hint and not tools["prepare"].annotations.read_only_hint
        assert tools["img2img"].annotations.open_world_hint and not tools["restore"].annotations.open_world_hint
        assert tools["img2img"].annotations.idempotent_hint and not tools["prepare"].annotations.idempotent_hint


async def prepares(here, mode):
    async with here.client(mode=mode) as client:
        photo = str(here.allowed / "forest.jpg")
        inspected = await client.call_tool("inspect", {"path": photo, "preview": True})
        check_schema("inspect", content(inspected))
        assert picture(inspected).size == (512, 341), picture(inspected).size
        planned = content(await client.call_tool("plan", {"path": photo, "max_side": 300}))
        check_schema("prepare-explain", planned)
        small = str(here.allowed / mode / "small.jpg")
        prepared = await client.call_tool("prepare", {"path": photo, "output": small, "max_side": 300, "preview": True})
        check_schema("prepare", content(prepared))
        assert Image.open(small).size == picture(prepared).size == (300, 200)
        (here.allowed / mode / "small.jpg.json").write_text(json.dumps(content(prepared)))
        whole = str(here.allowed / mode / "whole.jpg")
        restored = content(await client.call_tool("restore", {"path": small, "onto": photo, "output": whole}))
        check_schema("restore", restored)
        assert Image.open(whole).size == Image.open(photo).size
        refused = await client.call_tool("prepare", {"path": photo, "output": small})
        assert refused.is_error and content(refused)["code"] == "output-exists"


async def refuses_paths(here, mode):
    async with here.client(mode=mode) as client:
        for path in (here.outside / "forest.jpg", here.allowed / "up/forest.jpg", here.allowed / "../outside/forest.jpg"):
            result = await client.call_tool("inspect", {"path": str(path)})
            failure = content(result)
            assert result.is_error and failure["code"] == "path-refused" and failure["stage"] == "open", failure
            assert str(here.allowed) in failure["remedy"]


async def refuses_calls(here, mode):
    async with here.client(mode=mode) as client:
        try:
            await client.call_tool("rm", {})
            raise AssertionError("a tool that does not exist was called")
        except MCPError as error:
            assert error.code == -32602, error
        result = await client.call_tool("inspect", {"path": 5})
        assert result.is_error and content(result)["code"] == "usage"


async def spends(here, mode):
    order = {"path": str(here.allowed / "forest.jpg"), "prompt": f"autumn {mode}", "max_side": 256,
             "output_folder": str(here.allowed / f"out-{mode}")}
    async with here.client(mode=mode) as client:
        refused = await client.call_tool("img2img", order)
        assert refused.is_error and content(refused)["code"] == "no-limit"
        spent = content(await client.call_tool("budget", {}))["spent"]
    async with here.client("--max-cost-per-day", "1000", mode=mode) as client:
        price = content(await client.call_tool("img2img", {**order, "dry_run": True}))["cost"]
    # One of these orders is within the limit, and two are not.
    limit = spent + 1.5 * price
    async with here.client("--max-cost-per-day", str(limit), mode=mode) as client:
        priced = content(await client.call_tool("img2img", {**order, "dry_run": True}))
        check_schema("img2img-dry-run", priced)
        made = content(await client.call_tool("img2img", order))
        check_schema("img2img", made)
        assert made["cost"] == priced["cost"] == price > 0 and not made["reused"], made
        again = content(await client.call_tool("img2img", order))
        assert again["job"] == made["job"] and again["cost"] == 0 and again["reused"], again
        ended = await client.call_tool("job", {"job": made["job"], "preview": True})
        check_schema("jobs", content(ended))
        [result] = content(ended)["results"]
        assert content(ended)["state"] == "downloaded" and max(picture(ended).size) <= 512
        check_schema("record", json.loads(open(result["output"] + ".json").read()))
        finished = content(await client.call_tool("img2img", order))
        check_schema("img2img", finished)
        assert finished["job"] == made["job"] and finished["cost"] == 0 and len(finished["results"]) == 1
        refused = content(await client.call_tool("img2img", {**order, "prompt": "winter"}))
        assert refused["code"] == "too-expensive" and refused["stage"] == "price", refused
        budget = content(await client.call_tool("budget", {}))
        assert (budget["limit"], budget["spent"], budget["left"]) == (limit, spent + price, 0.5 * price), budget
        check_schema("upload", content(await client.call_tool("upload", {"path": order["path"]})))


async def runs_side_by_side(here, mode):
    async with here.client("--max-cost-per-day", "1000", mode=mode) as client:
        photo = str(here.allowed / "forest.jpg")
        order = {"path": photo, "prompt": f"side by side {mode}", "max_side": 256, "output_folder": str(here.allowed / f"side-{mode}")}
        jobs = []

        async def prepare(number):
            output = str(here.allowed / f"{mode}-{number}.jpg")
            made = content(await client.call_tool("prepare", {"path": photo, "output": output, "max_side": 64 + number}))
            assert made["output"] == output and made["prepared"]["width"] == 64 + number

        async def give():
            jobs.append(content(await client.call_tool("img2img", order)))

        async with anyio.create_task_group() as group:
            for number in range(6): group.start_soon(prepare, number)
            for _ in range(3): group.start_soon(give)
        costs = sorted(made["cost"] for made in jobs)
        assert len({made["job"] for made in jobs}) == 1 and costs[:2] == [0, 0] and costs[2] > 0, jobs


async def cancels(here, mode):
    async with here.client("--max-cost-per-day", "1000", mode=mode) as client:
        order = {"path": str(here.allowed / "forest.jpg"), "prompt": f"canceled {mode}", "max_side": 256,
                 "output_folder": str(here.allowed / f"canceled-{mode}")}
        made = content(await client.call_tool("img2img", order))
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "job", {"job": made["job"], "wait_seconds": 60})
            await client.call_tool("budget", {})
            group.cancel_scope.cancel()
        while True:
            ended = content(await client.call_tool("job", {"job": made["job"]}))
            if ended.get("code") != "run-in-progress": break
        assert ended["state"] == "downloaded", ended


CHECKS = (lists_tools, prepares, refuses_paths, refuses_calls, spends, runs_side_by_side, cancels)


def main():
    failed = 0
    with place() as here:
        for mode in ("auto", "legacy"):
            for check in CHECKS:
                try:
                    anyio.run(check, here, mode)
                    print(f"ok    {check.__name__}, {mode}", flush=True)
                except Exception:
                    failed += 1
                    print(f"FAILED: {check.__name__}, {mode}", flush=True)
                    traceback.print_exc(file=sys.stdout)
    print(f"{2 * len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
