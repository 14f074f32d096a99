"""The wheel, as it is installed. GESSO is the command, FIXTURES its pictures, HEADER gesso.h."""
from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import io
import json
import multiprocessing
import os
import pickle
import re
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import gesso
import numpy
import pytest
from gesso import _header, _values
from PIL import Image

COMMAND, FIXTURES, HEADER = os.environ["GESSO"], Path(os.environ["FIXTURES"]), Path(os.environ["HEADER"])
FOREST, PHONE, ALPHA = (str(FIXTURES / name) for name in ("jpeg/forest.jpg", "jpeg/phone.jpg", "png/soft-alpha-rgba8.png"))


def command(*arguments: Any) -> bytes:
    return subprocess.run([COMMAND, *map(str, arguments)], check=True, stdout=subprocess.PIPE).stdout


def decoded(file: bytes) -> numpy.typing.NDArray[numpy.uint8]:
    samples = numpy.asarray(Image.open(io.BytesIO(file)))
    return samples if samples.ndim == 3 else samples[:, :, None]


CASES: list[tuple[str, dict[str, Any], str]] = [
    (FOREST, {}, ""),
    (FOREST, {"longest_side": 512, "format": "jpeg", "quality": 80, "subsampling": "444"},
     "--max-side 512 --format jpeg --quality 80 --subsampling 444"),
    (PHONE, {"box": (160, 90), "box_fit": "cover", "gravity": "attention"}, "--size 160x90 --fit cover --gravity attention"),
    (PHONE, {"box": (90, 90), "box_fit": "cover", "focus": (0.9, 0.1)}, "--size 90x90 --fit cover --focus 0.9,0.1"),
    (ALPHA, {"box": (200, 300), "box_fit": "pad", "enlarge": True, "background": "#204060", "trim": True},
     "--size 200x300 --fit pad --enlarge --background #204060 --trim"),
    (FOREST, {"model": "sdxl", "linear": True, "format": "png"}, "--for sdxl --linear --format png"),
    (FOREST, {"max_bytes": 30000, "min_quality": 50, "max_pixels": 200000}, "--max-bytes 30000 --min-quality 50 --max-pixels 0.2"),
]


