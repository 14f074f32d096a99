"""`gesso mcp` over a sandbox, with the client of the package mcp."""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

ROOT = Path(__file__).resolve().parent.parent.parent
GESSO = os.environ["GESSO"]
TIMEOUT = 60 * int(os.environ.get("GESSO_TEST_TIME_SCALE", 1))


class Place:
    """A folder with a photograph that is allowed and one that is not, a ledger, and a sandbox."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment
        self.allowed, self.outside = folder / "photos", folder / "outside"
        for path in (self.allowed, self.outside):
            path.mkdir()
            shutil.copy(ROOT / "Fixtures/jpeg/forest.jpg", path / "forest.jpg")
        (self.allowed / "up").symlink_to("../outside")

    @contextlib.asynccontextmanager
    async def client(self, *arguments, mode="auto"):
        """A client of a new server. If the server writes anything besides its messages, the caller fails."""
        parameters = StdioServerParameters(
            command=GESSO, args=["mcp", "--allow", str(self.allowed), *arguments], env=self.environment, cwd=self.folder)
        with open(self.folder / "errors", "w+") as errors:
            async with Client(stdio_client(parameters, errlog=errors), mode=mode, read_timeout_seconds=TIMEOUT) as client:
                yield client
            errors.seek(0)
            said = errors.read()
        assert said == "", f"on standard error: {said}"


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GESSO_LEDGER": str(folder / "ledger.sqlite"),
                       "SCENARIO_API_KEY": "key", "SCENARIO_API_SECRET": "secret"}
        sandbox = subprocess.Popen([GESSO, "sandbox", "-q"], env=environment, stdout=subprocess.PIPE, text=True)
        try:
            environment["SCENARIO_BASE_URL"] = sandbox.stdout.readline().strip()
            assert environment["SCENARIO_BASE_URL"].startswith("http://127.0.0.1:"), "the sandbox did not start"
            yield Place(folder, environment)
        finally:
            # SIGINT is not used, because a process that a shell runs in the background may ignore it.
            sandbox.terminate()
            sandbox.wait()


def content(result):
    """The object of a result, or the error object if the call failed."""
    text = json.loads(result.content[0].text)
    if result.is_error:
        assert result.structured_content is None
        return text["error"]
    assert text == result.structured_content, "the text is the object"
    return text
