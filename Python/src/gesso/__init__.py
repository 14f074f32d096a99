"""Prepares large images for generative models: decode, orient, resize, convert and encode, in one call.

Every call releases the GIL, so that images are prepared in parallel on threads. Options are those of `Recipe`; a source is a path, bytes or
another buffer, or a file descriptor, which stays open.
"""
from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy
import numpy.typing

from . import _header as header
from ._values import (
    Description, Geometry, Layout, Limits, Plan, Prepared, Recipe, geometry_struct, limits_struct, recipe_struct, tensor_struct,
    value)

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    Source = str | os.PathLike[str] | os.PathLike[bytes] | Buffer | int

__all__ = [
    "Cancel", "Canceled", "Description", "Error", "Geometry", "Limits", "Plan", "Prepared", "Recipe", "inspect", "pixels", "plan",
    "prepare", "restore", "tensor", "version",
]

Pixels = numpy.typing.NDArray[numpy.uint8]
Floats = numpy.typing.NDArray[numpy.float32]


class Error(Exception):
    """Why an image could not be prepared: a stable code, the step that failed, what is wrong, and what to do about it."""

    def __init__(self, code: str, stage: str, message: str, remedy: str) -> None:
        super().__init__(code, stage, message, remedy)
        self.code, self.stage, self.message, self.remedy = code, stage, message, remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy} ({self.code})" if self.remedy else f"{self.message} ({self.code})"


class Canceled(Error):
    """A call was stopped by its `Cancel`."""


class Cancel:
    """Stops the calls that have it, from another thread. It stays raised."""

    def __init__(self) -> None:
        self._handle = header.library.gesso_cancel_create()

    def __call__(self) -> None:
        """Stops them."""
        header.library.gesso_cancel_raise(self._handle)

    def __del__(self) -> None:
        header.library.gesso_cancel_destroy(self._handle)


def version() -> str:
    """The version of the library."""
    text: bytes = header.library.gesso_version()
    return text.decode()


def inspect(source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None) -> Description:
    """Reads the headers of an image."""
    description = header.sized(header.Description)
    request = _Request(source, {}, None, limits, cancel)
    request.call(header.library.gesso_inspect, ctypes.byref(description))
    found: Description = value(Description, description)
    return found


def plan(
    source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None, **recipe: Unpack[Recipe]
) -> Plan:
    """Plans from the headers. Pixels are read only for `trim` and for the gravity "attention"."""
    planned: Plan = value(Plan, _Request(source, dict(recipe), None, limits, cancel).plan())
    return planned


def prepare(
    source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None, **recipe: Unpack[Recipe]
) -> Prepared:
    """Prepares an image and encodes it."""
    request = _Request(source, dict(recipe), None, limits, cancel)
    memory = numpy.empty(request.plan().file_bytes, numpy.uint8)
    result = header.sized(header.Result)
    request.call(header.library.gesso_prepare, memory.ctypes.data, memory.size, None, 0, ctypes.byref(result))
    prepared: Prepared = value(
        Prepared, result, bytes=memory[:result.count].tobytes(), quality=result.quality or None,
        subsampling=result.subsampling.decode() or None, tensor=None,
        milliseconds={stage: getattr(result, f"{stage}_ms") for stage in ("decode", "resize", "color", "encode", "total")})
    return prepared


def pixels(
    source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None, **recipe: Unpack[Recipe]
) -> Pixels:
    """Prepares an image as samples of 8 bits, in the shape (height, width, channels).

    Channels are gray; gray, alpha; red, green, blue; or red, green, blue, alpha, which is straight.
    """
    request = _Request(source, dict(recipe), None, limits, cancel)
    memory = numpy.empty(request.plan().pixel_bytes, numpy.uint8)
    result = header.sized(header.Result)
    request.call(header.library.gesso_pixels, memory.ctypes.data, memory.size, ctypes.byref(result))
    return memory[:result.count].reshape(result.height, result.width, result.channels)


