"""The contract between a model file and everything that uses it: the metadata inside the file.

`docs/model-format.md` specifies it. The training side writes it, the reading side parses it; both use this
module, so they cannot disagree. Text only: nothing here opens an ONNX file.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal, cast

from mien.core.errors import DataError, ModelError
from mien.core.labels import LabelSet
from mien.core.text import parse_json

__all__ = [
    "DETECTOR_INPUT_NAME",
    "FORMAT_VERSION",
    "INPUT_NAME",
    "METADATA_KEY",
    "NOT_STATED",
    "OUTPUT_NAME",
    "UNCERTAIN_BELOW",
    "CropSpec",
    "DetectorInfo",
    "ModelInfo",
]

FORMAT_VERSION = 1
"""Version of the model file's format that this version writes, and the newest that it reads."""
METADATA_KEY = "mien"
"""The one key of the ONNX metadata; its value is a JSON object."""
INPUT_NAME = "crops"
OUTPUT_NAME = "probabilities"

UNCERTAIN_BELOW = 0.5
"""A reading with less confidence is uncertain, unless the model file names another threshold."""

NOT_STATED = "not stated"
"""What a model file says of its licence where nobody has stated one."""

DETECTOR_INPUT_NAME = "image"
"""Input of a detector: (1, H, W, 3) uint8 BGR, H and W multiples of the largest stride."""

Color = Literal["gray", "rgb"]
Align = Literal["none", "eyes"]


@dataclass(frozen=True)
class CropSpec:
    """What a crop must look like for a model.

    Args:
        size: side S in pixels.
        margin: side of the crop as a multiple of the side of the square that has the area of the face's box. The
            default is what training writes into a model file; `docs/model-format.md` tells how to change it for one.
        color: "gray" gives (S, S), "rgb" gives (S, S, 3).
        align: "eyes" turns the crop upright by the landmarks of eyes and mouth, where the detector gives them.
        shift_y: how far the crop's centre lies below the box's centre, as a fraction of that square's side.
        least_tilt: with "eyes", faces that are tilted by no more than this stay as they are, in degrees.

    """

    size: int
    margin: float = 1.13
    color: Color = "gray"
    align: Align = "none"
    shift_y: float = 0.02
    least_tilt: float = 0.0

    @classmethod
    def from_body(cls, body: object, where: str) -> CropSpec:
        """Crop of a parsed JSON text; `where` names its file in errors.

        Raises:
            ModelError: no object, or a field that is missing or impossible.

        """
        try:
            return _crop(body)
        except _FieldError as error:
            raise ModelError(f"{where}: {error}") from error


@dataclass(frozen=True)
class ModelInfo:
    """Metadata of an expression model.

    Args:
        name: short name, such as "fer2013".
        labels: names of the outputs, in order.
        crop: what the crops must look like.
        temperature: the temperature inside the graph, for the record.
        training: where the model comes from: at least "data" and "data_sha256".
        metrics: measured figures, each with its protocol.
        license: SPDX name of the weights' licence, or what the file says of rights in words.
        created: ISO date.
        precision: "fp32" or "int8".
        uncertain_below: readings with a smaller confidence are marked as uncertain, in 0..1 (`docs/judging.md`).

    """

    name: str
    labels: tuple[str, ...]
    crop: CropSpec
    temperature: float = 1.0
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    license: str = NOT_STATED
    created: str = ""
    precision: str = "fp32"
    uncertain_below: float = UNCERTAIN_BELOW

    def to_json(self) -> str:
        """Text for the metadata of a model file."""
        return _metadata("expression", asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str) -> ModelInfo:
        """Parse the metadata of a model file; `where` names the file in errors.

        Raises:
            ModelError: not JSON, another kind, an unknown format version, or a field that is missing or impossible.

        """
        body = _body(text, "expression", where)
        try:
            return cls(
                name=_text(body, "name"),
                labels=LabelSet(_text_list(body, "labels")).names,
                crop=_crop(body.get("crop")),
                temperature=_positive(body.get("temperature", 1.0), "temperature"),
                uncertain_below=_fraction(body.get("uncertain_below", UNCERTAIN_BELOW), "uncertain_below"),
                **_origin(body),
            )
        except (_FieldError, DataError) as error:
            raise ModelError(f"{where}: the model's metadata is not usable: {error}") from error


