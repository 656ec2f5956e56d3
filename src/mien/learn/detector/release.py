"""From a run to the file that ships: the threshold is chosen and the figures are measured on validation pictures.

Knows how to judge; the loop is `train`, the graph is `export`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from mien.core.contract import DetectorInfo
from mien.data.faces import FacePicture, load_bgr
from mien.evaluate.detection import Found, judge_detector, match, score_for_false_faces
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.learn.detector.config import STRIDES
from mien.learn.detector.export import export_detector
from mien.learn.detector.net import DetectorNet

__all__ = ["FALSE_FACES", "SIDE", "data_hash", "release"]

SIDE = 640
"""Longest side in pixels at which the detector looks, as the application does; smaller photographs stay as they are."""
FALSE_FACES = 1 / 20
"""False faces per picture without a face that the threshold allows on the validation pictures."""

_LOWEST = 0.02  # score down to which faces are looked at
_LOWEST_THRESHOLD = 0.2
_OVERLAP = 0.4
_NAME = "mien"


def release(
    net: DetectorNet,
    validation: Sequence[FacePicture],
    path: Path,
    training: dict[str, Any],
) -> DetectorInfo:
    """Choose the threshold, measure, and write the file.

    Args:
        net: trained.
        validation: photographs that the network has not seen; some without a face.
        path: the model file to write.
        training: what the network learned from, for the metadata.

    Raises:
        DataError: a photograph cannot be read.
        OutputError: the file cannot be written.

    """
    draft = DetectorInfo(_NAME, STRIDES, _LOWEST, _OVERLAP, training, created=date.today().isoformat())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "draft.onnx"
        export_detector(net, draft, file)
        score = score_for_false_faces(_found(file, validation), FALSE_FACES, _LOWEST_THRESHOLD)
        chosen = dataclasses.replace(draft, score=round(score + 0.0005, 3))
        info = dataclasses.replace(chosen, metrics=_metrics(file, chosen.score, validation))
    export_detector(net, info, path)
    return info


def _found(file: Path, pictures: Sequence[FacePicture]) -> list[Found]:
    detector, found = OwnDetector(file, DetectOptions(side=SIDE)), []
    for picture in pictures:
        image = load_bgr(picture)
        size = (image.shape[1], image.shape[0])
        found.append(match(detector.detect(image), picture.boxes, picture.ignore, size))
    return found


def _metrics(file: Path, score: float, pictures: Sequence[FacePicture]) -> dict[str, Any]:
    protocol = f"validation photographs as they are, IoU 0.5; the threshold was chosen on them; enlarged: to {SIDE} px"
    as_is, enlarged = (_figures(file, score, pictures, side) for side in (None, SIDE))
    return {"protocol": protocol, **as_is, "enlarged": enlarged}


def _figures(file: Path, score: float, pictures: Sequence[FacePicture], enlarge: int | None) -> dict[str, Any]:
    figures = judge_detector(
        OwnDetector(file, DetectOptions(side=SIDE, min_score=score)),
        OwnDetector(file, DetectOptions(side=SIDE)),
        pictures,
        enlarge=enlarge,
    )
    body = figures.to_dict()
    kept = ("pictures", "faces", "ap", "precision", "recall", "recall_20", "empty_pictures", "false_per_empty_picture")
    return {key: body[key] for key in kept}


def data_hash(sources: Sequence[Path]) -> str:
    """SHA-256 over the SHA-256 of every file, in order of the names; a folder counts with all its files."""
    files = sorted(f for s in sources for f in ([s] if s.is_file() else s.rglob("*")) if f.is_file())
    digests = (hashlib.sha256(f.read_bytes()).hexdigest() for f in files)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
