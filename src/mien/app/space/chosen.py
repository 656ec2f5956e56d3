"""The model and the detector of a Space: looked at before anything is written, and where they lie in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.app.hub.facts import evaluation_beside
from mien.core.contract import ModelInfo
from mien.infer.classify import OnnxClassifier, load_classifier
from mien.infer.detect import detector_file, open_detector
from mien.infer.detectors.table import AUTO, detector_row
from mien.infer.registry import ENTRIES

__all__ = ["DATA", "FOLDER", "Chosen", "choose"]

FOLDER = "models"
"""Folder of a Space's own model files."""

DATA = "data.json"
"""What a Space tells of a data set."""

_MODEL, _DETECTOR = "expression.onnx", "detector.onnx"


@dataclass(frozen=True)
class Chosen:
    """What a Space runs.

    Args:
        classifier: the model.
        model: as the Space's own command line names it: a packaged name, or a file in its folder.
        detector: the same for the detector.
        files: model files to copy, by their name in `FOLDER`.
        evaluation: what was measured on the model, fit to be published, or None.
        data: what is told of a data set, or None.

    """

    classifier: OnnxClassifier
    model: str
    detector: str
    files: Mapping[str, Path]
    evaluation: Mapping[str, Any] | None
    data: Mapping[str, Any] | None = None

    @property
    def info(self) -> ModelInfo:
        """Metadata of the model."""
        return self.classifier.info


def choose(model: str | Path, detector: str, data: Mapping[str, Any] | None = None) -> Chosen:
    """Open what the Space shall run.

    Args:
        model: packaged name, `.onnx` file, folder of a run, or `hub:USER/NAME` once pulled.
        detector: a name, or a detector's file.
        data: what is told of a data set.

    Raises:
        ModelError, StoreError, OptionError: one of them is not there or cannot be used.

    """
    classifier = load_classifier(model)
    files: dict[str, Path] = {}
    if str(model) not in ENTRIES:
        files[_MODEL] = classifier.path
    open_detector(detector)
    path = detector_file(detector)
    if path is not None and not _comes_with_mien(detector):
        files[_DETECTOR] = path
    return Chosen(
        classifier=classifier,
        model=f"{FOLDER}/{_MODEL}" if _MODEL in files else str(model),
        detector=f"{FOLDER}/{_DETECTOR}" if _DETECTOR in files else detector,
        files=files,
        evaluation=evaluation_beside(classifier),
        data=data,
    )


def _comes_with_mien(detector: str) -> bool:
    row = detector_row(detector)
    return detector == AUTO or (row is not None and row.file is not None and row.file.url is None)
