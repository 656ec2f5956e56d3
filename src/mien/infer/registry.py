"""The model files that the project knows by name: those inside the package, and those that can be fetched.

Only facts; `mien.infer.store` finds, fetches and verifies the files. A detector's file stands in the table of the
detectors, `mien.infer.detectors.table`.
"""

from __future__ import annotations

from typing import Literal

from mien.infer.detectors.table import DETECTORS
from mien.infer.entries import Entry

__all__ = ["DEFAULT_MODEL", "ENTRIES", "PAGE_MODEL", "Entry", "entries"]

DEFAULT_MODEL = "wild-int8"
"""The expression model that is used when none is named."""

PAGE_MODEL = "wild-small"
"""The one of the page and its service, where browsers compute, too: so that the server and a visitor's device agree."""

_EXPW = "MIT; learnt from ExpW, so for research that is not commercial"


def _packaged(name: str, summary: str, rights: str = "MIT") -> Entry:
    """An expression model inside the package."""
    return Entry(
        name=name, kind="expression", filename=f"{name}.onnx", summary=summary, license=rights, source="MODEL_CARD.md"
    )


_IN_8_BIT = "with 8-bit arithmetic: less than a third of the size, more than twice as fast"
_EXPRESSIONS = (
    _packaged(
        "wild-int8",
        "7 expressions of people's own photographs, learnt from FER-2013, FER+ and ExpW "
        "(ExpW: research that is not commercial), 8-bit arithmetic",
        _EXPW,
    ),
    _packaged("wild", "wild-int8 with float32 arithmetic: four times as slow", _EXPW),
    _packaged("wild-small", "7 expressions as wild, a fifth of its arithmetic: for the page and small machines", _EXPW),
    _packaged("fer2013", "7 expressions, trained on FER-2013 by this project"),
    _packaged("ferplus", "8 expressions (with contempt), trained on the votes of FER+ by this project"),
    _packaged("fer2013-int8", f"fer2013 {_IN_8_BIT}"),
    _packaged("ferplus-int8", f"ferplus {_IN_8_BIT}"),
)

_ALL = (*_EXPRESSIONS, *(row.file for row in DETECTORS.values() if row.file is not None))

ENTRIES: dict[str, Entry] = {entry.name: entry for entry in _ALL}


def entries(kind: Literal["expression", "detector"] | None = None) -> list[Entry]:
    """Known model files, of one kind or of all."""
    return [entry for entry in _ALL if kind is None or entry.kind == kind]
