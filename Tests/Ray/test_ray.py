"""Processes 60 images on two raylets of this machine, parts of which are lost, and counts jobs at the sandbox. GESSO is the command."""
from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gesso
import gesso.ray
import numpy
import pytest
from cluster import Cluster, Sandbox, clean_environment, kill, marked, wait_for
from PIL import Image

HERE, COUNT = Path(__file__).parent, 60
DOCUMENTS = HERE.parent.parent / "Documentation"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("photos")
    noise = numpy.random.default_rng(1)
    paths = []
    for number in range(COUNT):
        coarse = noise.integers(0, 256, (6, 8, 3), numpy.uint8)
        paths.append(str(folder / f"photo-{number:02}.jpg"))
        Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC).save(paths[-1], quality=90)
    return paths


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.stop()


class Clusters:
    """The clusters of a test. They end with the test."""

    def __init__(self) -> None:
        self._all: list[Cluster] = []

    def start(self, nodes: int) -> Cluster:
        folder = Path(f"/tmp/gr-{uuid.uuid4().hex[:6]}")
        folder.mkdir()
        cluster = Cluster(folder)
        self._all.append(cluster)
        for _ in range(nodes):
            cluster.start_node()
            if len(cluster.marks) == 1:
                wait_for(cluster.is_open, "the first node")
        return cluster

    def stop(self) -> None:
        for cluster in self._all:
            cluster.stop()


@pytest.fixture
def clusters() -> Iterator[Clusters]:
    clusters = Clusters()
    yield clusters
    clusters.stop()


class Driver:
    """A running driver."""

    def __init__(self, cluster: Cluster, sandbox: Sandbox, folder: Path, photos: list[str], **more: Any) -> None:
        self.mark = uuid.uuid4().hex
        self.ledger, self.out = folder / "ledger.sqlite", folder / "out"
        wanted = {
            "photos": photos, "nodes": len(cluster.marks), "naive": False, "flag": "", "since": None, "address": sandbox.address,
            "key": "", "secret": "", "settings": str(sandbox.settings), "ledger": str(self.ledger), "out": str(self.out),
            "prepared": str(folder / "prepared"), "command": os.path.abspath(os.environ["GESSO"]), **more}
        self._log, self._result = folder / f"driver-{self.mark}.log", folder / f"result-{self.mark}.json"
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "drive.py"), json.dumps({**wanted, "result": str(self._result)})],
                env=cluster.environment(self.mark), stdout=log, stderr=log)

    def result(self) -> Any:
        assert self._process.wait(timeout=600) == 0, self._log.read_text(errors="replace")[-3000:]
        return json.loads(self._result.read_text())

    def die(self) -> None:
        kill(self.mark)
        self._process.wait()


def results(found: Any) -> set[str]:
    """The files of a driver's rows. Each row must have one file."""
    for row in found["rows"]:
        assert row["error"] == "" and len(row["results"]) == 1, row
    files = {row["results"][0] for row in found["rows"]}
    assert all(Path(file).stat().st_size > 0 for file in files)
    assert {row["key"] for row in found["rows"]} == {f"photo-{number:02}" for number in range(COUNT)}
    return files


def once_paid(sandbox: Sandbox, count: int, act: Callable[[], None]) -> threading.Thread:
    """Calls `act` as soon as `count` jobs were paid for."""
    def wait() -> None:
        wait_for(lambda: sandbox.paid() >= count, f"{count} jobs")
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_worker_that_posts_by_itself_pays_again(
    clusters: Clusters, sandbox: Sandbox, photos: list[str], tmp_path: Path
) -> None:
    driver = Driver(
        clusters.start(2), sandbox, tmp_path, photos, naive=True, flag=str(tmp_path / "died"), key=sandbox.key,
        secret=sandbox.secret)
    assert len(driver.result()["rows"]) == COUNT
    assert (tmp_path / "died").exists()
    print(f"paid without the gate: {sandbox.paid()}")
    assert sandbox.paid() >= COUNT + 10


