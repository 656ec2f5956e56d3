"""YuNet (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector", 2023) on ONNX Runtime.

Needs its file from the model store. Finds faces from about 10 px, turned and partly covered ones too, with landmarks.
What the numbers of the graph mean is told as OpenCV's FaceDetectorYN does it (`face_detect.cpp`, postProcess); that
class gives the same faces (tests), and takes three times as long on OpenCV 5 (dev/log.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import ModelError
from mien.core.types import Face, Image
from mien.infer.detectors.own import padded, suppress
from mien.infer.detectors.scaling import MIN_SIDE, DetectOptions, map_back, shrink
from mien.infer.session import open_onnx

__all__ = ["YuNet"]

Floats = NDArray[np.float32]

_MIN_SCORE = 0.6
_NMS_IOU = 0.3
_MOST = 1000  # faces that are compared with one another
_STRIDES = (8, 16, 32)
_OUTPUTS = tuple(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in _STRIDES)
# The file states a picture of 640 x 640 px although its graph takes any multiple of 32. In the protobuf encoding of
# the input's shape, two dimensions with the value 640 become two with a name, which takes just as many bytes.
_FIXED = b"\x0a\x03\x08\x80\x05\x0a\x03\x08\x80\x05"
_FREE = b"\x0a\x03\x12\x01h\x0a\x03\x12\x01w"


@final
class YuNet:
    """Detector from a YuNet file.

    Args:
        path: `face_detection_yunet_2023mar.onnx`, verified.
        options: how to look.
        threads: threads of the runtime.

    Raises:
        ModelError: the file is not this version of YuNet.

    """

    name = "yunet"
    thread_safe = True

    def __init__(self, path: Path, options: DetectOptions, threads: int = 1) -> None:
        self._options = options
        self._min_score = _MIN_SCORE if options.min_score is None else options.min_score
        self._file = open_onnx(path, threads, options.device, edit=partial(_free_size, path))

    def detect(self, image: Image) -> list[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best score first."""
        small, factor = shrink(image, self._options.side)
        if min(small.shape[:2]) < MIN_SIDE:
            return []
        pixels = padded(small, _STRIDES[-1]).transpose(2, 0, 1)[None].astype(np.float32)  # (1, 3, H, W)
        outputs = self._file.run({"input": pixels}, _OUTPUTS)
        rows = np.concatenate(
            [
                _decode(outputs[i::3], stride, pixels.shape[3] // stride, self._min_score)
                for i, stride in enumerate(_STRIDES)
            ]
        )
        best = rows[np.argsort(-rows[:, 0], kind="stable")][:_MOST]
        return self._options.select(map_back(face, factor) for face in suppress(best, _NMS_IOU))


def _free_size(path: Path, data: bytes) -> bytes:
    if data.count(_FIXED) != 1:
        raise ModelError(f"{path} is not the YuNet file that this version knows; fetch it with mien models pull yunet.")
    return data.replace(_FIXED, _FREE)


def _decode(outputs: Sequence[Floats], stride: int, columns: int, min_score: float) -> Floats:
    """Rows of one stride: score, x1, y1, x2, y2, five landmarks as x, y, in pixels: (N, 15)."""
    cls, obj, bbox, kps = outputs  # (1, cells, 1), (1, cells, 1), (1, cells, 4), (1, cells, 10)
    scores = np.sqrt(np.clip(cls[0, :, 0], 0, 1) * np.clip(obj[0, :, 0], 0, 1))
    found = np.flatnonzero(scores >= min_score)
    cell = np.stack([found % columns, found // columns], 1).astype(np.float32)  # (N, 2)
    centre = cell + bbox[0, found, :2]
    half = np.exp(bbox[0, found, 2:]) / 2
    points = np.tile(cell, 5) + kps[0, found]
    pixels = np.concatenate([centre - half, centre + half, points], 1) * stride
    rows: Floats = np.concatenate([scores[found, None], pixels], 1).astype(np.float32)
    return rows[np.isfinite(rows).all(1)]
