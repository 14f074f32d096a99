"""How fast Ray's workers prepare beside two plain processes, in turns: throughput.py FOLDER [ROUNDS]

Every JPEG of the folder is prepared by both, by the same class. The processor time of Ray is that of all its processes.
"""
from __future__ import annotations

import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

# The system shows the environment that a process began with, and no later one.
if "OF_TEST_NODE" not in os.environ:
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OF_TEST_NODE": uuid.uuid4().hex})
MARK_VALUE = os.environ["OF_TEST_NODE"]

import gesso.ray  # noqa: E402
import numpy  # noqa: E402
import ray  # noqa: E402
from cluster import marked  # noqa: E402

BATCH = 4
prepare: Any = None


def begin(folder: str) -> None:
    global prepare
    prepare = gesso.ray.Prepare(folder, model="flux.1-dev")


def work(paths: list[str]) -> int:
    return int(prepare({"path": numpy.array(paths, object)})["width"].min())


def processor_seconds() -> float:
    """Of all processes with the mark, their ended children among them."""
    ticks = 0
    for pid in marked(MARK_VALUE):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(run: Callable[[str], int]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        processor, wall = processor_seconds(), time.perf_counter()
        assert run(folder) > 0, "an image was not prepared"
        wall, processor = time.perf_counter() - wall, processor_seconds() - processor
        assert processor > 1, "no process was counted"
        assert len(list(Path(folder).iterdir())) == len(photos)
        return wall, processor


def plain(folder: str) -> int:
    with ProcessPoolExecutor(2, initializer=begin, initargs=(folder,)) as pool:
        return min(pool.map(work, [photos[index:index + BATCH] for index in range(0, len(photos), BATCH)]))


def by_ray(folder: str) -> int:
    rows = ray.data.from_items([{"path": path} for path in photos], override_num_blocks=20)
    made = rows.map_batches(
        gesso.ray.Prepare, fn_constructor_kwargs={"folder": folder, "model": "flux.1-dev"}, batch_size=BATCH,
        compute=ray.data.ActorPoolStrategy(size=2), **gesso.ray.Prepare.resources())
    smallest: int = made.min("width")
    return smallest


photos = sorted(map(str, Path(sys.argv[1]).glob("*.jpg")))
if __name__ == "__main__":
    begin_wall = time.perf_counter()
    ray.init(num_cpus=3, log_to_driver=False, logging_level="error", include_dashboard=False)
    print(f"ray.init: {time.perf_counter() - begin_wall:.1f} s")
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3):
        (plain_wall, plain_cpu), (ray_wall, ray_cpu) = measured(plain), measured(by_ray)
        print(
            f"{len(photos)} images: two processes {plain_wall:.1f} s (processor {plain_cpu:.1f}), Ray {ray_wall:.1f} s (processor "
            f"{ray_cpu:.1f}): {ray_wall / plain_wall:.2f} and {ray_cpu / plain_cpu:.2f}", flush=True)
