"""What a job was asked to do, in the form that travels to its processes and into its manifest."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.core.errors import OptionError
from mien.core.text import brief, is_whole
from mien.infer.detectors.table import detector_row
from mien.infer.options import AnalyzerOptions
from mien.infer.registry import ENTRIES

if TYPE_CHECKING:
    from mien.infer.analyzer import Analyzer

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings(AnalyzerOptions):
    """How pictures are read: the fields of `AnalyzerOptions`, and what a job needs beside them.

    Model and detector are names or files, since a job's processes open them anew and its manifest names them.

    Args:
        every_s: read one frame of a video per so many seconds; None for every frame.
        column: the column of a Parquet table that holds the pictures.
        chunk: inputs per part: so much is done again at most, per process, after a kill.
        keep_columns: columns of tables, and fields of the JSON members beside pictures in archives, that pass through
            into the results as text.

    Raises:
        OptionError: an impossible value.

    """

    every_s: float | None = None
    column: str = "image"
    chunk: int = 256
    keep_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        for kind, value in (("model", self.model), ("detector", self.detector)):
            if not isinstance(value, str | Path):
                raise OptionError(f"A batch takes a {kind} by name or file, got a {type(value).__name__}.")
        if not is_whole(self.chunk, 1):
            raise OptionError(f"A part holds at least 1 input, got {self.chunk!r}.")
        if self.every_s is not None and not (math.isfinite(self.every_s) and self.every_s > 0):
            raise OptionError(f"The step between frames must be greater than 0 seconds, got {self.every_s:g}.")

        object.__setattr__(self, "keep_columns", _names(self.keep_columns))

    def anchored(self) -> Settings:
        """The same with absolute paths of files, so that processes with another working folder find them."""
        model, detector = str(self.model), str(self.detector)
        if model not in ENTRIES and Path(model).exists():
            model = os.path.abspath(model)  # noqa: PTH100 (no links resolved)
        if detector_row(detector) is None and Path(detector).exists():
            detector = os.path.abspath(detector)  # noqa: PTH100
        return replace(self, model=model, detector=detector)

    @classmethod
    def of(cls, options: AnalyzerOptions, **more: Any) -> Settings:
        """Settings from the options of an analysis, and other fields by name.

        Raises:
            OptionError: an impossible value.

        """
        return cls(**{field.name: getattr(options, field.name) for field in fields(AnalyzerOptions)}, **more)

    def analyzer(self, max_faces: int | None) -> Analyzer:
        """Opened models; `max_faces` limits the detector.

        Raises:
            OptionError: unknown name or impossible value.
            ModelError, StoreError: a model file is missing or damaged.

        """
        from mien.infer.analyzer import Analyzer

        return Analyzer.of(replace(self, max_faces=max_faces))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"keep_columns": list(self.keep_columns)}


def _names(given: object) -> tuple[str, ...]:
    """Names of columns; checked, because they become names in the results."""
    if not isinstance(given, list | tuple):
        raise OptionError(f"The columns to keep are a tuple of names, got a {type(given).__name__}.")
    for name in given:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise OptionError(f"The name of a column to keep is a text that can be printed, got {brief(repr(name))}.")
        if given.count(name) > 1:
            raise OptionError(f"The column {brief(name)!r} is to be kept twice; name it once.")
    return tuple(given)
