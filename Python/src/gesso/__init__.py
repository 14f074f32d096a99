"""Prepares large images for generative models: decode, orient, resize, convert and encode, in one call.

Every call releases the GIL, so that several threads can prepare images in parallel. The options are those of `Recipe`. A source is a path,
bytes or another buffer, or a file descriptor. A descriptor stays open.
"""
from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy
import numpy.typing

from . import _header as header
from ._values import (
    Description, Geometry, Layout, Limits, Plan, Prepared, ProfileHandling, Recipe, ResamplingFilter, cached, geometry_struct,
    limits_struct, recipe_struct, tensor_struct, value)

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack

    Source = str | os.PathLike[str] | os.PathLike[bytes] | Buffer | int

__all__ = [
    "Cancel", "Canceled", "Description", "Error", "Geometry", "Limits", "Plan", "Prepared", "Recipe", "inspect", "pixels", "plan",
    "prepare", "restore", "tensor", "version",
]

Pixels = numpy.typing.NDArray[numpy.uint8]
Floats = numpy.typing.NDArray[numpy.float32]
_Sample = TypeVar("_Sample", numpy.uint8, numpy.float32)


class Error(Exception):
    """The reason why an image could not be prepared: a stable code, the step that failed, a message, and a remedy."""

    def __init__(self, code: str, stage: str, message: str, remedy: str) -> None:
        super().__init__(code, stage, message, remedy)
        self.code, self.stage, self.message, self.remedy = code, stage, message, remedy

    def __str__(self) -> str:
        return f"{self.message}: {self.remedy} ({self.code})" if self.remedy else f"{self.message} ({self.code})"


class Canceled(Error):
    """A call was stopped by its `Cancel`."""


class Cancel:
    """Stops calls from another thread. Give the same object to the calls as `cancel`. Once it is called, it stops later calls too."""

    def __init__(self) -> None:
        self._handle = header.library.gesso_cancel_create()

    def __call__(self) -> None:
        """Stops the calls that have this object."""
        header.library.gesso_cancel_raise(self._handle)

    def __del__(self) -> None:
        header.library.gesso_cancel_destroy(self._handle)


def version() -> str:
    """The version of the library."""
    text: bytes = header.library.gesso_version()
    return text.decode()


def inspect(source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None) -> Description:
    """Reads the headers of an image."""
    with _Request(source, {}, None, limits, cancel) as request:
        request.call(header.library.gesso_inspect, request.structs.description)
        found: Description = value(Description, request.structs.description)
        return found


def plan(
    source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None, **recipe: Unpack[Recipe]
) -> Plan:
    """Plans a preparation from the headers of an image. Pixels are read only for `trim` and for the gravity "attention"."""
    with _Request(source, recipe, None, limits, cancel) as request:
        planned: Plan = value(Plan, request.plan())
        return planned


def prepare(
    source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None, **recipe: Unpack[Recipe]
) -> Prepared:
    """Prepares an image and encodes it."""
    with _Request(source, recipe, None, limits, cancel) as request:
        memory = numpy.empty(request.plan().file_bytes, numpy.uint8)
        result = request.structs.result
        request.call(header.library.gesso_prepare, memory.ctypes.data, memory.size, None, 0, result)
        prepared: Prepared = value(
            Prepared, result, bytes=memory[:result.count].tobytes(), quality=result.quality or None,
            subsampling=result.subsampling.decode() or None, tensor=None,
            milliseconds={stage: getattr(result, f"{stage}_ms") for stage in ("decode", "resize", "color", "encode", "total")})
        return prepared


def pixels(
    source: Source, *, limits: Limits | None = None, cancel: Cancel | None = None, **recipe: Unpack[Recipe]
) -> Pixels:
    """Prepares an image as samples of 8 bits, in the shape (height, width, channels).

    The channels are gray; gray and alpha; red, green and blue; or red, green, blue and alpha. Colors are not premultiplied by alpha.
    """
    with _Request(source, recipe, None, limits, cancel) as request:
        memory = request.fill(header.library.gesso_pixels, numpy.uint8)
        result = request.structs.result
        return memory.reshape(result.height, result.width, result.channels)


