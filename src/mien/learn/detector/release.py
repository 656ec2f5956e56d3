"""From a run to the file that ships: the threshold is chosen and the figures are measured on validation pictures.

The loop is in `train`, the graph in `export`.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from mien.core.contract import NOT_STATED, DetectorInfo
from mien.core.errors import ModelError
from mien.data.faces import FacePicture, load_bgr
from mien.evaluate.detection import judge_detector
from mien.evaluate.matching import Found, match, score_for_false_faces
from mien.infer.detectors.own import OwnDetector
from mien.infer.detectors.scaling import DetectOptions
from mien.learn.detector.calibrate import calibrated, fit_scores
from mien.learn.detector.config import STRIDES
from mien.learn.detector.export import export_detector, write_detector
from mien.learn.detector.net import DetectorNet
from mien.learn.detector.quantize import quantized
from mien.learn.detector.second import fitted

__all__ = ["FALSE_FACES", "SIDE", "data_hash", "release", "release_again", "release_int8", "some"]

SIDE = 640
"""Longest side in pixels at which the detector looks, as the application does; smaller photographs stay as they are."""
FALSE_FACES = 1 / 25
"""False faces per picture without a face that the threshold allows on the validation pictures."""

_FAINT = 0.005  # score of boxes that calibration still looks at
_LOWEST = 0.005  # score down to which faces are looked at
_LOWEST_THRESHOLD = 0.2
_OVERLAP = 0.4
_NAME = "mien"


def release(
    net: DetectorNet,
    validation: Sequence[FacePicture],
    path: Path,
    training: dict[str, Any],
    licence: str = NOT_STATED,
) -> DetectorInfo:
    """Calibrate the scores, fit the second look, choose the threshold, measure, and write the file.

    Args:
        net: trained.
        validation: photographs that the network has not seen; some without a face.
        path: the model file to write.
        training: what the network learned from, for the metadata.
        licence: SPDX name of the weights' licence.

    Raises:
        DataError: a photograph cannot be read.
        TrainError: the network finds nothing that scores could be calibrated on.
        OutputError: the file cannot be written.

    """
    draft = DetectorInfo(_NAME, STRIDES, _LOWEST, _OVERLAP, training, license=licence, created=date.today().isoformat())
    net = copy.deepcopy(net)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "draft.onnx"
        export_detector(net, dataclasses.replace(draft, score=_FAINT), file)
        found = _found(file, validation)
        scores, hits = (np.concatenate([getattr(f, part) for f in found]) for part in ("scores", "hits"))
        slope, shift = fit_scores(scores, hits)
        calibrated(net, slope, shift)
        export_detector(net, draft, file)
        return _finished(onnx.load(str(file)), draft, validation, path)


def release_int8(
    source: Path, calibration: Sequence[FacePicture], validation: Sequence[FacePicture], path: Path
) -> DetectorInfo:
    """Write an 8-bit copy of a detector's file, with a second look, a threshold and figures of its own.

    Args:
        source: the file in float32.
        calibration: training photographs that set the ranges of activations.
        validation: as `release`.
        path: the model file to write.

    Raises:
        ModelError: `source` is no detector's file, or is in 8 bit already.
        DataError: a photograph cannot be read.
        OutputError: the file cannot be written.

    """
    before = OwnDetector(source, DetectOptions(side=SIDE)).info
    if before.precision != "fp32":
        raise ModelError(f"{source} has the precision {before.precision!r} already; quantize the float32 file.")
    small = dataclasses.replace(before, name=f"{before.name}-int8", precision="int8")
    return _finished(quantized(source, calibration, SIDE), small, validation, path)


def release_again(source: Path, validation: Sequence[FacePicture], path: Path) -> DetectorInfo:
    """Write a copy of a detector's file whose second look, threshold and figures are chosen anew.

    Args:
        source: the file, in float32 or 8 bit; its weights stay as they are.
        validation: as `release`.
        path: the model file to write.

    Raises:
        ModelError: `source` is no detector's file.
        DataError: a photograph cannot be read.
        OutputError: the file cannot be written.

    """
    before = OwnDetector(source, DetectOptions(side=SIDE)).info
    return _finished(onnx.load(str(source)), before, validation, path)


def some(pictures: Sequence[FacePicture], number: int = 128) -> list[FacePicture]:
    """So many training photographs, drawn at random but always the same, which set the ranges of an 8-bit copy."""
    order = np.random.default_rng(0).permutation(len(pictures))[:number]
    return [pictures[i] for i in order]


def _finished(
    model: onnx.ModelProto, info: DetectorInfo, validation: Sequence[FacePicture], path: Path
) -> DetectorInfo:
    """Write a graph with the second look, the threshold and the figures that come of the validation pictures."""
    today = date.today().isoformat()
    draft = dataclasses.replace(info, score=_LOWEST, second_look=None, metrics={}, created=today)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "draft.onnx"
        write_detector(model, draft, file)
        draft = dataclasses.replace(draft, second_look=fitted(file, validation, SIDE))
        write_detector(model, draft, file)
        score = score_for_false_faces(_found(file, validation), FALSE_FACES, _LOWEST_THRESHOLD)
        info = dataclasses.replace(draft, score=round(score + 0.0005, 3))
        info = dataclasses.replace(info, metrics=_metrics(file, info.score, validation))
    write_detector(model, info, path)
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
    judged = judge_detector(
        OwnDetector(file, DetectOptions(side=SIDE, min_score=score)),
        OwnDetector(file, DetectOptions(side=SIDE)),
        pictures,
        enlarge=enlarge,
    )
    body = judged.figures.to_dict()
    kept = ("pictures", "faces", "ap", "precision", "recall", "recall_20", "empty_pictures", "false_per_empty_picture",
            "landmark_error", "calibration_error")  # fmt: skip
    return {key: body[key] for key in kept}


def data_hash(sources: Sequence[Path]) -> str:
    """SHA-256 over the SHA-256 of every file, in order of the names; a folder counts with all its files."""
    files = sorted(f for s in sources for f in ([s] if s.is_file() else s.rglob("*")) if f.is_file())
    digests = (hashlib.sha256(f.read_bytes()).hexdigest() for f in files)
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
