"""Detectors and classifiers as `Analyzer` takes them: by name or file, or as objects of the caller's own.

Objects of one's own are checked once, their answers are checked each time, and threads that share them go in one by
one unless the object says that it is thread-safe.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.errors import ModelError, OptionError
from mien.core.text import is_number
from mien.core.types import Classifier, Detector, Face, Image
from mien.infer.classify import OnnxClassifier, load_classifier
from mien.infer.detect import open_detector
from mien.infer.options import DetectOptions

__all__ = ["as_classifier", "as_detector", "model_file"]

_SUM = 1e-3  # by how much the sum of probabilities may differ from 1


def as_detector(given: str | Path | Detector, options: DetectOptions) -> Detector:
    """The detector of a name or file, or an object of the caller's own, ready for several threads.

    Raises:
        OptionError: unknown name, or an object that is no detector.
        ModelError, StoreError: a file is missing or damaged.

    """
    if isinstance(given, str | Path):
        return open_detector(given, options)
    _need(given, "detector", ("name", "detect"), "name and detect(image)")
    return _OwnDetector(given, options)


def as_classifier(given: str | Path | Classifier, threads: int, device: str) -> Classifier:
    """The classifier of a name or file, or an object of the caller's own, ready for several threads.

    Raises:
        OptionError: unknown name, or an object that is no classifier.
        ModelError, StoreError: a file is missing or damaged.

    """
    if isinstance(given, str | Path):
        return load_classifier(given, threads, device)
    if isinstance(given, OnnxClassifier):
        return given
    names = ("name", "labels", "crop", "uncertain_below", "classify")
    _need(given, "model", names, "name, labels, crop, uncertain_below and classify(crops)")
    return _OwnClassifier(given)


def model_file(classifier: Classifier) -> OnnxClassifier:
    """The classifier as a model file, for who needs the file.

    Raises:
        OptionError: it is an object of the caller's own.

    """
    if isinstance(classifier, OnnxClassifier):
        return classifier
    raise OptionError(f"This needs a model file, and {classifier.name} is an object of Python; name a file.")


def _need(given: object, kind: str, names: Sequence[str], told: str) -> None:
    missing = [name for name in names if not hasattr(given, name)]
    if missing or isinstance(given, type):
        what = f"the class {given.__name__} itself" if isinstance(given, type) else f"a {type(given).__name__}"
        lacking = f", which has no {missing[0]}" if missing and not isinstance(given, type) else ""
        raise OptionError(f"Expected a {kind} as a name, a file or an object with {told}; got {what}{lacking}.")


def _lock_for(given: object) -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if getattr(given, "thread_safe", False) else threading.Lock()


def _is_face(face: object) -> bool:
    box: Sequence[object] = face.box if isinstance(face, Face) else ()
    return len(box) == 4 and all(is_number(value, -np.inf) for value in box)


@final
class _OwnDetector:
    """A detector of the caller's own; smallest face and number of faces are heeded for it."""

    thread_safe = True

    def __init__(self, given: Detector, options: DetectOptions) -> None:
        self.name = given.name
        self._given, self._options, self._lock = given, options, _lock_for(given)

    def detect(self, image: Image) -> list[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best score first.

        Raises:
            ModelError: the detector gave something else than faces.

        """
        with self._lock:
            faces = list(self._given.detect(image))
        if not all(_is_face(face) for face in faces):
            raise ModelError(f"The detector {self.name} must give mien.Face values with 4 finite numbers as box.")
        return self._options.select(faces)


@final
class _OwnClassifier:
    """A classifier of the caller's own."""

    thread_safe = True

    def __init__(self, given: Classifier) -> None:
        self.name, self.labels, self.crop = given.name, tuple(given.labels), given.crop
        self.uncertain_below = given.uncertain_below
        self._given, self._lock = given, _lock_for(given)
        named: Sequence[object] = self.labels
        if not named or not all(isinstance(label, str) for label in named):
            raise OptionError(f"The labels of the model {self.name} must be a tuple of names.")
        if not isinstance(self.crop, CropSpec):
            raise OptionError(f"The crop of the model {self.name} must be a mien.CropSpec.")
        if not is_number(self.uncertain_below, 0, 1):
            raise OptionError(f"The threshold uncertain_below of the model {self.name} must lie in 0..1.")

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (N, K) of crops as `crop` says.

        Raises:
            ModelError: the classifier gave another shape, or rows that are no probabilities.

        """
        with self._lock:
            values = np.asarray(self._given.classify(crops), np.float32)
        wanted = (len(crops), len(self.labels))
        if values.shape != wanted:
            raise ModelError(f"The model {self.name} must give probabilities of shape {wanted}, got {values.shape}.")
        if len(values) and not (values.min() >= 0 and np.abs(values.sum(1) - 1).max() <= _SUM):
            raise ModelError(f"The model {self.name} must give probabilities in 0..1 that sum to 1 in each row.")
        return values
