"""The contract between a model file and everything that uses it: the metadata inside the file.

`docs/model-format.md` specifies it. The training side writes it, the reading side parses it; both use this
module, so they cannot disagree. Text only: nothing here opens an ONNX file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Literal, cast

from mien.core.errors import DataError, ModelError
from mien.core.fields import (
    FieldError,
    choice,
    degrees,
    fraction,
    number,
    object_field,
    positive,
    text_field,
    text_list,
    whole,
)
from mien.core.labels import LabelSet
from mien.core.text import parse_json

__all__ = [
    "DETECTOR_INPUT_NAME",
    "FORMAT_VERSION",
    "INPUT_NAME",
    "METADATA_KEY",
    "NOT_STATED",
    "OUTPUT_NAME",
    "SECOND_INPUT_NAME",
    "SECOND_LOOK_KEY",
    "SECOND_OUTPUT_NAME",
    "SECOND_POINTS_NAME",
    "UNCERTAIN_BELOW",
    "CropSpec",
    "DetectorInfo",
    "ModelInfo",
    "SecondLook",
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

SECOND_LOOK_KEY = "mien.second_look"
"""Key of a detector's ONNX metadata: the network that looks again at faces, an ONNX file in base64."""
SECOND_INPUT_NAME = "squares"
"""Its input: (N, S, S, 3) uint8 BGR, a face in the middle of each."""
SECOND_OUTPUT_NAME = "faces"
"""Its output: (N,) float32, the chance in 0..1 that there is one."""
SECOND_POINTS_NAME = "points"
"""Its other output, where it has one: (N, 5, 2) float32, landmarks from the centre in halves of the square's side."""

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
        except FieldError as error:
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
                name=text_field(body, "name"),
                labels=LabelSet(text_list(body, "labels")).names,
                crop=_crop(body.get("crop")),
                temperature=positive(body.get("temperature", 1.0), "temperature"),
                uncertain_below=fraction(body.get("uncertain_below", UNCERTAIN_BELOW), "uncertain_below"),
                **_origin(body),
            )
        except (FieldError, DataError) as error:
            raise ModelError(f"{where}: the model's metadata is not usable: {error}") from error


@dataclass(frozen=True)
class SecondLook:
    """How a face that a detector is unsure of is looked at again: cut out by itself, by a network of its own.

    That network lies in the same file, as metadata of the key `SECOND_LOOK_KEY`. The chance that the box is a face is
    then sigmoid(first logit(p) + second logit(q) + shift), with p the score in the picture and q what the network says
    of the square, both kept between 0.001 and 0.999.

    Args:
        side: of the square as the network sees it, px.
        margin: side of the square as a multiple of the square root of the area of the face's box.
        below: faces with a smaller score are looked at again, in 0..1.
        first, second, shift: above; `first` and `second` greater than 0.
        points: faces whose box has at least this size (root of its area) in px of the picture are all looked at again,
            and have their landmarks from it; None for a network that gives none.

    """

    side: int
    margin: float
    below: float
    first: float
    second: float
    shift: float
    points: float | None = None


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
        second_look: how faces are looked at again that are not sure; None for not at all.

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
    second_look: SecondLook | None = None

    def to_json(self) -> str:
        """Text for the metadata of a model file."""
        fields = asdict(self)
        if self.second_look is None:
            del fields["second_look"]
        elif self.second_look.points is None:
            del fields["second_look"]["points"]
        return _metadata("detector", fields)

    @classmethod
    def from_json(cls, text: str, where: str) -> DetectorInfo:
        """Parse the metadata of a model file; `where` names the file in errors.

        Raises:
            ModelError: not JSON, another kind, an unknown format version, or a field that is missing or impossible.

        """
        body = _body(text, "detector", where)
        try:
            return cls(
                name=text_field(body, "name"),
                strides=_strides(body.get("strides")),
                score=fraction(body.get("score"), "score"),
                overlap=fraction(body.get("overlap"), "overlap"),
                second_look=_second_look(body.get("second_look")),
                **_origin(body),
            )
        except FieldError as error:
            raise ModelError(f"{where}: the model's metadata is not usable: {error}") from error


def _metadata(kind: str, fields: Mapping[str, Any]) -> str:
    body = {"format_version": FORMAT_VERSION, "kind": kind, **fields}
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def _origin(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that every kind of model has: where it comes from and how good it is."""
    return {
        "training": object_field(body, "training"),
        "metrics": object_field(body, "metrics"),
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


def _strides(value: object) -> tuple[int, ...]:
    known = isinstance(value, list) and value and all(isinstance(v, int) and 1 <= v <= 256 for v in value)
    if not isinstance(value, list) or not known or any(b % a or b <= a for a, b in pairwise(value)):
        raise FieldError(
            f"'strides' must be rising whole numbers of pixels, each a multiple of the last, got {value!r}."
        )
    return tuple(value)


def _crop(value: object) -> CropSpec:
    if not isinstance(value, dict):
        raise FieldError(f"'crop' must be an object, got {value!r}.")
    return CropSpec(
        size=whole(value.get("size"), "crop.size", 8, 1024),
        margin=positive(value.get("margin"), "crop.margin"),
        color=cast(Color, choice(value.get("color", "gray"), "crop.color", ("gray", "rgb"))),
        align=cast(Align, choice(value.get("align", "none"), "crop.align", ("none", "eyes"))),
        shift_y=number(value.get("shift_y"), "crop.shift_y"),
        least_tilt=degrees(value.get("least_tilt", 0.0), "crop.least_tilt"),
    )


def _second_look(value: object) -> SecondLook | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise FieldError(f"'second_look' must be an object, got {value!r}.")
    return SecondLook(
        side=whole(value.get("side"), "second_look.side", 32, 1024),
        margin=positive(value.get("margin"), "second_look.margin"),
        below=fraction(value.get("below"), "second_look.below"),
        first=positive(value.get("first"), "second_look.first"),
        second=positive(value.get("second"), "second_look.second"),
        shift=number(value.get("shift"), "second_look.shift"),
        points=None if value.get("points") is None else positive(value["points"], "second_look.points"),
    )
