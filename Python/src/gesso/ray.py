"""Gesso on Ray Data: images are prepared on every node, and their jobs are submitted through one gate. Install `gesso[ray]`.

Ray runs again what was lost with a worker or a node, and a job that is submitted again is paid for again. Here one process, the gate,
submits everything; its ledger knows what was paid for, so that rows that are run again get the results of their first run.
"""
from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

import numpy
import numpy.typing
import ray  # type: ignore[import-not-found, import-untyped, unused-ignore]
from ray.util.scheduling_strategies import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    NodeAffinitySchedulingStrategy)

from . import Error, Limits, pixels, prepare, tensor

__all__ = ["GateConfiguration", "Outcome", "Prepare", "Submit", "SubmitGate", "seed_of"]

Batch = dict[str, numpy.typing.NDArray[Any]]

# What a worker of Ray takes before it prepares anything: Python, Arrow and NumPy.
_WORKER_MEMORY = 200 << 20
_PREPARATION_MEMORY = 256 << 20


def seed_of(key: str) -> int:
    """The seed of a row, from its key alone: a row that is run again is the same order. `gesso batch` gives the same one."""
    return int.from_bytes(hashlib.sha256(f"seed of {key}".encode()).digest()[:8], "big") % 2**31


class Prepare:
    """Prepares the images of a batch; a class for `map_batches`.

        rows.map_batches(Prepare, fn_constructor_kwargs={"folder": "/shared/prepared", "longest_side": 1024}, **Prepare.resources())

    The column `path` names the images. New columns are `prepared`, the path of a file in `folder`, or the arrays `pixels` or `tensor`;
    `width`, `height`; and `error`, which is empty where nothing is wrong. Further options are those of `gesso.prepare`, `gesso.pixels` or
    `gesso.tensor`. A path and options always give the same file name, and the same bytes on every machine.
    """

    def __init__(
        self, folder: str | None = None, *, output: Literal["prepared", "pixels", "tensor"] = "prepared", path: str = "path",
        max_memory: int = _PREPARATION_MEMORY, threads: int = 1, **options: Any,
    ) -> None:
        if (folder is None) is (output == "prepared"):
            raise ValueError("files go to a folder: give one" if folder is None else f"{output} are arrays: leave out folder")
        self._output, self._path, self._options = output, path, options
        self._folder = None if folder is None else Path(folder)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        self._limits = Limits(max_memory=max_memory, threads=threads)

    @staticmethod
    def resources(*, max_memory: int = _PREPARATION_MEMORY, threads: int = 1) -> dict[str, Any]:
        """What one worker takes, as arguments of `map_batches`: a larger image is refused, and the worker stays within this."""
        return {"num_cpus": threads, "memory": _WORKER_MEMORY + max_memory}

    def __call__(self, batch: Batch) -> Batch:
        rows = [self._row(str(path)) for path in batch[self._path]]
        made = _column([row[0] for row in rows])
        sizes = numpy.array([row[1] for row in rows], numpy.int64).reshape(-1, 2)
        errors = _column([row[2] for row in rows])
        return {**batch, self._output: made, "width": sizes[:, 0], "height": sizes[:, 1], "error": errors}

    def _row(self, path: str) -> tuple[Any, tuple[int, int], str]:
        """What was made, its width and height, and what went wrong."""
        try:
            if self._folder is None:
                array: numpy.typing.NDArray[Any]
                if self._output == "pixels":
                    array = pixels(path, limits=self._limits, **self._options)
                    return array, (array.shape[1], array.shape[0]), ""
                array = tensor(path, limits=self._limits, **self._options)[0]
                height, width = array.shape[1:] if array.shape[0] == 3 else array.shape[:2]
                return array, (width, height), ""
            file = prepare(path, limits=self._limits, **self._options)
            digest = hashlib.sha256(repr((path, sorted(self._options.items()))).encode()).hexdigest()[:16]
            name = f"{Path(path).stem}-{digest}.{'jpg' if file.format == 'jpeg' else file.format}"
            return _write(self._folder / name, file.bytes), (file.width, file.height), ""
        except Error as error:
            nothing: dict[str, Any] = {
                "prepared": "", "pixels": numpy.empty((0, 0, 3), numpy.uint8), "tensor": numpy.empty((3, 0, 0), numpy.float32)}
            return nothing[self._output], (0, 0), str(error)


