"""Runs the recipes of Documentation/Recipes.md, compares what they print with the page, and makes or compares its pictures."""
import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import png
from PIL import Image

from page import pattern, recipes

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "Documentation/Recipes.md"
GESSO = Path(os.environ["GESSO"]).resolve()
TIMEOUT = 120 * int(os.environ.get("GESSO_TEST_TIME_SCALE", 1))
# Other versions of decoders and encoders change samples a little. In another picture they differ by dozens of levels.
MEAN_DIFFERENCE = 1.0


def make_inputs(folder):
    """The files that every recipe begins with: photographs, a texture set, and one large photograph."""
    jpeg = ROOT / "Fixtures/jpeg"
    (folder / "photos").mkdir()
    for name, source in (("forest", "forest"), ("mountain", "mountain-444"), ("phone", "phone")):
        shutil.copy(jpeg / f"{source}.jpg", folder / f"photos/{name}.jpg")
    texture = folder / "texture"
    texture.mkdir()
    side = 1024
    y, x = numpy.mgrid[0:side, 0:side] / side * 2 * numpy.pi
    height = numpy.sin(8 * x) * numpy.sin(6 * y)
    down, right = numpy.gradient(height)
    normals = numpy.stack([-20 * right, -20 * down, numpy.ones_like(height)], axis=-1)
    normals /= numpy.linalg.norm(normals, axis=-1, keepdims=True)
    samples = numpy.round((normals * 0.5 + 0.5) * 65535).astype(numpy.uint16)
    png.from_array(samples.reshape(side, 3 * side).tolist(), "RGB;16").save(texture / "normal.png")
    Image.fromarray(numpy.round((height * 0.25 + 0.5) * 255).astype(numpy.uint8)).save(texture / "roughness.png")
    Image.open(jpeg / "brushes.jpg").convert("RGB").resize((side, side)).save(texture / "color.png")
    # With grain the file becomes as large as that of a camera.
    large = numpy.asarray(Image.open(jpeg / "forest.jpg").resize((5760, 3834), Image.Resampling.BICUBIC)).astype(numpy.int16)
    grain = numpy.random.default_rng(1).normal(0, 6, (3834, 5760, 1)).round().astype(numpy.int16)
    Image.fromarray((large + grain).clip(0, 255).astype(numpy.uint8)).save(folder / "poster.jpg", quality=95)


@contextlib.contextmanager
def sandbox(environment):
    """The environment of a shell in which the service is a sandbox."""
    process = subprocess.Popen([GESSO, "sandbox", "-q"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip()
        if not address.startswith("http://127.0.0.1:"): raise SystemExit("the sandbox did not start")
        yield {**environment, "SCENARIO_BASE_URL": address}
    finally:
        process.terminate()
        process.wait()


def program(block):
    """The command that runs a block, or the reason why no program here can run it."""
    if block.language == "sh": return ["bash", "-e", "-o", "pipefail", "-c", block.program]
    if "import gesso\n" not in block.program: return [sys.executable, "-c", block.program]
    python = os.environ["GESSO_PYTHON"]
    if not Path(python).exists(): return f"there is no wheel: make wheel, or set GESSO_PYTHON ({python})"
    return [python, "-c", block.program]


class Outcome:
    def __init__(self): self.passed, self.failed = 0, 0

    def add(self, name, fault):
        if fault: self.failed += 1
        else: self.passed += 1
        if fault: print(f"FAILED: {name}: {fault}")


def run(command, block, folder, environment):
    """Runs a block. Returns a sentence about the problem, or None."""
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)
    if done.returncode != 0: return f"ended with {done.returncode}:\n{done.stdout}"
    if block.printed is None or not pattern(block.printed).fullmatch(done.stdout):
        return f"the page does not show what is printed:\n{done.stdout}"
    return None


def picture(files):
    """The images side by side, 240 pixels high at most, and 840 wide at most, on white."""
    images = [Image.open(file) for file in files]
    images = [image.point(lambda value: value / 256).convert("L") if image.mode.startswith("I") else image for image in images]
    height = min(240, int(820 / sum(image.width / image.height for image in images)))
    images = [image.convert("RGB").resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS) for image in images]
    canvas = Image.new("RGB", (sum(image.width for image in images) + 10 * (len(images) - 1), height), "white")
    left = 0
    for image in images:
        canvas.paste(image, (left, 0))
        left += image.width + 10
    return canvas


def encoded(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80, optimize=True)
    file.seek(0)
    return file


def compare(made, path):
    if not path.exists(): return f"{path.name} is not there; --write-pictures makes it"
    there = Image.open(path)
    if there.size != made.size: return f"{path.name} has {there.size}, and the commands make {made.size}"
    difference = numpy.abs(numpy.asarray(there).astype(int) - numpy.asarray(Image.open(encoded(made))).astype(int)).mean()
    return f"{path.name} differs from what the commands make by {difference:.1f} in the mean" if difference > MEAN_DIFFERENCE else None


def main():
    writes = sys.argv[1:] == ["--write-pictures"]
    if sys.argv[1:] and not writes: sys.exit("usage: Tests/Recipes/run [--write-pictures]")
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        inputs = folder / "inputs"
        inputs.mkdir()
        make_inputs(inputs)
        home = folder / "home"
        (home / "bin").mkdir(parents=True)
        (home / "bin/gesso").symlink_to(GESSO)
        environment = {"PATH": f"{home}/bin:{ROOT}/Tests/Recipes/bin:{os.environ['PATH']}", "HOME": str(home), "LC_ALL": "C.UTF-8",
                       "SCENARIO_API_KEY": "key", "SCENARIO_API_SECRET": "secret"}
        with sandbox(environment) as environment:
            for number, recipe in enumerate(recipes(PAGE.read_text())):
                place = folder / f"recipe-{number}"
                shutil.copytree(inputs, place)
                # Each recipe has a ledger of its own, so that it does not depend on earlier recipes.
                shell = {**environment, "GESSO_LEDGER": f"{home}/{number}.sqlite"}
                for block in recipe.blocks:
                    title, command = f"{recipe.title}, line {block.line}", program(block)
                    if isinstance(command, str): print(f"skipped: {title}: {command}")
                    else: outcome.add(title, run(command, block, place, shell))
                for files, target in recipe.pictures:
                    made = picture([place / file for file in files])
                    if writes: (PAGE.parent / target).write_bytes(encoded(made).read())
                    outcome.add(recipe.title, compare(made, PAGE.parent / target))
    print(f"{outcome.passed} passed, {outcome.failed} failed")
    sys.exit(outcome.failed > 0)


main()
