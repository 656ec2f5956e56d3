"""The model files that the project knows by name: those inside the package, and those that can be fetched.

Only facts; `mien.infer.store` finds, fetches and verifies the files. A detector's file stands in the table of the
detectors, `mien.infer.detectors.table`.
"""

from __future__ import annotations

from typing import Literal

from mien.infer.detectors.table import DETECTORS
from mien.infer.entries import Entry

__all__ = ["DEFAULT_MODEL", "ENTRIES", "Entry", "entries"]

DEFAULT_MODEL = "wild"
"""The expression model that is used when none is named."""

_EXPW = "MIT; learnt from ExpW, so for research that is not commercial"

_EXPRESSIONS = (
    Entry(
        name="wild",
        kind="expression",
        filename="wild.onnx",
        summary="7 expressions of people's own photographs, learnt from FER-2013, FER+ and ExpW "
        "(ExpW: research that is not commercial)",
        license=_EXPW,
        source="MODEL_CARD.md",
    ),
    Entry(
        name="wild-int8",
        kind="expression",
        filename="wild-int8.onnx",
        summary="wild with 8-bit arithmetic: less than a third of the size, more than twice as fast",
        license=_EXPW,
        source="MODEL_CARD.md",
    ),
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
)

_ALL = (*_EXPRESSIONS, *(row.file for row in DETECTORS.values() if row.file is not None))

ENTRIES: dict[str, Entry] = {entry.name: entry for entry in _ALL}


def entries(kind: Literal["expression", "detector"] | None = None) -> list[Entry]:
    """Known model files, of one kind or of all."""
    return [entry for entry in _ALL if kind is None or entry.kind == kind]
