"""Gesso on Ray Data: images are prepared on every node, and their jobs are submitted through one gate. Install `gesso[ray]`.

If a worker or a node is lost, Ray runs its rows again, and a job that is submitted again is paid for again. Here one process, the gate,
submits all jobs. Its ledger records the jobs that were paid for, so that rows that are run again get the results of their first run.
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

# The memory that a worker of Ray takes before it prepares anything, for Python, Arrow and NumPy.
_WORKER_MEMORY = 200 << 20
_PREPARATION_MEMORY = 256 << 20


def seed_of(key: str) -> int:
    """The seed of a row, from its key alone, so that a row that is run again is the same order. `gesso batch` uses the same seed."""
    return int.from_bytes(hashlib.sha256(f"seed of {key}".encode()).digest()[:8], "big") % 2**31


class Prepare:
    """Prepares the images of a batch. It is a class for `map_batches`.

        rows.map_batches(Prepare, fn_constructor_kwargs={"folder": "/shared/prepared", "longest_side": 1024}, **Prepare.resources())

    The column `path` names the images. There are four new columns: the result, `width`, `height`, and `error`, which is empty for a
    success. The result is in `prepared` (the path of a file in `folder`), or in `pixels` or `tensor` (an array). Further options are those
    of `gesso.prepare`, `gesso.pixels` or `gesso.tensor`. The same path and options always give the same file name, and the same bytes on
    every machine.
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
        """The resources of one worker, as arguments of `map_batches`. A worker stays within them, and refuses an image that needs more."""
        return {"num_cpus": threads, "memory": _WORKER_MEMORY + max_memory}

    def __call__(self, batch: Batch) -> Batch:
        rows = [self._row(str(path)) for path in batch[self._path]]
        made = _column([row[0] for row in rows])
        sizes = numpy.array([row[1] for row in rows], numpy.int64).reshape(-1, 2)
        errors = _column([row[2] for row in rows])
        return {**batch, self._output: made, "width": sizes[:, 0], "height": sizes[:, 1], "error": errors}

    def _row(self, path: str) -> tuple[Any, tuple[int, int], str]:
        """The result, its width and height, and the error; the error is empty for a success."""
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
    """Writes a file. No reader ever sees a part of it, even if two workers write the same file."""
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
    """A column of objects. NumPy itself would make one array of several dimensions from arrays or lists of equal length."""
    column = numpy.empty(len(values), object)
    for index, value in enumerate(values):
        column[index] = value
    return column


class Outcome(TypedDict):
    """The outcome of a row. `paid` is in creative units; 0 if the job was paid for before. `code` and `error` are empty for a success."""

    key: str
    job: str
    seed: str
    paid: float
    results: list[str]
    code: str
    error: str


class Submit:
    """Submits the rows of a batch through the gate. It is a class for `map_batches`, has no credentials, and pays for nothing itself.

    The column `key` identifies a row. The column `prepared` is the path of its image, which the gate's node can read. `columns` names
    columns that are options of `gesso img2img`, such as `prompt` and `strength`. The new columns are those of `Outcome`. A row with an
    `error` is not submitted.
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
    """The Python value of a NumPy value."""
    return value.item() if isinstance(value, numpy.generic) else value


def _outcome(key: str, **fields: Any) -> Any:
    return {"key": key, "job": "", "seed": str(seed_of(key)), "paid": 0.0, "results": [], "code": "", "error": "", **fields}


@dataclass(frozen=True)
class GateConfiguration:
    """The settings of the gate. They contain no secrets, which are in a file on the gate's node."""

    #: A folder on the gate's node. Its file .env contains SCENARIO_API_KEY and SCENARIO_API_SECRET, or their _FILE forms.
    settings: str
    #: The path of the ledger, on a disk of the gate's node. Use the same ledger whenever the same rows are run.
    ledger: str
    #: The folder for results.
    out: str
    #: The most creative units that the account may spend on one day (UTC), as far as the ledger knows; None for no limit.
    max_cost_per_day: float | None
    #: Further options of `gesso batch`, for all rows.
    options: tuple[str, ...] = ()
    #: The command.
    command: str = "gesso"
    #: The number of commands that may run at once. They share the ledger.
    processes: int = 2
    #: Set this if the ledger was lost: a time before the first job that the ledger knew, in seconds since 1970. The account's jobs since
    #: then are listed before anything is submitted, and jobs that belong to these rows are used instead of new ones.
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
    """The only process that submits jobs. It is an actor with a name, on the node that starts it.

    It runs `gesso batch --json`, and it alone uses the ledger and keeps the limit of cost per day. If the gate dies, Ray starts it again
    and repeats its calls. The ledger then shows what was submitted.
    """

    #: Exit codes after which the same command may be run again: the service was not reached or did not answer in time, or another process
    #: has the ledger.
    _PASSING = (7, 9, 10)
    _ATTEMPTS = 3
    _ROWS_AT_ONCE = 1_000

    @classmethod
    def start(cls, configuration: GateConfiguration, name: str = "gesso-gate") -> Any:
        """Starts the gate on this node. The gate lives as long as the driver holds the returned value."""
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
        """Carries out the jobs of rows, and returns the outcome of each. Equal rows that are in progress at the same time have one job."""
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
        """The number of listed jobs of the account that rows may take over."""
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
                        # If one row is bad, for example because its file is missing, the command begins no row. It is run again without the
                        # bad row.
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
        """The account's jobs by their seeds. They are listed only once."""
        if self._recovery is None:
            self._recovery = asyncio.get_running_loop().create_task(self._list())
        try:
            return await asyncio.shield(self._recovery)
        except Exception:
            # The next call lists the jobs again, because without the list, jobs would be paid for twice.
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
        """Uses the job that a row had in another ledger. False if there is no such job."""
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
        """Runs the command, and gives each JSON object that it prints to `take`. Returns the exit status and the last line of errors."""
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
    """True if a job may have this prompt: the prompts are equal, or the job repeats no prompt, or an archived one."""
    return prompt is None or prompt.startswith("asset_") or prompt.strip() == sent.strip()


def _fields(value: dict[str, Any]) -> dict[str, Any]:
    """The fields of an outcome, from the JSON object of a finished job."""
    return {
        "job": value["job"] or "", "seed": value["seed"], "paid": float(value["cost"] or 0),
        "results": [result["output"] for result in value["results"]]}


def _failure(error: dict[str, Any]) -> dict[str, Any]:
    remedy = error.get("remedy")
    return {"code": error.get("code", ""), "error": error.get("message", "") + (f": {remedy}" if remedy else "")}