def tensor(
    source: Source, *, preset: Literal["diffusers"] | None = None, layout: Layout = "nchw", range: tuple[float, float] = (0, 1),
    mean: float | Sequence[float] = 0, std: float | Sequence[float] = 1, out: Any = None, limits: Limits | None = None,
    cancel: Cancel | None = None, **recipe: Unpack[Recipe],
) -> Floats:
    """Prepares an image as float32, in the shape (1, 3, height, width), or (1, height, width, 3) with the layout "nhwc".

    A sample v becomes (low + (high - low) * v / largest - mean) / std. The preset "diffusers" is a range of -1 to 1. `out` is memory to
    write into, of exactly this shape: an array, or a tensor of PyTorch on the processor, pinned or not.
    """
    if preset is not None:
        if preset != "diffusers":
            raise ValueError(f'{preset} is no preset; there is "diffusers"')
        range = (-1, 1)
    request = _Request(source, dict(recipe), tensor_struct(layout, range, mean, std), limits, cancel)
    planned = request.plan()
    height, width = planned.height, planned.width
    shape = (1, 3, height, width) if layout == "nchw" else (1, height, width, 3)
    memory: Floats = numpy.empty(shape, numpy.float32) if out is None else numpy.asarray(out)
    if memory.dtype != numpy.float32 or memory.shape != shape or not memory.flags.c_contiguous or not memory.flags.writeable:
        raise ValueError(f"out is {memory.dtype} of the shape {memory.shape}: give writable, contiguous float32 of the shape {shape}")
    result = header.sized(header.Result)
    request.call(header.library.gesso_tensor, memory.ctypes.data, memory.size, ctypes.byref(result))
    return memory


def restore(
    source: Source, geometry: Geometry, *, stretch: bool = False,
    resampling_filter: Literal["nearest", "box", "triangle", "catmull-rom", "mitchell", "lanczos2", "lanczos3"] = "lanczos3",
    profile: Literal["convert", "keep", "ignore"] = "convert", limits: Limits | None = None, cancel: Cancel | None = None,
) -> Pixels:
    """Puts an image that was made of a prepared one back on the canvas of the source: RGBA, transparent where it was cropped."""
    request = _Request(source, {"resampling_filter": resampling_filter, "profile": profile}, None, limits, cancel)
    shape = (geometry.source_height, geometry.source_width, 4)
    memory = numpy.empty(shape, numpy.uint8)
    result = header.sized(header.Result)
    request.call(
        header.library.gesso_restore, ctypes.byref(geometry_struct(geometry)), int(stretch), memory.ctypes.data, memory.size,
        ctypes.byref(result))
    return memory


class _Request:
    """A request, and what has to live as long as it."""

    def __init__(
        self, source: Source, recipe: dict[str, Any], tensor: header.TensorFormat | None, limits: Limits | None,
        cancel: Cancel | None,
    ) -> None:
        struct, model = recipe_struct(recipe)
        if model is not None:
            error = header.sized(header.Error)
            _check(header.library.gesso_model(model.encode(), ctypes.byref(struct), ctypes.byref(error)), error)
        self._cancel = cancel
        self._owned: list[Any] = []
        self._descriptor = -1
        self._request = header.sized(
            header.Request, source=ctypes.pointer(self._source(source)), recipe=ctypes.pointer(struct),
            tensor=None if tensor is None else ctypes.pointer(tensor),
            limits=None if limits is None else ctypes.pointer(limits_struct(limits)),
            cancel=None if cancel is None else cancel._handle)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)

    def _source(self, source: Source) -> header.Source:
        if isinstance(source, bool):
            raise TypeError("a source is a path, a buffer, or a file descriptor")
        if isinstance(source, int):
            return header.sized(header.Source, kind=header.DESCRIPTOR, descriptor=source)
        if isinstance(source, (str, os.PathLike)):
            path = os.fsencode(source)
            try:
                path.decode()
            except UnicodeDecodeError:
                # The library takes paths in UTF-8; other ones are opened here.
                self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                return header.sized(header.Source, kind=header.DESCRIPTOR, descriptor=self._descriptor)
            return header.sized(header.Source, kind=header.PATH, path=path)
        view = memoryview(source).cast("B")
        content = numpy.frombuffer(view, numpy.uint8) if len(view) else numpy.empty(0, numpy.uint8)
        self._owned.append(content)
        return header.sized(header.Source, kind=header.MEMORY, bytes=content.ctypes.data, count=content.size)

    def call(self, function: Callable[..., int], *arguments: Any) -> None:
        error = header.sized(header.Error)
        _check(function(ctypes.byref(self._request), *arguments, ctypes.byref(error)), error)

    def plan(self) -> header.PlanResult:
        planned = header.sized(header.PlanResult)
        self.call(header.library.gesso_plan, ctypes.byref(planned))
        return planned


def _check(status: int, error: header.Error) -> None:
    if status == header.OK:
        return
    kind = Canceled if status == header.CANCELED else Error
    raise kind(*(text.decode() for text in (error.code, error.stage, error.message, error.remedy)))