@dataclass(frozen=True)
class DetectorInfo:
    """Metadata of a face detector (`docs/detector.md` describes its inputs and outputs).

    Args:
        name: short name, such as "mien".
        strides: pixels between the cells of each output map, ascending.
        score: faces with a smaller score are left out, in 0..1.
        overlap: IoU above which the less sure of two faces is left out, in 0..1.
        training: where the model comes from: at least "data" and "data_sha256".
        metrics: measured figures, each with its protocol.
        license: SPDX name of the weights' licence, or what the file says of rights in words.
        created: ISO date.
        precision: "fp32" or "int8".

    """

    name: str
    strides: tuple[int, ...]
    score: float
    overlap: float
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    license: str = NOT_STATED
    created: str = ""
    precision: str = "fp32"

    def to_json(self) -> str:
        """Text for the metadata of a model file."""
        return _metadata("detector", asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str) -> DetectorInfo:
        """Parse the metadata of a model file; `where` names the file in errors.

        Raises:
            ModelError: not JSON, another kind, an unknown format version, or a field that is missing or impossible.

        """
        body = _body(text, "detector", where)
        try:
            return cls(
                name=_text(body, "name"),
                strides=_strides(body.get("strides")),
                score=_fraction(body.get("score"), "score"),
                overlap=_fraction(body.get("overlap"), "overlap"),
                **_origin(body),
            )
        except _FieldError as error:
            raise ModelError(f"{where}: the model's metadata is not usable: {error}") from error


class _FieldError(ValueError):
    pass


def _metadata(kind: str, fields: Mapping[str, Any]) -> str:
    body = {"format_version": FORMAT_VERSION, "kind": kind, **fields}
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def _origin(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that every kind of model has: where it comes from and how good it is."""
    return {
        "training": _object(body, "training"),
        "metrics": _object(body, "metrics"),
        "license": str(body.get("license") or NOT_STATED),
        "created": str(body.get("created", "")),
        "precision": str(body.get("precision", "fp32")),
    }


def _body(text: str, kind: str, where: str) -> dict[str, Any]:
    """The metadata as an object of a known version and the expected kind."""
    try:
        body = parse_json(text)
    except ValueError as error:
        raise ModelError(f"{where}: the metadata is not JSON ({error}); the file is damaged.") from error
    if not isinstance(body, dict):
        raise ModelError(f"{where}: the metadata must be a JSON object, got {type(body).__name__}.")
    _check_head(body, kind, where)
    return body


def _check_head(body: Mapping[str, Any], kind: str, where: str) -> None:
    version = body.get("format_version")
    if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
        raise ModelError(
            f"{where}: model format version {version!r} is not known to this version of mien, "
            f"which reads up to {FORMAT_VERSION}; upgrade mien or export the model again."
        )
    if body.get("kind") != kind:
        raise ModelError(f"{where}: expected a model of kind {kind!r}, got {body.get('kind')!r}.")


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _FieldError(f"{key!r} must be a text that can be shown, got {value!r}.")
    return value


def _text_list(body: Mapping[str, Any], key: str) -> list[str]:
    value = body.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise _FieldError(f"{key!r} must be a list of names, got {value!r}.")
    return value


def _object(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise _FieldError(f"{key!r} must be an object, got {value!r}.")
    return value


def _number(value: object, key: str) -> float:
    if not isinstance(value, bool) and isinstance(value, int | float):
        with contextlib.suppress(OverflowError):
            number = float(value)
            if math.isfinite(number):
                return number
    raise _FieldError(f"{key!r} must be a finite number, got {value!r}.")


def _positive(value: object, key: str) -> float:
    number = _number(value, key)
    if number <= 0:
        raise _FieldError(f"{key!r} must be greater than 0, got {number}.")
    return number


def _fraction(value: object, key: str) -> float:
    number = _number(value, key)
    if not 0 <= number <= 1:
        raise _FieldError(f"{key!r} must be in 0..1, got {number}.")
    return number


def _degrees(value: object, key: str) -> float:
    number = _number(value, key)
    if not 0 <= number <= 180:
        raise _FieldError(f"{key!r} must be in 0..180 degrees, got {number}.")
    return number


def _strides(value: object) -> tuple[int, ...]:
    known = isinstance(value, list) and value and all(isinstance(v, int) and 1 <= v <= 256 for v in value)
    if not isinstance(value, list) or not known or any(b % a or b <= a for a, b in pairwise(value)):
        raise _FieldError(
            f"'strides' must be rising whole numbers of pixels, each a multiple of the last, got {value!r}."
        )
    return tuple(value)


def _choice(value: object, key: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise _FieldError(f"{key!r} must be one of {', '.join(known)}, got {value!r}.")
    return str(value)


def _crop(value: object) -> CropSpec:
    if not isinstance(value, dict):
        raise _FieldError(f"'crop' must be an object, got {value!r}.")
    size = value.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not 8 <= size <= 1024:
        raise _FieldError(f"'crop.size' must be a whole number of pixels in 8..1024, got {size!r}.")
    return CropSpec(
        size=size,
        margin=_positive(value.get("margin"), "crop.margin"),
        color=cast(Color, _choice(value.get("color", "gray"), "crop.color", ("gray", "rgb"))),
        align=cast(Align, _choice(value.get("align", "none"), "crop.align", ("none", "eyes"))),
        shift_y=_number(value.get("shift_y"), "crop.shift_y"),
        least_tilt=_degrees(value.get("least_tilt", 0.0), "crop.least_tilt"),
    )
