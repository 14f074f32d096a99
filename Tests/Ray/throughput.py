"""How fast Ray's workers prepare beside two plain processes, in turns: throughput.py FOLDER [ROUNDS]

Both prepare every JPEG of the folder with the same class. The seconds are wall-clock time, because Ray ends its workers and keeps no
record of their processor time.
"""
from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gesso.ray
import numpy
import ray

BATCH = 4
prepare: Any = None


def begin(folder: str) -> None:
    global prepare
    prepare = gesso.ray.Prepare(folder, model="flux.1-dev")


def work(paths: list[str]) -> int:
    return int(prepare({"path": numpy.array(paths, object)})["width"].min())


def measured(run: Callable[[str], int]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begin_wall = time.perf_counter()
        assert run(folder) > 0, "an image was not prepared"
        seconds = time.perf_counter() - begin_wall
        assert len(list(Path(folder).iterdir())) == len(photos)
        return seconds


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
        seconds = measured(plain), measured(by_ray)
        print(
            f"{len(photos)} images: two processes {seconds[0]:.1f} s, Ray {seconds[1]:.1f} s: {seconds[1] / seconds[0]:.2f}", flush=True)
