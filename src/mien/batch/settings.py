"""What a job was asked to do, in the form that travels to its processes and into its manifest."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.errors import OptionError
from mien.core.text import is_whole

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How pictures are read; the fields are those of `mien.infer.analyzer.Analyzer`, and a few more.

    Args:
        model: shipped name, `.onnx` file, or folder of a training run.
        detector: name of a detector, or the path of its file; "none" takes every picture whole.
        threads: threads of the classifier in each process.
        min_face: leave out faces smaller than this, in pixels.
        max_faces: at most this many faces of a picture, the largest ones; None for all.
        detect_side: longest side at which faces are looked for, in pixels; None for full size.
        max_pixels: largest picture to decode.
        min_confidence: readings with less are uncertain, in 0..1; None takes the model's own threshold.
        every_s: read one frame of a video per so many seconds; None for every frame.
        column: the column of a Parquet table that holds the pictures.
        chunk: inputs per part: so much is done again at most, per process, after a kill.

    Raises:
        OptionError: an impossible value.

    """

    model: str = "fer2013"
    detector: str = "auto"
    threads: int = 1
    min_face: float = 0.0
    max_faces: int | None = None
    detect_side: int | None = 640
    max_pixels: int = 100_000_000
    min_confidence: float | None = None
    every_s: float | None = None
    column: str = "image"
    chunk: int = 256

    def __post_init__(self) -> None:
        if not is_whole(self.chunk, 1):
            raise OptionError(f"A part holds at least 1 input, got {self.chunk!r}.")
        if self.every_s is not None and not (math.isfinite(self.every_s) and self.every_s > 0):
            raise OptionError(f"The step between frames must be greater than 0 seconds, got {self.every_s:g}.")

    def anchored(self) -> Settings:
        """The same with absolute paths of files, so that processes with another working folder find them."""
        from mien.infer.registry import ENTRIES

        named = self.model in ENTRIES or not Path(self.model).exists()
        model = self.model if named else os.path.abspath(self.model)  # noqa: PTH100 (no links resolved)
        detector = os.path.abspath(self.detector) if self.detector.endswith(".onnx") else self.detector  # noqa: PTH100
        return replace(self, model=model, detector=detector)

    def analyzer(self, max_faces: int | None) -> Analyzer:
        """Opened models; `max_faces` limits the detector.

        Raises:
            OptionError: unknown name or impossible value.
            ModelError, StoreError: a model file is missing or damaged.

        """
        from mien.infer.analyzer import Analyzer

        return Analyzer(
            self.model,
            self.detector,
            threads=self.threads,
            min_face=self.min_face,
            max_faces=max_faces,
            detect_side=self.detect_side,
            max_pixels=self.max_pixels,
            min_confidence=self.min_confidence,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
