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
from mien.learn.detector.second.export import SecondFile, quantized_file, second_file
from mien.learn.detector.second.fit import fitted, unfitted
from mien.learn.detector.second.squares import SIDE, squares_of

__all__ = ["FALSE_FACES", "data_hash", "draft", "release", "release_int8", "some"]

FALSE_FACES = 1 / 40
"""False faces per picture without a face that the threshold allows on the validation pictures."""

_FAINT = 0.005  # score of boxes that calibration still looks at
_LOWEST = 0.0005  # score down to which faces are looked at
_LOWEST_THRESHOLD = 0.2
_OVERLAP = 0.4
_NAME = "mien"


def draft(
    net: DetectorNet,
    validation: Sequence[FacePicture],
    path: Path,
    training: dict[str, Any],
    licence: str = NOT_STATED,
) -> DetectorNet:
    """Calibrate the scores and write a file that shows all that the network takes for a face, without figures.

    Args:
        net: trained.
        validation: photographs that the network has not seen.
        path: the model file to write.
        training: what the network learned from, for the metadata.
        licence: SPDX name of the weights' licence.

    Returns:
        A copy of the network, calibrated.

    Raises:
        DataError: a photograph cannot be read.
        TrainError: the network finds nothing that scores could be calibrated on.
        OutputError: the file cannot be written.

    """
    info = DetectorInfo(_NAME, STRIDES, _LOWEST, _OVERLAP, training, license=licence, created=date.today().isoformat())
    net = copy.deepcopy(net)
    export_detector(net, dataclasses.replace(info, score=_FAINT), path)
    found = _found(path, validation)
    scores, hits = (np.concatenate([getattr(f, part) for f in found]) for part in ("scores", "hits"))
    slope, shift = fit_scores(scores, hits)
    calibrated(net, slope, shift)
    export_detector(net, info, path)
    return net


def release(
    source: Path, validation: Sequence[FacePicture], path: Path, second: SecondFile | None = None
) -> DetectorInfo:
    """Write a copy of a detector's file whose second look, threshold and figures are chosen on validation pictures.

    Args:
        source: the file, such as a draft, in float32 or 8 bit; its weights stay as they are.
        validation: photographs that neither network has seen; some without a face.
        path: the model file to write.
        second: the network that looks again; None for the one in the file, if there is one.

    Raises:
        ModelError: `source` is no detector's file.
        DataError: a photograph cannot be read.
        OutputError: the file cannot be written.

    """
    before = OwnDetector(source, DetectOptions(side=SIDE)).info
    return _finished(onnx.load(str(source)), before, validation, path, second or second_file(source))


def release_int8(
    source: Path, calibration: Sequence[FacePicture], validation: Sequence[FacePicture], path: Path
) -> DetectorInfo:
    """Write an 8-bit copy of a detector's file, with a second look, a threshold and figures of its own.

    Args:
        source: the file in float32.
        calibration: training photographs that set the ranges of activations, of the second look's network as well.
        validation: as `release`.
        path: the model file to write.

    Raises:
        ModelError: `source` is no detector's file, or is in 8 bit already.
        DataError: a photograph cannot be read.
        OutputError: the file cannot be written.

    """
    detector = OwnDetector(source, DetectOptions(side=SIDE))
    before, second = detector.info, second_file(source)
    if before.precision != "fp32":
        raise ModelError(f"{source} has the precision {before.precision!r} already; quantize the float32 file.")
    small = dataclasses.replace(before, name=f"{before.name}-int8", precision="int8")
    if second is not None:
        second = quantized_file(second, squares_of(detector, calibration, second))
    return _finished(quantized(source, calibration, SIDE), small, validation, path, second)


def some(pictures: Sequence[FacePicture], number: int = 128) -> list[FacePicture]:
    """So many training photographs, drawn at random but always the same, which set the ranges of an 8-bit copy."""
    order = np.random.default_rng(0).permutation(len(pictures))[:number]
    return [pictures[i] for i in order]


def _finished(
    model: onnx.ModelProto,
    info: DetectorInfo,
    validation: Sequence[FacePicture],
    path: Path,
    second: SecondFile | None,
) -> DetectorInfo:
    """Write a graph with the second look, the threshold and the figures that come of the validation pictures."""
    today = date.today().isoformat()
    draft = dataclasses.replace(info, score=_LOWEST, second_look=None, metrics={}, created=today)
    with tempfile.TemporaryDirectory() as folder:
        file, network = Path(folder) / "draft.onnx", None
        if second is not None:
            look, network = unfitted(second), second.data
            write_detector(model, dataclasses.replace(draft, second_look=look), file, network)
            draft = dataclasses.replace(draft, second_look=fitted(file, look, validation))
        write_detector(model, draft, file, network)
        score = score_for_false_faces(_found(file, validation), FALSE_FACES, _LOWEST_THRESHOLD)
        info = dataclasses.replace(draft, score=round(score + 0.0005, 3))
        info = dataclasses.replace(info, metrics=_metrics(file, info.score, validation))
    write_detector(model, info, path, network)
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
