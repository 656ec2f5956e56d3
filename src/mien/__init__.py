"""Reads facial expressions. `mien.analyze(image)` is the one call; everything else is in the modules.

Importing this package loads nothing else and sets no variable; the names below are imported when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mien.client import Client
    from mien.core.contract import CropSpec
    from mien.core.errors import MienError
    from mien.core.types import Analysis, Classifier, Detector, Face, Frame, Reading
    from mien.infer.analyzer import Analyzer
    from mien.infer.default import analyze
    from mien.infer.options import AnalyzerOptions
    from mien.infer.stream import StreamOptions
    from mien.learn.call import Trained, train
    from mien.media.data_frame import to_frame
    from mien.media.source import open_source
    from mien.study.frames import read_timeline, summarise

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "mien.core.types",
    "Analyzer": "mien.infer.analyzer",
    "AnalyzerOptions": "mien.infer.options",
    "Classifier": "mien.core.types",
    "Client": "mien.client",
    "CropSpec": "mien.core.contract",
    "Detector": "mien.core.types",
    "Face": "mien.core.types",
    "Frame": "mien.core.types",
    "MienError": "mien.core.errors",
    "Reading": "mien.core.types",
    "StreamOptions": "mien.infer.stream",
    "Trained": "mien.learn.call",
    "analyze": "mien.infer.default",
    "open_source": "mien.media.source",
    "read_timeline": "mien.study.frames",
    "summarise": "mien.study.frames",
    "to_frame": "mien.media.data_frame",
    "train": "mien.learn.call",
}

__all__ = [
    "Analysis",
    "Analyzer",
    "AnalyzerOptions",
    "Classifier",
    "Client",
    "CropSpec",
    "Detector",
    "Face",
    "Frame",
    "MienError",
    "Reading",
    "StreamOptions",
    "Trained",
    "__version__",
    "analyze",
    "open_source",
    "read_timeline",
    "summarise",
    "to_frame",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mien' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
