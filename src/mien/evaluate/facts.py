"""What identifies a judged model, and how fast it answers on this machine."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.types import Classifier
from mien.infer.classify import OnnxClassifier

__all__ = ["measure_speed", "model_facts"]

_BATCH = 32


def model_facts(classifier: OnnxClassifier) -> dict[str, Any]:
    """Name, file, SHA-256, size and metadata of a model file, as plain values; the file's folder is left out."""
    info = classifier.info
    return {
        "name": info.name,
        "file": classifier.path.name,
        "sha256": classifier.sha256,
        "bytes": classifier.bytes,
        "labels": list(info.labels),
        "crop": asdict(info.crop),
        "precision": info.precision,
        "temperature": info.temperature,
        "uncertain_below": info.uncertain_below,
        "license": info.license,
        "created": info.created,
        "training": dict(info.training),
    }


def measure_speed(classifier: Classifier, seconds: float = 1.0) -> dict[str, Any]:
    """Milliseconds per crop on this machine: one crop at a time, and in batches of 32; medians.

    Args:
        classifier: what is measured, on as many threads as it was opened with.
        seconds: time to spend on each of the two.

    """
    spec = classifier.crop
    shape = (_BATCH, spec.size, spec.size) + ((3,) if spec.color == "rgb" else ())
    crops = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return {
        "one_ms": _median_ms(classifier, crops[:1], seconds),
        "batch": _BATCH,
        "batch_ms": _median_ms(classifier, crops, seconds) / _BATCH,
        "processor": _processor(),
    }


def _median_ms(classifier: Classifier, crops: np.ndarray[Any, np.dtype[np.uint8]], seconds: float) -> float:
    for _ in range(3):  # the first calls allocate
        classifier.classify(crops)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        classifier.classify(crops)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000


def _processor() -> str:
    """Name of the processor, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