@pytest.mark.parametrize("lost", ["nothing", "worker", "gate", "node"])
def test_60_images_are_60_jobs_whatever_is_lost(
    lost: str, clusters: Clusters, sandbox: Sandbox, photos: list[str], tmp_path: Path
) -> None:
    cluster = clusters.start(2)
    killed: list[int] = []

    def kill_gate() -> None:
        pids = list(marked(cluster.marks[0], b"ray::SubmitGate"))
        os.kill(pids[0], signal.SIGKILL)
        killed.extend(pids)

    def kill_node() -> None:
        killed.extend(marked(cluster.marks[1], b"ray::"))
        kill(cluster.marks[1])

    driver = Driver(cluster, sandbox, tmp_path, photos, flag=str(tmp_path / "died") if lost == "worker" else "")
    act = {"gate": kill_gate, "node": kill_node}.get(lost)
    thread = once_paid(sandbox, 10, act) if act else None
    files = results(driver.result())
    if thread:
        thread.join()
    print(f"lost: {lost}; jobs paid: {sandbox.paid()}, results: {len(files)}")
    assert len(files) == COUNT
    assert sandbox.paid() == COUNT
    assert lost == "nothing" or killed or (tmp_path / "died").exists(), "nothing was lost"
    # If the rows are given again, they cost nothing.
    again = Driver(cluster, sandbox, tmp_path, photos, nodes=1).result() if lost == "node" else None
    if again:
        assert results(again) == files and sandbox.paid() == COUNT
        assert all(row["paid"] == 0 for row in again["rows"])


