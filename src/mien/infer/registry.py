"""The model files that the project knows by name: those inside the package, and those that can be fetched.

Only facts; `mien.infer.store` finds, fetches and verifies the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["DEFAULT_DETECTOR", "DEFAULT_MODEL", "ENTRIES", "Entry", "entries"]

DEFAULT_MODEL = "fer2013"
"""The expression model that is used when none is named."""

DEFAULT_DETECTOR = "mien"
"""The detector that "auto" takes. Its 8-bit copy is quicker, but its boxes move by up to 2 px between machines."""


@dataclass(frozen=True)
class Entry:
    """One known model file.

    `url` is None for a file inside the package; then `sha256` and `bytes` are None too, since the file
    travels with the code and is not fetched.
    """

    name: str
    kind: Literal["expression", "detector"]
    filename: str
    summary: str
    license: str
    source: str
    url: str | None = None
    sha256: str | None = None
    bytes: int | None = None


_ALL = (
    Entry(
        name="fer2013",
        kind="expression",
        filename="fer2013.onnx",
        summary="7 expressions, trained on FER-2013 by this project",
        license="MIT",
        source="MODEL_CARD.md",
    ),
    Entry(
        name="ferplus",
        kind="expression",
        filename="ferplus.onnx",
        summary="8 expressions (with contempt), trained on the votes of FER+ by this project",
        license="MIT",
        source="MODEL_CARD.md",
    ),
    Entry(
        name="fer2013-int8",
        kind="expression",
        filename="fer2013-int8.onnx",
        summary="fer2013 with 8-bit arithmetic: less than a third of the size, more than twice as fast",
        license="MIT",
        source="MODEL_CARD.md",
    ),
    Entry(
        name="ferplus-int8",
        kind="expression",
        filename="ferplus-int8.onnx",
        summary="ferplus with 8-bit arithmetic: less than a third of the size, more than twice as fast",
        license="MIT",
        source="MODEL_CARD.md",
    ),
    Entry(
        name="mien",
        kind="detector",
        filename="face.onnx",
        summary="face detector trained by this project, faces from about 10 px, with landmarks",
        license="MIT",
        source="docs/detector.md",
    ),
    Entry(
        name="mien-int8",
        kind="detector",
        filename="face-int8.onnx",
        summary="the same detector with 8-bit arithmetic: a third of the size, about twice as fast",
        license="MIT",
        source="docs/detector.md",
    ),
    Entry(
        name="yunet",
        kind="detector",
        filename="face_detection_yunet_2023mar.onnx",
        summary="YuNet face detector (Wu et al. 2023), faces from about 10 px, with landmarks",
        license="MIT",
        source="opencv/opencv_zoo, models/face_detection_yunet",
        url=(
            "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
            "face_detection_yunet_2023mar.onnx"
        ),
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        bytes=232_589,
    ),
)

ENTRIES: dict[str, Entry] = {entry.name: entry for entry in _ALL}


def entries(kind: Literal["expression", "detector"] | None = None) -> list[Entry]:
    """Known model files, of one kind or of all."""
    return [entry for entry in _ALL if kind is None or entry.kind == kind]