def tensor(
    source: Source, *, preset: Literal["diffusers"] | None = None, layout: Layout = "nchw", range: tuple[float, float] = (0, 1),
    mean: float | Sequence[float] = 0, std: float | Sequence[float] = 1, out: Any = None, limits: Limits | None = None,
    cancel: Cancel | None = None, **recipe: Unpack[Recipe],
) -> Floats:
    """Prepares an image as float32, in the shape (1, 3, height, width), or (1, height, width, 3) with the layout "nhwc".

    A sample v becomes (low + (high - low) * v / largest - mean) / std, where `range` is (low, high). The preset "diffusers" is a range of
    -1 to 1. `out` is memory for the result, of exactly this shape: an array, or a tensor of PyTorch in the memory of the CPU, pinned or
    not.
    """
    if preset is not None:
        if preset != "diffusers":
            raise ValueError(f'{preset} is no preset; there is "diffusers"')
        range = (-1, 1)

    def shape(size: header.PlanResult | header.Result) -> tuple[int, int, int, int]:
        return (1, 3, size.height, size.width) if layout == "nchw" else (1, size.height, size.width, 3)

    with _Request(source, recipe, cached(tensor_struct, layout, range, mean, std), limits, cancel) as request:
        if out is None:
            values = request.fill(header.library.gesso_tensor, numpy.float32)
            return values.reshape(shape(request.structs.result))
        wanted = shape(request.plan())
        memory: Floats = numpy.asarray(out)
        if memory.dtype != numpy.float32 or memory.shape != wanted or not memory.flags.c_contiguous or not memory.flags.writeable:
            raise ValueError(
                f"out is {memory.dtype} of the shape {memory.shape}: give writable, contiguous float32 of the shape {wanted}")
        request.call(header.library.gesso_tensor, memory.ctypes.data, memory.size, request.structs.result)
        return memory


def restore(
    source: Source, geometry: Geometry, *, stretch: bool = False,
    resampling_filter: ResamplingFilter = "lanczos3", profile: ProfileHandling = "convert", limits: Limits | None = None,
    cancel: Cancel | None = None,
) -> Pixels:
    """Puts an image that was made from a prepared image back on the canvas of the source.

    The result is RGBA, and is transparent where the prepared image was cropped."""
    with _Request(source, {"resampling_filter": resampling_filter, "profile": profile}, None, limits, cancel) as request:
        memory = numpy.empty((geometry.source_height, geometry.source_width, 4), numpy.uint8)
        request.call(
            header.library.gesso_restore, geometry_struct(geometry), int(stretch), memory.ctypes.data, memory.size,
            request.structs.result)
        return memory


class _Structs:
    """The structs of a call, and memory for small results. They are kept for later calls, because to make them takes longer than to prepare
    a small image."""

    def __init__(self) -> None:
        self.error = header.sized(header.Error)
        self.source = header.sized(header.Source)
        self.request = header.sized(header.Request, source=ctypes.pointer(self.source))
        self.planned = header.sized(header.PlanResult)
        self.result = header.sized(header.Result)
        self.description = header.sized(header.Description)
        self.memory = numpy.empty(1 << 18, numpy.uint8)
        self.address = self.memory.ctypes.data


# The structs that no call uses now. To add or to take one is an atomic operation.
_idle: list[_Structs] = []