@pytest.mark.parametrize("source, recipe, flags", CASES)
def test_files_and_pixels_are_those_of_the_command(source: str, recipe: dict[str, Any], flags: str, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    record = json.loads(command("prepare", source, "-o", theirs, "--json", *flags.split()))
    prepared = gesso.prepare(source, **recipe)
    assert prepared.bytes == theirs.read_bytes()
    assert prepared.notes == record["notes"]
    geometry = record["geometry"]
    assert (prepared.geometry.crop_x, prepared.geometry.canvas_width) == (geometry["crop"]["x"], geometry["canvas"]["width"])
    if prepared.format == "png":
        samples = gesso.pixels(source, **recipe)
        assert samples.dtype == numpy.uint8 and numpy.array_equal(samples, decoded(prepared.bytes))


@pytest.mark.parametrize("source, recipe, flags", [
    (FOREST, {"preset": "diffusers", "longest_side": 256}, "--range diffusers --max-side 256"),
    (ALPHA, {"layout": "nhwc", "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)},
     "--layout nhwc --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225"),
])
def test_tensors_are_those_of_the_command(source: str, recipe: dict[str, Any], flags: str, tmp_path: Path) -> None:
    command("prepare", source, "-o", tmp_path / "a.png", "-q", "--tensor", tmp_path / "a.npy", *flags.split())
    theirs = numpy.load(tmp_path / "a.npy")
    assert theirs.std() > 0.01
    assert numpy.array_equal(gesso.tensor(source, **recipe), theirs)
    ours = numpy.full(theirs.shape, numpy.nan, numpy.float32)
    assert gesso.tensor(source, out=ours, **recipe) is ours
    assert numpy.array_equal(ours, theirs)


def test_a_result_is_restored() -> None:
    part = gesso.prepare(PHONE, box=(60, 60), box_fit="cover", format="png")
    canvas = gesso.restore(part.bytes, part.geometry)
    source = gesso.inspect(PHONE)
    assert canvas.shape == (source.height, source.width, 4)
    assert set(numpy.unique(canvas[:, :, 3])) == {0, 255}
    again = gesso.prepare(PHONE, matching=part.geometry, format="png")
    assert again.bytes == part.bytes


def test_every_kind_of_source(tmp_path: Path) -> None:
    expected = gesso.pixels(PHONE, longest_side=99)
    content = Path(PHONE).read_bytes()
    odd = tmp_path / os.fsdecode(b"\xff.jpg")
    odd.write_bytes(content)
    with open(PHONE, "rb") as file:
        sources: list[Any] = [
            Path(PHONE), content, bytearray(content), memoryview(content), numpy.frombuffer(content, numpy.uint8), file.fileno(), odd]
        for source in sources:
            assert numpy.array_equal(gesso.pixels(source, longest_side=99), expected), type(source)
        assert file.tell() == 0
    assert gesso.inspect(PHONE).format == "jpeg"
    assert gesso.plan(PHONE, longest_side=99).width == expected.shape[1]


@pytest.mark.parametrize("call, code", [
    (lambda: gesso.pixels("/no/such/file"), "not-found"),
    (lambda: gesso.pixels(b""), "empty"),
    (lambda: gesso.pixels(b"text"), "not-an-image"),
    (lambda: gesso.pixels(Path(PHONE).read_bytes()[:9999]), "truncated"),
    (lambda: gesso.pixels(PHONE, quality=101), "invalid-recipe"),
    (lambda: gesso.pixels(PHONE, model="dalle"), "invalid-recipe"),
    (lambda: gesso.pixels(PHONE, limits=gesso.Limits(max_pixels=5)), "too-many-pixels"),
])
def test_errors_have_a_code_and_cross_processes(call: Callable[[], Any], code: str) -> None:
    with pytest.raises(gesso.Error) as raised:
        call()
    error = raised.value
    assert error.code == code and error.message and error.stage
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is gesso.Error and str(copy) == str(error) and copy.remedy == error.remedy


def test_arguments_without_meaning_are_refused() -> None:
    with pytest.raises(TypeError, match="no option"):
        gesso.pixels(PHONE, side=5)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="shape"):
        gesso.tensor(PHONE, out=numpy.zeros((1, 3, 2, 2), numpy.float32))
    with pytest.raises(ValueError, match="float64"):
        gesso.tensor(PHONE, longest_side=2, out=numpy.zeros((1, 3, 2, 2)))


def test_another_thread_cancels_a_call() -> None:
    # The pipe is never filled, so that only the other thread ends the call, whichever of them is first.
    reader, writer = os.pipe()
    cancel = gesso.Cancel()
    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(gesso.Canceled):
        gesso.pixels(reader, cancel=cancel)
    thread.join()
    os.close(reader)
    os.close(writer)


def digest(path: str) -> bytes:
    return gesso.prepare(path, longest_side=300).bytes


def failing(path: str) -> bytes:
    return gesso.prepare(path + ".missing").bytes


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_other_processes_prepare_the_same(method: str) -> None:
    expected = digest(FOREST)
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        assert list(pool.map(digest, [FOREST] * 4)) == [expected] * 4
        with pytest.raises(gesso.Error, match="missing"):
            pool.submit(failing, FOREST).result()


def test_calls_keep_nothing_of_each_other() -> None:
    # Structs are used again: results, options, limits and failures belong to their own call.
    small, large = gesso.pixels(ALPHA, longest_side=20), gesso.pixels(FOREST, longest_side=700)
    copies = small.copy(), large.copy()
    assert small.base is None or not numpy.shares_memory(small, gesso.pixels(ALPHA, longest_side=20))
    with pytest.raises(gesso.Error):
        gesso.pixels(b"text", limits=gesso.Limits(max_pixels=5))
    assert gesso.pixels(Path(PHONE).read_bytes(), longest_side=50).shape == gesso.pixels(PHONE, longest_side=50).shape
    assert numpy.array_equal(small, copies[0]) and numpy.array_equal(large, copies[1])
    for recipe in ({}, {"longest_side": 30}, {"box": (30, 20), "box_fit": "cover"}, {"box": [30, 20], "box_fit": "cover"}):
        assert numpy.array_equal(gesso.pixels(FOREST, **recipe), decoded(gesso.prepare(FOREST, format="png", **recipe).bytes))
    tensor = gesso.tensor(FOREST, longest_side=30)
    normalized = gesso.tensor(FOREST, longest_side=30, mean=[0.5, 0.5, 0.5], std=(0.5,))
    assert numpy.allclose(normalized, (tensor - 0.5) / 0.5, atol=1e-6)
    assert numpy.array_equal(gesso.tensor(FOREST, longest_side=30), tensor)


@pytest.mark.parametrize("recipe", [
    {}, {"longest_side": 700}, {"box": (600, 500)}, {"box": (900, 800), "box_fit": "pad"}, {"max_pixels": 300_000}, {"model": "sd15"},
    {"longest_side": 601, "multiples_of": 64, "snap": "pad"}, {"longest_side": 60_000}, {"original": True},
])
def test_results_have_memory_of_their_own_and_no_more(recipe: dict[str, Any]) -> None:
    for call in (gesso.pixels, gesso.tensor):
        one, other = call(FOREST, **recipe), call(FOREST, **recipe)
        assert numpy.array_equal(one, other) and not numpy.shares_memory(one, other)
        assert one.std() > 0.01 and (one.base is None or one.base.nbytes == one.nbytes)


@pytest.mark.parametrize("recipe, message", [
    ({"longest_side": "5"}, "int"), ({"box": 5}, "iterable"), ({"box": [1, 2, 3]}, "unpack"), ({"unknown": []}, "no option"),
])
def test_options_of_another_type_are_refused_twice(recipe: dict[str, Any], message: str) -> None:
    for _ in range(2):
        with pytest.raises((TypeError, ValueError), match=message):
            gesso.pixels(PHONE, **recipe)


def test_threads_prepare_the_same() -> None:
    expected, found = digest(FOREST), []
    threads = [threading.Thread(target=lambda: found.append(digest(FOREST))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_memory_stays_flat_over_1000_calls() -> None:
    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def calls(count: int) -> int:
        for i in range(count):
            gesso.pixels(PHONE, longest_side=64)
            if i % 10 == 0:
                with pytest.raises(gesso.Error):
                    gesso.prepare(b"text")
        return peak()

    first = calls(200)
    assert calls(1000) - first < 4096, "KiB"


def test_structs_are_those_of_the_header() -> None:
    header = HEADER.read_text()
    kinds = {
        "gesso_error": _header.Error, "gesso_source": _header.Source, "gesso_geometry": _header.Geometry,
        "gesso_recipe": _header.Recipe, "gesso_tensor_format": _header.TensorFormat, "gesso_limits": _header.Limits,
        "gesso_request": _header.Request, "gesso_description": _header.Description, "gesso_plan_result": _header.PlanResult,
        "gesso_result": _header.Result,
    }
    types = {
        "size_t": ctypes.c_size_t, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "double": ctypes.c_double,
        "const char *": ctypes.c_char_p, "const void *": ctypes.c_void_p, "gesso_cancel *": ctypes.c_void_p,
        "gesso_geometry": _header.Geometry, "const gesso_geometry *": ctypes.POINTER(_header.Geometry),
        **{f"const {name} *": ctypes.POINTER(kind) for name, kind in kinds.items() if name != "gesso_geometry"},
    }
    found = re.findall(r"^typedef struct (\w+) \{\n(.*?)\n\} \1;", header, re.S | re.M)
    assert {name for name, _ in found} == set(kinds)
    for name, body in found:
        fields: list[tuple[str, Any]] = []
        for line in re.findall(r"^  (?!//)(.+);$", body, re.M):
            match = re.match(r"((?:const )?\w+ \*?)(.*)", line)
            assert match
            for field in match[2].split(", "):
                text = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", field)
                assert text
                if match[1] == "char ":
                    kind: Any = ctypes.c_char * int(text[2])
                else:
                    kind = types[match[1].strip()]
                    kind = kind * int(text[2]) if text[2] else kind
                fields.append((text[1], kind))
        assert [(field[0], field[1]) for field in kinds[name]._fields_] == fields, name
    options = set(_values.Recipe.__annotations__) - {"box", "focus", "model", "model_sizes"}
    known = {field[0] for field in _header.Recipe._fields_ if not re.match(r"struct_size|box_(width|height)|focus_|model_", field[0])}
    assert options == known
    assert set(_values.Limits.__annotations__) == {field[0] for field in _header.Limits._fields_} - {"struct_size"}


@pytest.mark.parametrize("order", ["gesso {}", "{} gesso"])
@pytest.mark.parametrize("other, use", [
    ("PIL.Image", "numpy.asarray(PIL.Image.open(path))"),
    ("cv2", "assert cv2.imread(path) is not None"),
    ("pyvips", "pyvips.Image.thumbnail(path, 100).numpy()"),
    ("torch", "assert torch.from_numpy(gesso.tensor(path)).mean() > 0"),
])
def test_other_libraries_in_one_process_in_either_order(other: str, use: str, order: str) -> None:
    # They bring their own libjpeg, libpng and more, or open those of the system.
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    program = f"""
import hashlib
for name in {order.format(other).split()!r}: __import__(name)
import {other}, gesso, numpy
path = {PHONE!r}
print(hashlib.sha256(gesso.prepare(path, longest_side=200).bytes).hexdigest())
{use}
print(hashlib.sha256(gesso.prepare(path, longest_side=200).bytes).hexdigest())
"""
    lines = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    assert lines == [hashlib.sha256(gesso.prepare(PHONE, longest_side=200).bytes).hexdigest()] * 2


def test_webp_and_tiff_are_read_and_webp_written() -> None:
    for name in ("webp/lossy-q30-pillow.webp", "tiff/rgb8-pillow.tif"):
        assert gesso.pixels(FIXTURES / "kinds" / name).std() > 1
    assert Image.open(io.BytesIO(gesso.prepare(PHONE, longest_side=99, format="webp").bytes)).format == "WEBP"
    # By the libraries in the wheel, not by those of this machine.
    program = f"""
import gesso
for name in ("webp/lossy-q30-pillow.webp", "tiff/rgb8-pillow.tif"): gesso.pixels({str(FIXTURES)!r} + "/kinds/" + name)
print(open("/proc/self/maps").read())
"""
    maps = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    loaded = {line.split()[-1] for line in maps.splitlines() if re.search(r"/lib(webp|tiff|png|jpeg|lcms|isal|deflate|Lerc|jbig)", line)}
    folder = Path(gesso.__file__).parent.parent
    assert {Path(path).name for path in loaded} >= {"libwebp.so.7", "libtiff.so.6"} and len(loaded) >= 6
    assert all(Path(path).is_relative_to(folder) for path in loaded), loaded


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version
    assert gesso.version() == version("gesso")
