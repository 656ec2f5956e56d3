"""Runs one library inside its own environment, for `peers.py`; needs nothing but that library and NumPy.

    python peers_worker.py NAME JOB.npz OUT.npz PHOTO...

JOB holds `crops` (N, 48, 48) uint8 grey. OUT gets `probabilities` (N, 7) in the order of FER-2013 and, as JSON, times
in processor milliseconds (medians; equal to the clock's on an idle machine, since everything runs on one thread) and
what was read from each photograph. With the name alone, imports the library, reads one photograph and prints seconds.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

Crops = np.ndarray
_REPEATS, _SLOW_REPEATS = 200, 30


class Mien:
    """mien, by the name of a packaged model."""

    def __init__(self, model: str) -> None:
        import mien

        self._analyzer = mien.Analyzer(model)
        self._order = [self._analyzer.labels.index(label) for label in LABELS]

    def classify(self, crops: Crops) -> np.ndarray:
        """Probabilities (N, 7)."""
        return self._analyzer.classify(crops)[:, self._order]

    def photo(self, path: str) -> list[tuple[str, float]]:
        """Label and confidence of each face of a picture file."""
        return [(face.emotion, face.confidence) for face in self._analyzer.analyze(path)]


class Fer:
    """The package fer. Its network gets a crop as it is; its API would add a border to it."""

    def __init__(self) -> None:
        import logging

        import cv2
        from fer.fer import FER

        logging.disable(logging.WARNING)
        self._cv2 = cv2
        cv2.setNumThreads(1)
        self._fer = FER()

    def classify(self, crops: Crops) -> np.ndarray:
        """Probabilities (N, 7), with the resize and the scaling of fer's own `detect_emotions`."""
        faces = np.array([self._cv2.resize(crop, (64, 64)) for crop in crops], dtype="float32")
        return np.asarray(self._fer._classify_emotions((faces / 255.0 - 0.5) * 2.0))

    def api(self, crops: Crops) -> np.ndarray:
        """As a caller gets it: each crop a picture whose whole is named as the face; fer adds a border of 10 px."""
        rows = []
        for crop in crops:
            picture = self._cv2.cvtColor(crop, self._cv2.COLOR_GRAY2BGR)
            side = crop.shape[0]
            scores = self._fer.detect_emotions(picture, face_rectangles=[(0, 0, side, side)])[0]["emotions"]
            rows.append([scores[label] for label in LABELS])
        found = np.array(rows)
        return found / found.sum(1, keepdims=True)

    def photo(self, path: str) -> list[tuple[str, float]]:
        """Label and score of each face of a picture file."""
        found = [face["emotions"] for face in self._fer.detect_emotions(path)]
        return [max(scores.items(), key=lambda item: item[1]) for scores in found]


class DeepFace:
    """The package deepface, with the weights that lie in its home."""

    def __init__(self) -> None:
        import logging

        import cv2
        from deepface import DeepFace as Library
        from deepface.modules import modeling

        logging.disable(logging.WARNING)
        self._cv2 = cv2
        cv2.setNumThreads(1)
        self._library = Library
        self._model = modeling.build_model(task="facial_attribute", model_name="Emotion")

    def classify(self, crops: Crops) -> np.ndarray:
        """Scores (N, 7)."""
        pictures = [self._cv2.cvtColor(crop, self._cv2.COLOR_GRAY2BGR) for crop in crops]
        return np.atleast_2d(self._model.predict(pictures))

    def photo(self, path: str) -> list[tuple[str, float]]:
        """Label and score of each face of a picture file."""
        found = self._library.analyze(path, actions=["emotion"], enforce_detection=False, silent=True)
        return [(face["dominant_emotion"], float(max(face["emotion"].values())) / 100) for face in found]


def open_library(name: str) -> Any:
    """The library of a name: "fer", "deepface", or "mien:" and a model."""
    others = {"fer": Fer, "deepface": DeepFace}
    return others[name]() if name in others else Mien(name.partition(":")[2])


def _median_ms(call: Callable[[], object], repeats: int) -> dict[str, float]:
    for _ in range(5):
        call()
    cpu, wall = [], []
    for _ in range(repeats):
        start, start_cpu = time.perf_counter(), time.process_time()
        call()
        cpu.append((time.process_time() - start_cpu) * 1e3)
        wall.append((time.perf_counter() - start) * 1e3)
    return {"cpu_ms": statistics.median(cpu), "wall_ms": statistics.median(wall)}


def work(name: str, job: str, out: str, photos: list[str]) -> None:
    """Answer a job; see the module."""
    library = open_library(name)
    crops = np.load(job)["crops"]
    parts = range(0, len(crops), 64)
    figures: dict[str, Any] = {
        "one": _median_ms(lambda: library.classify(crops[:1]), _REPEATS),
        "batch_32": _median_ms(lambda: library.classify(crops[:32]), _SLOW_REPEATS),
        "photos": [
            {"faces": library.photo(path), **_median_ms(lambda p=path: library.photo(p), _SLOW_REPEATS)}
            for path in photos
        ],
    }
    arrays = {"probabilities": np.concatenate([library.classify(crops[i : i + 64]) for i in parts])}
    if hasattr(library, "api"):
        arrays["api"] = library.api(crops)
    np.savez(out, figures=json.dumps(figures), **arrays)


def cold(name: str, photo: str) -> None:
    """Print the seconds of the import and those up to the first photograph's readings, as JSON."""
    start = time.perf_counter()
    if name == "fer":
        from fer.fer import FER  # noqa: F401
    elif name == "deepface":
        from deepface import DeepFace  # noqa: F401
    else:
        import mien  # noqa: F401
    imported = time.perf_counter()
    open_library(name).photo(photo)
    print(json.dumps({"import_s": imported - start, "first_s": time.perf_counter() - start}))


if __name__ == "__main__":
    if len(sys.argv) == 3:
        cold(sys.argv[1], sys.argv[2])
    else:
        work(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
