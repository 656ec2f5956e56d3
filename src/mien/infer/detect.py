"""Face detectors by name, from the table in `mien.infer.detectors.table`, or by file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mien.core.errors import ModelError, OptionError, unknown_name
from mien.core.types import Detector
from mien.infer.detectors.table import AUTO, DETECTORS, LOWEST_SCORE, DetectorRow, detector_row
from mien.infer.options import DetectOptions
from mien.infer.store import find

__all__ = ["DetectOptions", "detector_file", "detector_sha256", "lowest_score", "open_detector"]

_SUFFIX = ".onnx"
_WITH_METADATA = "mien"  # opens every file that carries metadata of its own


def open_detector(name: str | Path = AUTO, options: DetectOptions | None = None) -> Detector:
    """Open a face detector.

    Args:
        name: a name of `mien.infer.detectors.table.DETECTORS`, "auto" (the default one), or the path of a detector's
            file (one of the project's own, or one that the table knows).
        options: size at which to look, smallest face, number of faces.

    Raises:
        OptionError: unknown name.
        StoreError: the detector's file is fetched on request and is not in the store.
        ModelError: the file is missing, or is no detector that this version knows.

    """
    options = options or DetectOptions()
    row, path = _resolved(name)
    return row.opens(path, options)


def detector_file(name: str | Path) -> Path | None:
    """The verified file behind a name or path, None for a detector that has none.

    Raises:
        OptionError, StoreError, ModelError: as `open_detector`.

    """
    return _resolved(name)[1]


def detector_sha256(name: str | Path) -> str | None:
    """SHA-256 of the file behind a name or path, in hex; None for a detector that has none.

    Raises:
        OptionError, StoreError, ModelError: as `open_detector`.

    """
    path = detector_file(name)
    return None if path is None else _digest(path)


def lowest_score(name: str | Path) -> float:
    """Score down to which a detector is judged."""
    row = detector_row(str(name))
    return LOWEST_SCORE if row is None else row.lowest_score


def _resolved(name: str | Path) -> tuple[DetectorRow, Path | None]:
    """The row that opens a detector, and the file that it is opened from."""
    row = detector_row(str(name))
    if row is not None:
        return row, None if row.file is None else find(row.file.name)
    if not str(name).endswith(_SUFFIX):
        known = (AUTO, *DETECTORS)
        raise OptionError(
            unknown_name("detector", str(name), known) + " The path of a detector's file will do as well."
        )
    path, digest = Path(name), _digest(Path(name))
    same = (row for row in DETECTORS.values() if row.file is not None and row.file.sha256 == digest)
    return next(same, DETECTORS[_WITH_METADATA]), path


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"Cannot read the detector file {path}: {error.strerror or error}.") from error
