"""The examples of Documentation/Python.md. GESSO is the command, FIXTURES its pictures."""
from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import gesso
import numpy
import pytest
from PIL import Image

COMMAND, FIXTURES = Path(os.environ["GESSO"]), Path(os.environ["FIXTURES"])
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (FIXTURES.parent / "Documentation/Python.md").read_text(), re.S | re.M)
# In the place of a model that would have to be fetched: the pipelines' own preprocessing, and nothing after it.
PIPELINE = """
import diffusers, numpy, PIL.Image, types
class Pipeline:
    @classmethod
    def from_pretrained(cls, name): return cls()
    def __call__(self, prompt, image, strength):
        processor = diffusers.image_processor.VaeImageProcessor(vae_scale_factor=8)
        taken = processor.preprocess(image)
        assert taken.shape == image.shape and taken.min() < -0.5 and taken.max() > 0.5
        # A pipeline would stretch the photograph to the size, from which Gesso cuts a few pixels to keep its proportions.
        from gesso import plan
        planned = plan("photo.jpg", model="sdxl")
        part = planned.geometry
        assert image.shape == (1, 3, planned.height, planned.width)
        box = part.crop_x, part.crop_y, part.crop_x + part.crop_width, part.crop_y + part.crop_height
        theirs = processor.preprocess(
            PIL.Image.open("photo.jpg").resize((planned.width, planned.height), PIL.Image.Resampling.LANCZOS, box))
        assert (taken - theirs).abs().mean() < 0.01, (taken - theirs).abs().mean()
        return types.SimpleNamespace(images=processor.postprocess(taken))
diffusers.AutoPipelineForImage2Image = Pipeline
"""


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example(example: str, tmp_path: Path) -> None:
    for module in ("torch", "diffusers"):
        if re.search(rf"^(import|from) {module}\b", example, re.M) and not has(module):
            pytest.skip(f"{module} is not installed")
    photo = FIXTURES / "jpeg/forest.jpg"
    shutil.copy(photo, tmp_path / "photo.jpg")
    (tmp_path / "photos").mkdir()
    for name in ("forest.jpg", "phone.jpg"):
        shutil.copy(FIXTURES / "jpeg" / name, tmp_path / "photos" / name)
    program = (PIPELINE if "diffusers import" in example else "") + example.replace('"batch", "-",', '"batch", "-", "--sandbox",')
    environment = {
        **os.environ, "PATH": f"{COMMAND.absolute().parent}:{os.environ['PATH']}", "GESSO_LEDGER": str(tmp_path / "ledger.sqlite")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.skipif(not has("diffusers"), reason="diffusers is not installed")
def test_without_a_resize_tensors_are_those_of_diffusers(tmp_path: Path) -> None:
    from diffusers.image_processor import VaeImageProcessor  # type: ignore[import-not-found, import-untyped, unused-ignore]
    picture = numpy.random.default_rng(1).integers(0, 256, (128, 192, 3), numpy.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    theirs = VaeImageProcessor(vae_scale_factor=8).preprocess(Image.open(tmp_path / "a.png")).numpy()
    ours = gesso.tensor(tmp_path / "a.png", preset="diffusers", original=True)
    assert ours.shape == theirs.shape and numpy.abs(ours - theirs).max() < 1e-6


@pytest.mark.skipif(not has("diffusers"), reason="diffusers is not installed")
def test_stretched_to_a_size_tensors_are_near_those_of_diffusers() -> None:
    from diffusers.image_processor import VaeImageProcessor  # type: ignore[import-not-found, import-untyped, unused-ignore]
    photo = FIXTURES / "jpeg/forest.jpg"
    ours = gesso.tensor(photo, preset="diffusers", model="sdxl", snap="stretch")
    height, width = ours.shape[2:]
    theirs = VaeImageProcessor(vae_scale_factor=8).preprocess(Image.open(photo), height=height, width=width).numpy()
    assert ours.shape == theirs.shape and numpy.abs(ours - theirs).mean() < 0.01
