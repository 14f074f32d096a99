"""A driver: processes rows in a cluster, and writes their results as JSON. Its only argument is JSON."""
from __future__ import annotations

import base64
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import gesso.ray
import ray
from cluster import request

WANTED = json.loads(sys.argv[1])


def die_once(flag: str) -> None:
    """Kills this worker, unless one was killed before."""
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class Submit(gesso.ray.Submit):
    """Submits through the gate. Dies once, after its jobs were paid for and before Ray has their results."""

    def __call__(self, batch: Any) -> Any:
        made = super().__call__(batch)
        if WANTED["flag"]:
            die_once(WANTED["flag"])
        return made


class Post:
    """A worker that submits by itself, without the gate. The tests show that it pays twice."""

    def __call__(self, batch: Any) -> Any:
        def post(path: str, body: Any) -> Any:
            return request(WANTED["address"] + path, WANTED["key"], WANTED["secret"], body)

        results = []
        for path, prompt in zip(batch["prepared"], batch["prompt"], strict=True):
            data = base64.b64encode(Path(path).read_bytes()).decode()
            asset = post("/assets", {"name": "a.jpg", "image": f"data:image/jpeg;base64,{data}"})["asset"]["id"]
            job = post("/generate/img2img", {
                "modelId": "flux.1-dev", "prompt": prompt, "image": asset, "numSamples": 1, "width": 256, "height": 192})
            results.append(job["job"]["jobId"])
        die_once(WANTED["flag"])
        return {"key": batch["key"], "results": results}


ray.init(namespace="test", log_to_driver=False, logging_level="error")
end = time.monotonic() + 120
while sum(node["Alive"] for node in ray.nodes()) < WANTED["nodes"]:
    assert time.monotonic() < end, "the nodes did not come"
    time.sleep(0.1)

recovered = None
if not WANTED["naive"]:
    gate = gesso.ray.SubmitGate.start(gesso.ray.GateConfiguration(
        settings=WANTED["settings"], ledger=WANTED["ledger"], out=WANTED["out"], max_cost_per_day=10_000,
        options=("--strength", "0.5"), command=WANTED["command"], recover_since=WANTED["since"]))
    recovered = ray.get(gate.recovered.remote())
rows = ray.data.from_items(
    [{"key": Path(path).stem, "path": path, "prompt": "late autumn"} for path in WANTED["photos"]], override_num_blocks=6)
prepared = rows.map_batches(
    gesso.ray.Prepare, fn_constructor_kwargs={"folder": WANTED["prepared"], "longest_side": 256, "multiples_of": 16},
    batch_size=10, compute=ray.data.ActorPoolStrategy(size=2), **gesso.ray.Prepare.resources(max_memory=64 << 20))
ended = prepared.map_batches(
    Post if WANTED["naive"] else Submit, batch_size=10, num_cpus=0.5, scheduling_strategy="SPREAD",
    compute=ray.data.ActorPoolStrategy(size=2))
# The result goes to a file, because Ray prints to standard output.
Path(WANTED["result"]).write_text(json.dumps({
    "recovered": recovered,
    "rows": [{name: list(value) if hasattr(value, "__len__") and not isinstance(value, str) else value
              for name, value in row.items()} for row in ended.take_all()]}, default=lambda value: value.item()))