class _Request:
    """A request, and the objects that have to live as long as the request."""

    def __init__(
        self, source: Source, recipe: Mapping[str, Any], tensor: header.TensorFormat | None, limits: Limits | None,
        cancel: Cancel | None,
    ) -> None:
        self._descriptor = -1
        self._owned: Any = None
        made: tuple[Any, int] = cached(_recipe, tuple(recipe.items())) if recipe else (None, 0)
        self._recipe, self._pixels = made
        try:
            self.structs = _idle.pop()
        except IndexError:
            self.structs = _Structs()
        request = self.structs.request
        request.recipe = self._recipe
        request.tensor = None if tensor is None else ctypes.pointer(tensor)
        request.limits = None if limits is None else ctypes.pointer(cached(limits_struct, limits))
        request.cancel = None if cancel is None else cancel._handle
        self._set_source(source)

    def __enter__(self) -> _Request:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        _idle.append(self.structs)

    def _set_source(self, source: Source) -> None:
        struct = self.structs.source
        if isinstance(source, (str, os.PathLike)):
            path = os.fsencode(source)
            try:
                path.decode()
            except UnicodeDecodeError:
                # The library takes paths in UTF-8. A file with any other path is opened here.
                self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                struct.kind, struct.descriptor = header.DESCRIPTOR, self._descriptor
            else:
                struct.kind, struct.path = header.PATH, path
        elif isinstance(source, bool):
            raise TypeError("a source is a path, a buffer, or a file descriptor")
        elif isinstance(source, int):
            struct.kind, struct.descriptor = header.DESCRIPTOR, source
        else:
            view = memoryview(source).cast("B")
            content = numpy.frombuffer(view, numpy.uint8) if len(view) else numpy.empty(0, numpy.uint8)
            self._owned = content
            struct.kind, struct.bytes, struct.count = header.MEMORY, content.ctypes.data, content.size

    def call(self, function: Callable[..., int], *arguments: Any) -> None:
        structs = self.structs
        _check(function(structs.request, *arguments, structs.error), structs.error)

    def plan(self) -> header.PlanResult:
        self.call(header.library.gesso_plan, self.structs.planned)
        return self.structs.planned

    def fill(self, function: Callable[..., int], kind: type[_Sample]) -> numpy.typing.NDArray[_Sample]:
        """Returns a result in its own memory.

        A small result is made in the kept memory, and copied. A larger result gets memory of the largest size that the recipe allows. If
        that size is not known or is too large, the library names the size before it decodes a pixel, and the image is planned twice."""
        structs = self.structs
        size = numpy.dtype(kind).itemsize
        allowed = self._pixels * (4 if kind is numpy.uint8 else 3)
        if structs.memory.size < allowed * size <= _MOST_AT_ONCE:
            memory = numpy.empty(allowed, kind)
            status = function(structs.request, memory.ctypes.data, memory.size, structs.result, structs.error)
            if status == header.OK:
                # The system gives memory only for pages that were written to, so the unused part costs nothing. The array is shortened in
                # place.
                memory.resize(structs.result.count, refcheck=False)
                return memory
        else:
            status = function(structs.request, structs.address, structs.memory.size // size, structs.result, structs.error)
            if status == header.OK:
                return structs.memory[:structs.result.count * size].view(kind).copy()
        if status != header.TOO_SMALL:
            _check(status, structs.error)
        memory = numpy.empty(structs.error.needed, kind)
        self.call(function, memory.ctypes.data, memory.size, structs.result)
        return memory[:structs.result.count]


# The largest result for which memory is made before its size is known.
_MOST_AT_ONCE = 64 << 20


def _recipe(options: tuple[tuple[str, Any], ...]) -> tuple[Any, int]:
    """A pointer to the struct of a recipe, and the most pixels that the recipe allows; 0 if they depend on the source."""
    struct, model = recipe_struct(options)
    if model is not None:
        error = header.sized(header.Error)
        _check(header.library.gesso_model(model.encode(), ctypes.byref(struct), ctypes.byref(error)), error)
    pixels = struct.longest_side**2 or struct.box_width * struct.box_height or struct.max_pixels or struct.model_max_pixels
    return ctypes.pointer(struct), pixels


def _check(status: int, error: header.Error) -> None:
    if status == header.OK:
        return
    kind = Canceled if status == header.CANCELED else Error
    raise kind(*(text.decode() for text in (error.code, error.stage, error.message, error.remedy)))