def _write(path: Path, content: bytes) -> str:
    """Writes a file, which is never seen in part, also where two workers write it."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return str(path)


def _column(values: Sequence[Any]) -> numpy.typing.NDArray[Any]:
    """A column of objects, also of arrays and lists of one length."""
    column = numpy.empty(len(values), object)
    for index, value in enumerate(values):
        column[index] = value
    return column


class Outcome(TypedDict):
    """What became of a row. `paid` is in creative units, and 0 for what was paid for before; `code` and `error` are empty for a success."""

    key: str
    job: str
    seed: str
    paid: float
    results: list[str]
    code: str
    error: str


class Submit:
    """Carries the rows of a batch through the gate; a class for `map_batches`. It has no credentials, and pays for nothing itself.

    The column `key` is what a row is known by, `prepared` its image, which the gate's node can read. `columns` are options of
    `gesso img2img`, such as `prompt` and `strength`. New columns are those of `Outcome`. Rows with an `error` are left as they are.
    """

    def __init__(
        self, gate: str = "gesso-gate", *, key: str = "key", image: str = "prepared", columns: Sequence[str] = ("prompt",),
        namespace: str | None = None,
    ) -> None:
        self._gate: Any = ray.get_actor(gate, namespace)
        self._key, self._image, self._columns = key, image, tuple(columns)

    def __call__(self, batch: Batch) -> Batch:
        keys = [str(key) for key in batch[self._key]]
        errors = [str(error) for error in batch.get("error", [""] * len(keys))]
        rows = [
            {"id": key, "input": str(batch[self._image][index]),
             **{name: _plain(batch[name][index]) for name in self._columns}}
            for index, key in enumerate(keys) if not errors[index]]
        found = iter(ray.get(self._gate.submit.remote(rows)) if rows else [])
        outcomes = [next(found) if not error else _outcome(key, error=error) for key, error in zip(keys, errors, strict=True)]
        new = {name: _column([outcome[name] for outcome in outcomes]) for name in ("job", "seed", "results", "code", "error")}
        return {**batch, **new, "paid": numpy.array([outcome["paid"] for outcome in outcomes], numpy.float64)}


def _plain(value: Any) -> Any:
    """A value of Python for one of NumPy."""
    return value.item() if isinstance(value, numpy.generic) else value


def _outcome(key: str, **fields: Any) -> Any:
    return {"key": key, "job": "", "seed": str(seed_of(key)), "paid": 0.0, "results": [], "code": "", "error": "", **fields}


@dataclass(frozen=True)
class GateConfiguration:
    """How the gate submits. It holds no secret: those are in a file on the gate's node."""

    #: The folder on the gate's node whose file .env has SCENARIO_API_KEY and SCENARIO_API_SECRET, or their _FILE forms.
    settings: str
    #: The ledger, on a disk of the gate's node. The same one for the same rows.
    ledger: str
    #: The folder for results.
    out: str
    #: The most creative units of a day (UTC) and account, as the ledger knows them; None for no limit.
    max_cost_per_day: float | None
    #: Further options of `gesso batch`, for all rows.
    options: tuple[str, ...] = ()
    #: The command.
    command: str = "gesso"
    #: How many commands may run at once. They share the ledger.
    processes: int = 2
    #: Where the ledger was lost: a time before the first job that it knew, in seconds since 1970. The account's jobs since then are
    #: listed before anything is submitted, and those of these rows are taken over.
    recover_since: float | None = None

    def __post_init__(self) -> None:
        for name in ("settings", "ledger", "out"):
            if not os.path.isabs(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}: give an absolute path, which means the same in every process")
        if self.processes < 1:
            raise ValueError("processes is below 1")

    def value(self, option: str, default: str) -> str:
        """The value of one of the further options."""
        for index, word in enumerate(self.options):
            if word == option and index + 1 < len(self.options):
                return self.options[index + 1]
            if word.startswith(f"{option}="):
                return word.partition("=")[2]
        return default


