"""How pictures are read: the one value that serves Python, the command line, batches, the service and detectors.

Every default stands here (or is a constant that is named here) and nowhere else. Loads no model and no library, so
that help texts can show the defaults.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mien.core.errors import OptionError
from mien.core.text import is_number, is_whole
from mien.infer.devices import CPU, check_name
from mien.infer.registry import DEFAULT_MODEL
from mien.pictures.limits import MAX_PIXELS

if TYPE_CHECKING:
    from mien.core.types import Classifier, Detector, Face

__all__ = ["DETECT_SIDE", "ROTATIONS", "AnalyzerOptions", "DetectOptions", "Rotate"]

DETECT_SIDE = 640
"""Longest side, in pixels, at which faces are looked for unless the caller says otherwise."""


Rotate = Literal[0, 90, 180, 270, "auto"]

ROTATIONS: tuple[Rotate, ...] = (0, 90, 180, 270, "auto")
"""Degrees clockwise by which a picture is turned before faces are looked for; "auto" looks in all four directions."""


@dataclass(frozen=True)
class DetectOptions:
    """How to look for faces.

    Args:
        side: longest side in pixels at which the detector looks; larger pictures are shrunk for it.
            None looks at full size, which finds the tiny faces of a large photograph and takes longer.
        min_face: faces whose shorter side is smaller, in pixels of the picture, are left out.
        max_faces: at most this many, the largest ones; None for all.
        min_score: faces with a smaller score are left out, in 0..1 (the project's detectors give the chance that a box
            is a face); None takes the detector's own threshold.
        device: what computes: a name of `mien.infer.devices`, or "auto".

    Raises:
        OptionError: a value is impossible.

    """

    side: int | None = DETECT_SIDE
    min_face: float = 0.0
    max_faces: int | None = None
    min_score: float | None = None
    device: str = CPU

    def __post_init__(self) -> None:
        if self.side is not None and not is_whole(self.side, 64):
            raise OptionError(f"The detection side must be at least 64 px (or None for full size), got {self.side!r}.")
        if not is_number(self.min_face, 0):
            raise OptionError(f"The smallest face must be 0 px or more, got {self.min_face!r}.")
        if self.max_faces is not None and not is_whole(self.max_faces, 1):
            raise OptionError(f"The largest number of faces must be a whole number from 1, got {self.max_faces!r}.")
        if self.min_score is not None and not is_number(self.min_score, 0, 1):
            raise OptionError(f"The smallest score must lie in 0..1, got {self.min_score!r}.")
        check_name(self.device)

    def select(self, faces: Iterable[Face]) -> list[Face]:
        """Faces that the options ask for, best score first."""
        kept = [f for f in faces if min(f.box[2] - f.box[0], f.box[3] - f.box[1]) >= self.min_face]
        if self.max_faces is not None and len(kept) > self.max_faces:
            kept = sorted(kept, key=_area, reverse=True)[: self.max_faces]
        return sorted(kept, key=lambda face: -face.score)


def _area(face: Face) -> float:
    x1, y1, x2, y2 = face.box
    return (x2 - x1) * (y2 - y1)


@dataclass(frozen=True)
class AnalyzerOptions:
    """How pictures are read; `Analyzer` takes the fields as arguments of the same names.

    Args:
        model: shipped name, `.onnx` file, folder of a training run, or an object that is a
            `mien.core.types.Classifier`.
        detector: name or file, as `mien.infer.detect.open_detector` takes it, or an object that is a
            `mien.core.types.Detector`; "auto" takes the default one.
        detect_side: longest side at which faces are looked for; None for full size (finds tiny faces, slower).
        min_face: leave out faces smaller than this, in pixels of the picture.
        max_faces: read at most this many faces of a picture, the largest ones; None for all.
        min_confidence: readings with a smaller confidence are marked as uncertain, in 0..1; None takes the model's own
            threshold (`docs/judging.md`).
        threads: threads of the classifier's runtime, 1 to 256; one is fastest for single faces.
        max_pixels: largest picture to decode.
        device: what computes: "cpu", "cuda", "rocm", "coreml", "directml", "openvino", or "auto" for the first of
            them that is there (`docs/devices.md`).
        rotate: degrees clockwise by which pictures (not videos) are turned before faces are looked for, 0, 90, 180 or
            270, or "auto" for the direction whose faces are surest.

    Raises:
        OptionError: an impossible value.

    """

    model: str | Path | Classifier = DEFAULT_MODEL
    detector: str | Path | Detector = "auto"
    detect_side: int | None = DETECT_SIDE
    min_face: float = 0.0
    max_faces: int | None = None
    min_confidence: float | None = None
    threads: int = 1
    max_pixels: int = MAX_PIXELS
    device: str = CPU
    rotate: Rotate = 0

    def __post_init__(self) -> None:
        if self.rotate not in ROTATIONS or isinstance(self.rotate, bool):
            known = ", ".join(map(str, ROTATIONS[:-1]))
            raise OptionError(f"A picture is turned by {known} degrees or 'auto', got {self.rotate!r}.")
        if self.min_confidence is not None and not is_number(self.min_confidence, 0, 1):
            raise OptionError(f"The smallest confidence must lie in 0..1, got {self.min_confidence!r}.")
        if not is_number(self.max_pixels, 1):
            raise OptionError(f"The largest picture must have 1 pixel or more, got {self.max_pixels!r} pixels.")
        _ = self.looking  # checks the values that detectors take

    @property
    def looking(self) -> DetectOptions:
        """What of this a detector needs."""
        return DetectOptions(
            side=self.detect_side, min_face=self.min_face, max_faces=self.max_faces, device=self.device
        )
