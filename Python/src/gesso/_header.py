"""The structs of gesso.h, and the loaded library. A test compares the structs with the header."""
from __future__ import annotations

import ctypes
from ctypes import Structure, c_char, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any, TypeVar

OK, FAILED, CANCELED, TOO_SMALL, MISUSE = range(5)
PATH, MEMORY, DESCRIPTOR = 1, 2, 3

_Fields = list[tuple[str, Any]]


def _ints(names: str) -> _Fields:
    return [(name, c_int32) for name in names.split()]


def _longs(names: str) -> _Fields:
    return [(name, c_int64) for name in names.split()]


def _texts(names: str) -> _Fields:
    return [(name, c_char_p) for name in names.split()]


def _doubles(names: str) -> _Fields:
    return [(name, c_double) for name in names.split()]


_SIZE: _Fields = [("struct_size", c_size_t)]


class Error(Structure):
    _fields_ = [
        *_SIZE, *_longs("needed"), ("code", c_char * 32), ("stage", c_char * 16), ("message", c_char * 512),
        ("remedy", c_char * 512),
    ]


class Source(Structure):
    _fields_ = [*_SIZE, *_ints("kind descriptor"), *_texts("path"), ("bytes", c_void_p), ("count", c_size_t)]


class Geometry(Structure):
    _fields_ = [
        *_ints("source_width source_height"), *_doubles("crop_x crop_y crop_width crop_height"),
        *_ints("content_x content_y content_width content_height canvas_width canvas_height orientation reserved"),
    ]


class Recipe(Structure):
    _fields_ = [
        *_SIZE, *_ints("original longest_side box_width box_height"), *_texts("box_fit"), *_ints("enlarge multiples_of"),
        *_texts("snap gravity"), *_doubles("focus_x focus_y"), *_longs("max_pixels"),
        *_ints("model_multiple_of model_min_side model_max_side trim"), *_longs("model_max_pixels"),
        ("matching", ctypes.POINTER(Geometry)), *_ints("data linear"), *_texts("profile resampling_filter effort background"),
        *_texts("format subsampling compression"), *_ints("quality bits"), *_longs("max_bytes"),
        *_ints("min_quality min_side"), *_texts("metadata fail_on"),
    ]


class TensorFormat(Structure):
    _fields_ = [
        *_SIZE, *_texts("layout"), *_doubles("range_low range_high"), *_ints("mean_count std_count"), ("mean", c_double * 3),
        ("std", c_double * 3),
    ]


class Limits(Structure):
    _fields_ = [
        *_SIZE, *_longs("max_pixels max_memory threads max_scans max_profile_bytes max_metadata_bytes max_chunk_bytes max_chunks"),
        *_texts("decode_helper"), *_longs("max_helper_seconds max_side max_source_bytes max_pixels_per_byte max_seconds"),
        *_texts("preset"),
    ]


class Request(Structure):
    _fields_ = [
        *_SIZE, ("source", ctypes.POINTER(Source)), ("recipe", ctypes.POINTER(Recipe)),
        ("tensor", ctypes.POINTER(TensorFormat)), ("limits", ctypes.POINTER(Limits)), ("cancel", c_void_p),
    ]


class Description(Structure):
    _fields_ = [
        *_SIZE, *_ints("width height stored_width stored_height orientation bits"),
        *_ints("has_alpha is_progressive is_animated has_exif has_gps has_place_name has_xmp has_text"),
        *_ints("restart_interval reserved"), *_longs("profile_bytes"), ("profile_name", c_char * 128), ("format", c_char * 8),
        ("color_model", c_char * 8), ("subsampling", c_char * 8), ("notes", c_char * 1024),
    ]


class PlanResult(Structure):
    _fields_ = [
        *_SIZE, *_ints("width height"), *_longs("file_bytes pixel_bytes tensor_values buffer_bytes"),
        *_ints("threads reserved"), *_doubles("decoder_scale"), ("geometry", Geometry), ("notes", c_char * 1024),
    ]


class Result(Structure):
    _fields_ = [
        *_SIZE, *_ints("width height channels bits"), *_longs("count"), ("format", c_char * 8), ("subsampling", c_char * 8),
        *_ints("quality reserved"), *_doubles("decode_ms resize_ms color_ms encode_ms total_ms"), ("geometry", Geometry),
        ("notes", c_char * 1024),
    ]


_Struct = TypeVar("_Struct", bound=Structure)


def sized(kind: type[_Struct], /, **fields: Any) -> _Struct:
    """A struct that contains its own size, which every call needs."""
    return kind(struct_size=ctypes.sizeof(kind), **fields)


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(__file__).with_name("libgesso.so.0")))
    pointer = ctypes.POINTER
    last = [pointer(Result), pointer(Error)]
    for name, arguments in {
        "model": [c_char_p, pointer(Recipe), pointer(Error)],
        "inspect": [pointer(Request), pointer(Description), pointer(Error)],
        "plan": [pointer(Request), pointer(PlanResult), pointer(Error)],
        "prepare": [pointer(Request), c_void_p, c_size_t, c_void_p, c_size_t, *last],
        "pixels": [pointer(Request), c_void_p, c_size_t, *last],
        "tensor": [pointer(Request), c_void_p, c_size_t, *last],
        "restore": [pointer(Request), pointer(Geometry), c_int32, c_void_p, c_size_t, *last],
    }.items():
        function = getattr(library, f"gesso_{name}")
        function.argtypes, function.restype = arguments, c_int32
    library.gesso_version.restype = c_char_p
    library.gesso_cancel_create.restype = c_void_p
    library.gesso_cancel_raise.argtypes = library.gesso_cancel_destroy.argtypes = [c_void_p]
    library.gesso_cancel_raise.restype = library.gesso_cancel_destroy.restype = None
    return library


library = _load()
