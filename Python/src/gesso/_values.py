"""The Python values of the structs of gesso.h."""
from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from . import _header as header

Layout = Literal["nchw", "nhwc"]
ResamplingFilter = Literal["nearest", "box", "triangle", "catmull-rom", "mitchell", "lanczos2", "lanczos3"]
ProfileHandling = Literal["convert", "keep", "ignore"]


class Recipe(TypedDict, total=False):
    """The options of a preparation, as in gesso.h. An option that is left out has its default."""

    original: bool
    longest_side: int
    box: tuple[int, int]
    box_fit: Literal["contain", "cover", "pad", "stretch"]
    enlarge: bool
    gravity: Literal[
        "center", "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest", "attention"]
    focus: tuple[float, float]
    max_pixels: int
    multiples_of: int
    snap: Literal["crop", "pad", "stretch"]
    model: str
    model_sizes: tuple[int, int, int, int]
    trim: bool
    matching: "Geometry"
    data: bool
    profile: ProfileHandling
    linear: bool
    resampling_filter: ResamplingFilter
    effort: Literal["fast", "balanced", "best"]
    background: str
    format: Literal["auto", "jpeg", "png", "webp"]
    quality: int
    subsampling: Literal["420", "444"]
    compression: Literal["fast", "balanced", "small"]
    bits: Literal[8, 16]
    max_bytes: int
    min_quality: int
    min_side: int
    metadata: Literal["none", "keep", "no-gps"]
    fail_on: Literal["none", "truncated", "error", "warning"]


@dataclass(frozen=True)
class Limits:
    """The limits of one call. 0 and None stand for the defaults of gesso.h."""

    max_pixels: int = 0
    max_memory: int = 0
    threads: int = 0
    max_scans: int = 0
    max_profile_bytes: int = 0
    max_metadata_bytes: int = 0
    max_chunk_bytes: int = 0
    max_chunks: int = 0
    decode_helper: str | None = None
    max_helper_seconds: int = 0
    max_side: int = 0
    max_source_bytes: int = 0
    max_pixels_per_byte: int = 0
    max_seconds: int = 0
    preset: Literal["artist", "service"] | None = None


@dataclass(frozen=True)
class Geometry:
    """The place of a prepared image on its source: the crop, in upright source pixels, was scaled to the content, a part of the canvas."""

    source_width: int
    source_height: int
    crop_x: float
    crop_y: float
    crop_width: float
    crop_height: float
    content_x: int
    content_y: int
    content_width: int
    content_height: int
    canvas_width: int
    canvas_height: int
    orientation: int


@dataclass(frozen=True)
class Description:
    """The content of a file's headers."""

    format: str
    width: int
    height: int
    stored_width: int
    stored_height: int
    orientation: int
    bits: int
    color_model: str
    subsampling: str
    has_alpha: bool
    is_progressive: bool
    is_animated: bool
    has_exif: bool
    has_gps: bool
    has_place_name: bool
    has_xmp: bool
    has_text: bool
    restart_interval: int
    profile_bytes: int
    profile_name: str
    notes: list[str]


@dataclass(frozen=True)
class Plan:
    """The decisions about a preparation, before a pixel is decoded."""

    width: int
    height: int
    file_bytes: int
    pixel_bytes: int
    tensor_values: int
    buffer_bytes: int
    threads: int
    decoder_scale: float
    geometry: Geometry
    notes: list[str]


@dataclass(frozen=True)
class Prepared:
    """A prepared file. `milliseconds` has the wall-clock time of each stage."""

    bytes: bytes
    format: str
    width: int
    height: int
    bits: int
    quality: int | None
    subsampling: str | None
    geometry: Geometry
    milliseconds: dict[str, float]
    notes: list[str]
    tensor: Any = None


def value(kind: Any, struct: ctypes.Structure, /, **fields: Any) -> Any:
    """Makes a dataclass from the fields of a struct that have the same names."""
    for name, conversion in _conversions(kind):
        if name not in fields:
            field = getattr(struct, name)
            fields[name] = field if conversion is None else conversion(field)
    return kind(**fields)


@functools.cache
def _conversions(kind: Any) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """The fields of a dataclass, each with the function that converts the value of a struct's field; None if the value is not converted."""
    conversions: dict[str, Callable[[Any], Any]] = {
        "list[str]": lambda text: text.decode().splitlines(), "str": bytes.decode, "bool": bool,
        "Geometry": lambda struct: value(Geometry, struct)}
    return tuple((name, conversions.get(annotation)) for name, annotation in kind.__annotations__.items())


def cached(make: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function. It is kept for later calls with the same arguments, if these can be hashed (lists cannot)."""
    try:
        return _made(make, arguments)
    except TypeError:
        # Either an argument cannot be hashed, or the function refuses an argument. In the second case this call raises the error again.
        return make(*arguments)


@functools.lru_cache(256, typed=True)
def _made(make: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return make(*arguments)


def recipe_struct(options: tuple[tuple[str, Any], ...]) -> tuple[header.Recipe, str | None]:
    """The struct of a recipe, and the name of its model, whose sizes the library knows."""
    recipe = dict(options)
    fields: dict[str, Any] = {}
    model: str | None = None
    for name, option in recipe.items():
        if option is None:
            continue
        if name not in Recipe.__annotations__:
            raise TypeError(f"{name} is not an option; there are: {', '.join(Recipe.__annotations__)}")
        if name == "box":
            fields["box_width"], fields["box_height"] = option
        elif name == "focus":
            if "gravity" in recipe:
                raise TypeError("focus is a gravity: give one of them")
            fields["gravity"] = b"focus"
            fields["focus_x"], fields["focus_y"] = option
        elif name == "model":
            model = option
        elif name == "model_sizes":
            names = "model_multiple_of", "model_min_side", "model_max_side", "model_max_pixels"
            fields |= dict(zip(names, option, strict=True))
        elif name == "matching":
            fields[name] = ctypes.pointer(geometry_struct(option))
        else:
            fields[name] = option.encode() if isinstance(option, str) else option
    return header.sized(header.Recipe, **fields), model


def geometry_struct(geometry: Geometry) -> header.Geometry:
    """The struct of a geometry."""
    return header.Geometry(**vars(geometry))


def tensor_struct(
    layout: Layout, range: tuple[float, float], mean: float | Sequence[float], std: float | Sequence[float]
) -> header.TensorFormat:
    """The struct of a tensor's format."""

    def three(values: float | Sequence[float]) -> tuple[float, ...]:
        values = (values,) if isinstance(values, (int, float)) else tuple(values)
        if len(values) not in (1, 3):
            raise ValueError(f"give one value for all channels, or three, not {len(values)}")
        return values

    means, deviations = three(mean), three(std)
    return header.sized(
        header.TensorFormat, layout=layout.encode(), range_low=range[0], range_high=range[1], mean_count=len(means),
        std_count=len(deviations), mean=(ctypes.c_double * 3)(*means), std=(ctypes.c_double * 3)(*deviations))


def limits_struct(limits: Limits) -> header.Limits:
    """The struct of limits."""
    fields = {name: v.encode() if isinstance(v, str) else v for name, v in vars(limits).items() if v}
    return header.sized(header.Limits, **fields)