@pytest.mark.parametrize("hidden", [0, 10])
def test_a_lost_ledger_costs_what_the_list_no_longer_shows(
    hidden: int, clusters: Clusters, sandbox: Sandbox, photos: list[str], tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    cluster = clusters.start(1)
    driver = Driver(cluster, sandbox, first, photos)
    wait_for(lambda: sandbox.paid() >= 20, "20 jobs")
    # The gate's node, the driver and the disk are lost.
    driver.die()
    cluster.stop()
    before = sandbox.jobs()
    shutil.rmtree(first)
    assert len(before) < COUNT
    # The list of jobs begins long before the first job, or after the first ten jobs.
    times = sorted(job["created"] for job in before)
    since = (times[hidden - 1] + times[hidden]) / 2 if hidden else times[0] - 60
    found = Driver(clusters.start(1), sandbox, second, photos, since=since).result()
    recovered = found["recovered"]
    print(f"jobs before: {len(before)}, listed: {recovered}, paid in all: {sandbox.paid()}")
    assert len(results(found)) == COUNT
    assert recovered <= len(before) - hidden
    assert sandbox.paid() == COUNT + len(before) - recovered
    if hidden == 0:
        assert recovered == len(before) and sandbox.paid() == COUNT


def test_an_image_that_cannot_be_prepared_is_a_row_with_an_error(photos: list[str], tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no image")
    prepare = gesso.ray.Prepare(str(tmp_path / "prepared"), longest_side=64)
    batch = {"path": numpy.array([photos[0], str(tmp_path / "text.jpg")], object)}
    made = prepare(batch)
    assert made["error"][0] == "" and "not-an-image" in made["error"][1]
    assert Image.open(made["prepared"][0]).size == (64, 48) == (made["width"][0], made["height"][0])
    assert list((tmp_path / "prepared").iterdir()) == [Path(made["prepared"][0])], "no partial file"
    assert prepare(batch)["prepared"][0] == made["prepared"][0], "the same name again"
    arrays = gesso.ray.Prepare(output="tensor", preset="diffusers", longest_side=64)(batch)
    assert arrays["tensor"][0].shape == (3, 48, 64) and arrays["tensor"][1].size == 0
    assert numpy.array_equal(arrays["tensor"][0], gesso.tensor(photos[0], preset="diffusers", longest_side=64)[0])
    assert gesso.ray.Prepare(output="pixels")(batch)["pixels"][0].shape == (240, 320, 3)


def test_a_worker_keeps_to_the_memory_that_it_declares(tmp_path: Path) -> None:
    declared = gesso.ray.Prepare.resources(max_memory=1 << 20)
    assert declared["memory"] > 1 << 20 and declared["num_cpus"] == 1
    large = numpy.zeros((4000, 6000, 3), numpy.uint8)
    path = tmp_path / "large.png"
    Image.fromarray(large).save(path)
    made = gesso.ray.Prepare(output="pixels", max_memory=1 << 20, original=True)({"path": numpy.array([str(path)], object)})
    assert "memory" in made["error"][0]


def test_seeds_are_those_of_the_command(photos: list[str], tmp_path: Path, sandbox: Sandbox) -> None:
    row = json.dumps({"id": "a key", "input": photos[0], "prompt": "p"})
    done = subprocess.run(
        [os.path.abspath(os.environ["GESSO"]), "batch", "-", "-o", str(tmp_path / "out"), "--json", "-q"], input=row, text=True,
        stdout=subprocess.PIPE, check=True, cwd=sandbox.settings, env=clean_environment(GESSO_LEDGER=str(tmp_path / "l.sqlite")))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["seed"] for event in events if event["event"] == "done"] == [str(gesso.ray.seed_of("a key"))]


def gate(sandbox: Sandbox, folder: Path, **more: Any) -> gesso.ray.SubmitGate:
    return gesso.ray.SubmitGate(gesso.ray.GateConfiguration(**{
        "settings": str(sandbox.settings), "ledger": str(folder / "ledger.sqlite"), "out": str(folder / "out"),
        "max_cost_per_day": 100, "command": os.path.abspath(os.environ["GESSO"]), **more}))


def test_a_bad_row_stops_no_other_one(photos: list[str], sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [{"id": path, "input": path, "prompt": "p"} for path in [photos[0], "/no/such.jpg", photos[1]]]
    good, bad, other = asyncio.run(gate(sandbox, tmp_path).submit(rows))
    assert (good["error"], other["error"]) == ("", "") and len(good["results"]) == 1
    assert bad["code"] == "not-found" and "/no/such.jpg" in bad["error"]
    assert sandbox.paid() == 2


@pytest.mark.parametrize("options, value", [
    ((), "default"), (("--model", "m"), "m"), (("--strength", "1", "--model=m"), "m"), (("--model",), "default"), (("--models", "m"), "default"),
])
def test_options_of_the_gate_are_read(options: tuple[str, ...], value: str) -> None:
    configuration = gesso.ray.GateConfiguration(settings="/s", ledger="/l", out="/o", max_cost_per_day=None, options=options)
    assert configuration.value("--model", "default") == value


def test_equal_rows_are_one_job_and_a_key_is_one_row(photos: list[str], sandbox: Sandbox, tmp_path: Path) -> None:
    row = {"id": "a", "input": photos[0], "prompt": "p"}

    async def run() -> Any:
        one = gate(sandbox, tmp_path)
        pair = await asyncio.gather(one.submit([row]), one.submit([row]))
        with pytest.raises(ValueError, match="two rows have the key a"):
            await one.submit([{**row, "prompt": "q"}, {**row, "prompt": "other"}])
        return pair

    first, second = asyncio.run(run())
    assert first[0]["results"] == second[0]["results"] and sandbox.paid() == 1


def test_a_limit_of_the_day_stops_all_rows(photos: list[str], sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [{"id": path, "input": path, "prompt": "p"} for path in photos[:3]]
    outcomes = asyncio.run(gate(sandbox, tmp_path, max_cost_per_day=0.01).submit(rows))
    assert {outcome["code"] for outcome in outcomes} == {"too-expensive"}, outcomes
    assert all(outcome["error"] for outcome in outcomes) and sandbox.paid() == 0


def test_the_key_is_that_of_the_settings_and_not_of_the_environment(
    photos: list[str], sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SCENARIO_API_KEY", "SCENARIO_API_SECRET"):
        monkeypatch.setenv(name, "of another account")
    monkeypatch.setenv("SCENARIO_BASE_URL", "http://127.0.0.1:9/v1")
    [outcome] = asyncio.run(gate(sandbox, tmp_path).submit([{"id": "a", "input": photos[0], "prompt": "p"}]))
    assert outcome["error"] == "" and sandbox.paid() == 1
    for wrong in ({"ledger": "ledger.sqlite"}, {"processes": 0}):
        with pytest.raises(ValueError):
            gate(sandbox, tmp_path, **wrong)


@pytest.mark.parametrize("page", ["Ray.md", "Daft.md"])
def test_the_examples_of_the_documentation(page: str, photos: list[str], sandbox: Sandbox, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "photos").symlink_to(Path(photos[0]).parent)
    (shared / "settings").symlink_to(sandbox.settings)
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCUMENTS / page).read_text(), re.S | re.M)
    program = "\n".join(blocks).replace("/shared", str(shared)).replace("/local", str(shared))
    command = Path(os.environ["GESSO"]).absolute().parent
    environment = clean_environment(PATH=f"{command}:{os.environ['PATH']}", RAY_USAGE_STATS_ENABLED="0")
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:]
    if page == "Ray.md":
        assert sandbox.paid() == len(list(Path(photos[0]).parent.glob("photo-*.jpg")))
        assert len(list((shared / "results").glob("*.png"))) == COUNT
