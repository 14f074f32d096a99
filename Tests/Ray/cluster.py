"""A sandbox and raylets of this machine. Processes are found by a variable in their environment, and ended by their ids."""
from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SCALE = int(os.environ.get("GESSO_TEST_TIME_SCALE", "1"))
# The variable that marks a process and all that it starts.
MARK = "OF_TEST_NODE"


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without credentials, so that only the gate's node can have them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCENARIO_", "GESSO_LEDGER", "RAY_"))}
    return {**kept, **more}


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    end = time.monotonic() + seconds * SCALE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds * SCALE} s for {what}")


def marked(mark: str, name: bytes = b"") -> Iterator[int]:
    """The processes that have this mark and whose command line begins with this name."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0") and (
                    (folder / "cmdline").read_bytes().startswith(name)):
                yield int(folder.name)
        except OSError:
            continue


def kill(mark: str) -> None:
    """Ends all processes with a mark at once, as the loss of a machine does."""
    def none_left() -> bool:
        pids = list(marked(mark))
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not pids

    wait_for(none_left, "killed processes")


class Sandbox:
    """`gesso sandbox`, and what it counted."""

    def __init__(self, folder: Path) -> None:
        self.key, self.secret = f"key-{secrets.token_hex(8)}", secrets.token_hex(16)
        self._process = subprocess.Popen(
            [os.environ["GESSO"], "sandbox", "-q"], stdout=subprocess.PIPE, text=True,
            env=clean_environment(SCENARIO_API_KEY=self.key, SCENARIO_API_SECRET=self.secret))
        assert self._process.stdout
        self.address = self._process.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:"), self.address
        # The settings of the gate's node; no other process has the key.
        self.settings = folder / "settings"
        self.settings.mkdir()
        file = self.settings / ".env"
        file.touch(0o600)
        file.write_text(
            f"SCENARIO_API_KEY={self.key}\nSCENARIO_API_SECRET={self.secret}\nSCENARIO_BASE_URL={self.address}\n")

    def request(self, path: str, body: Any = None) -> Any:
        return request(self.address.removesuffix("/v1") + path, self.key, self.secret, body)

    def paid(self) -> int:
        count: int = self.request("/sandbox/statistics")["jobs"]
        return count

    def jobs(self) -> list[dict[str, Any]]:
        jobs: list[dict[str, Any]] = self.request("/sandbox/jobs")
        return jobs

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def request(url: str, key: str, secret: str, body: Any = None) -> Any:
    """Sends one request with Basic authorization, as a simple script does."""
    pair = base64.b64encode(f"{key}:{secret}".encode()).decode()
    message = urllib.request.Request(
        url, None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Basic {pair}", "Content-Type": "application/json"})
    with urllib.request.urlopen(message, timeout=60) as reply:
        return json.load(reply)


class Cluster:
    """Raylets on loopback, with a token. Each node is known by its mark."""

    def __init__(self, folder: Path) -> None:
        # The path of the folder must be short: Ray's sockets in it have long names, and the system's limit is 107 bytes.
        self._folder = folder
        self._token = secrets.token_hex(32)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self._port}"
        self.marks: list[str] = []

    def environment(self, mark: str) -> dict[str, str]:
        return clean_environment(
            RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=self._token, RAY_ADDRESS=self.address, RAY_USAGE_STATS_ENABLED="0",
            **{MARK: mark})

    def start_node(self) -> str:
        mark = uuid.uuid4().hex
        first = not self.marks
        self.marks.append(mark)
        place = (
            ["--head", f"--port={self._port}", "--include-dashboard=false", f"--temp-dir={self._folder}"] if first
            else [f"--address={self.address}"])
        log = open(self._folder.with_name(f"{self._folder.name}-{len(self.marks)}.log"), "wb")
        subprocess.Popen(
            [str(Path(sys.executable).with_name("ray")), "start", *place, "--num-cpus=2", "--object-store-memory=150000000",
             "--disable-usage-stats", "--block"],
            env=self.environment(mark), stdout=log, stderr=log)
        return mark

    def is_open(self) -> bool:
        """True once the first node takes connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def stop(self) -> None:
        for mark in self.marks:
            kill(mark)