class SubmitGate:
    """The one process that submits; an actor with a name, on the node that starts it.

    It owns the ledger and the limit of the day, over `gesso batch --json`. Ray starts it again when it dies, and repeats its calls: the
    ledger then says what was submitted.
    """

    #: Exit codes after which the same command may go on: the service was not reached or did not answer in time, or another process has
    #: the ledger.
    _PASSING = (7, 9, 10)
    _ATTEMPTS = 3
    _ROWS_AT_ONCE = 1_000

    @classmethod
    def start(cls, configuration: GateConfiguration, name: str = "gesso-gate") -> Any:
        """Starts the gate on this node. It lives as long as this driver has what is returned."""
        strategy = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor: Any = ray.remote(cls)
        return actor.options(
            name=name, num_cpus=0, max_restarts=-1, max_task_retries=-1, max_concurrency=1_000, scheduling_strategy=strategy,
        ).remote(configuration)

    def __init__(self, configuration: GateConfiguration) -> None:
        self._configuration = configuration
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SCENARIO_", "GESSO_"))}
        self._environment["GESSO_LEDGER"] = configuration.ledger
        self._open: dict[str, tuple[dict[str, Any], asyncio.Future[Outcome]]] = {}
        self._waiting: deque[str] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovery: asyncio.Task[dict[str, list[dict[str, Any]]]] | None = None

    async def submit(self, rows: list[dict[str, Any]]) -> list[Outcome]:
        """Carries out the jobs of rows, and returns what became of each. Equal rows that are under way are one."""
        await self._jobs()
        rows = [{"seed": seed_of(row["id"]), **row} for row in rows]
        known = {row["id"]: row for row in rows} | {key: row for key, (row, _) in self._open.items()}
        for row in rows:
            if row != known[row["id"]]:
                raise ValueError(f"two rows have the key {row['id']}: give each its own")
        futures = [self._future(row) for row in rows]
        self._begin()
        return list(await asyncio.gather(*futures))

    async def recovered(self) -> int:
        """How many jobs of the account were listed for taking over."""
        return sum(len(jobs) for jobs in (await self._jobs()).values())

    def _future(self, row: dict[str, Any]) -> asyncio.Future[Outcome]:
        key = row["id"]
        if key not in self._open:
            self._open[key] = (row, asyncio.get_running_loop().create_future())
            self._waiting.append(key)
        return self._open[key][1]

    def _begin(self) -> None:
        while self._waiting and len(self._tasks) < self._configuration.processes:
            keys = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._ROWS_AT_ONCE))]
            task = asyncio.get_running_loop().create_task(self._work(keys))
            self._tasks.add(task)
            task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._begin()

    async def _work(self, keys: list[str]) -> None:
        error: Exception = RuntimeError("the command did not say what became of the row")
        try:
            await self._carry_out([self._open[key][0] for key in keys])
        except Exception as failure:
            error = failure
        finally:
            for key in keys:
                _, future = self._open.pop(key)
                if not future.done():
                    future.set_exception(error)

    def _answer(self, key: str, **fields: Any) -> None:
        if key in self._open and not self._open[key][1].done():
            self._open[key][1].set_result(_outcome(key, **fields))

    async def _carry_out(self, rows: list[dict[str, Any]]) -> None:
        left = [row for row in rows if not await self._take_over(row)]
        configuration = self._configuration
        words = ["batch", "-", "--json", "-q", "-o", configuration.out, *configuration.options]
        if configuration.max_cost_per_day is not None:
            words += ["--max-cost-per-day", str(configuration.max_cost_per_day)]
        attempt = 0
        while left:
            reasons: dict[str, dict[str, Any]] = {}
            stops: list[dict[str, Any]] = []
            bad = 0

            def take(event: dict[str, Any]) -> None:
                nonlocal bad
                match event.get("event"):
                    case "done": self._answer(event["key"], **_fields(event))
                    case "failed": self._answer(event["key"], **_failure(event["error"]))
                    case "left": reasons[event["key"]] = event.get("error") or {}
                    case None if line := re.fullmatch(r"- line (\d+)", event.get("input") or ""):
                        # One bad row, such as a missing file, keeps all from beginning: the others begin without it.
                        bad += 1
                        self._answer(left[int(line[1]) - 1]["id"], **_failure(event["error"]))
                    case "end" | None if event.get("error"): stops.append(event["error"])

            status, message = await self._run(words, take, "".join(json.dumps(row) + "\n" for row in left))
            stop = stops[0] if stops else {"code": "stopped", "message": message or f"the command ended with {status}"}
            left = [row for row in left if not self._open[row["id"]][1].done()]
            attempt += 0 if bad else 1
            if not bad and (status not in self._PASSING or attempt == self._ATTEMPTS):
                for row in left:
                    self._answer(row["id"], **_failure(reasons.get(row["id"]) or stop))
                return
            if not bad:
                await asyncio.sleep(5 * 2**attempt)

    # MARK: Jobs of a ledger that was lost

    async def _jobs(self) -> dict[str, list[dict[str, Any]]]:
        """The account's jobs by their seeds, listed once."""
        if self._recovery is None:
            self._recovery = asyncio.get_running_loop().create_task(self._list())
        try:
            return await asyncio.shield(self._recovery)
        except Exception:
            # The next call asks again: without the list, jobs would be paid for twice.
            self._recovery = None
            raise

    async def _list(self) -> dict[str, list[dict[str, Any]]]:
        since = self._configuration.recover_since
        if since is None:
            return {}
        hours = max(0, time.time() - since) / 3600
        listed: list[dict[str, Any]] = []
        status, message = await self._run(["jobs", "list", "--account", f"{hours:.7f}", "--json"], listed.append)
        if status != 0:
            raise RuntimeError(f"the jobs of the account cannot be listed, and nothing was submitted: {message}")
        jobs: dict[str, list[dict[str, Any]]] = {}
        for job in listed:
            if job["state"] not in ("failure", "canceled"):
                jobs.setdefault(str(job["seed"]), []).append(job)
        return jobs

    async def _take_over(self, row: dict[str, Any]) -> bool:
        """Takes over the job that a row had in another ledger. False where there is none."""
        model = row.get("model", self._configuration.value("--model", "flux.1-dev"))
        models = [None, model] + (["model_bfl-flux-1-dev"] if model == "flux.1-dev" else [])
        prompt = str(row.get("prompt", self._configuration.value("--prompt", "")))
        fitting = [
            job for job in (await self._jobs()).get(str(row["seed"]), [])
            if job["model"] in models and _may_be(job["prompt"], prompt)]
        if not fitting:
            return False
        if len(fitting) > 1:
            names = ", ".join(job["job"] for job in fitting)
            self._answer(row["id"], code="needs-decision", error=f"the row's job may be one of {names}: gesso jobs watch takes one over")
            return True
        words = ["jobs", "watch", fitting[0]["job"], "--json", "-q", "-o", self._configuration.out]
        objects: list[dict[str, Any]] = []
        _, message = await self._run(words, objects.append)
        found = next((value for value in objects if "results" in value), None)
        if found is not None:
            self._answer(row["id"], **{**_fields(found), "paid": 0.0})
        else:
            failure = next((value["error"] for value in objects if value.get("error")), {"code": "stopped", "message": message})
            self._answer(row["id"], job=fitting[0]["job"], **_failure(failure))
        return True

    # MARK: The command

    async def _run(
        self, words: Sequence[str], take: Callable[[dict[str, Any]], object], text: str = "",
    ) -> tuple[int, str]:
        """Runs the command, whose objects are taken when they are printed. Returns its exit status, and its last words."""
        process = await asyncio.create_subprocess_exec(
            self._configuration.command, *words, cwd=self._configuration.settings, env=self._environment, limit=1 << 24,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        assert process.stdin and process.stdout and process.stderr

        async def give(stdin: asyncio.StreamWriter) -> None:
            # A command that refuses its options does not read its rows.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                stdin.write(text.encode())
                await stdin.drain()
            stdin.close()

        async def read(stdout: asyncio.StreamReader) -> None:
            async for line in stdout:
                take(json.loads(line))

        _, _, errors = await asyncio.gather(give(process.stdin), read(process.stdout), process.stderr.read())
        lines = errors.decode(errors="replace").strip().splitlines()
        return await process.wait(), lines[-1] if lines else ""


def _may_be(prompt: str | None, sent: str) -> bool:
    """True for the prompt that was sent, for an archived one, and where none is repeated."""
    return prompt is None or prompt.startswith("asset_") or prompt.strip() == sent.strip()


def _fields(value: dict[str, Any]) -> dict[str, Any]:
    """The fields of an outcome, from the object of a job that is done."""
    return {
        "job": value["job"] or "", "seed": value["seed"], "paid": float(value["cost"] or 0),
        "results": [result["output"] for result in value["results"]]}


def _failure(error: dict[str, Any]) -> dict[str, Any]:
    remedy = error.get("remedy")
    return {"code": error.get("code", ""), "error": error.get("message", "") + (f": {remedy}" if remedy else "")}
