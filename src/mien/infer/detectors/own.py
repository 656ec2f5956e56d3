"""The project's own face detector (`docs/detector.md`): one small ONNX file that comes with the package.

The graph takes pixels and gives maps of numbers; what the numbers mean is here, for training, judging and use alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import DETECTOR_INPUT_NAME, METADATA_KEY, DetectorInfo
from mien.core.errors import ModelError
from mien.core.geometry import iou, non_maximum_suppression
from mien.core.types import Face, Image
from mien.infer.detectors.scaling import MIN_SIDE, DetectOptions, map_back, shrink
from mien.infer.detectors.second_look import FAINTEST, least_first, looked_again
from mien.infer.detectors.second_network import SecondNetwork
from mien.infer.detectors.tiles import in_tiles
from mien.infer.session import OnnxFile, input_shape, read_model

__all__ = ["VALUES", "OwnDetector", "decode", "merged", "padded", "suppress"]

Floats = NDArray[np.float32]

VALUES = 15
"""Numbers per cell: score, centre x and y, log width and height, and x and y of five landmarks."""

_USUAL_SIDE = 640  # px
_LEVEL_STEP = 3  # a face that is large at one size must not be tiny at the next smaller one
_LARGE = 200.0  # px as the network sees it; it learnt from faces of 8 to 350 px (docs/detector.md)
_MOST = 1000  # faces that are compared with one another
_WITNESS = 0.5  # share of a face's best score from which on another cell has a say in where the face is, ...
_SAME = 0.6  # ... if the IoU of their boxes is more than this
_LARGEST_LOG = 6.0  # no face is larger than exp(6) = 403 strides; keeps the exponential finite


@final
class OwnDetector:
    """Detector from a model file of kind "detector".

    Args:
        path: the file.
        options: how to look.
        threads: threads of the runtime.

    Raises:
        ModelError: the file is missing, damaged, or not a detector of a known format.

    """

    thread_safe = True

    def __init__(self, path: Path, options: DetectOptions, threads: int = 1) -> None:
        data = read_model(path)
        self._file = OnnxFile(data, path, threads, options.device)
        if METADATA_KEY not in self._file.metadata:
            raise ModelError(f"{path} carries no metadata of mien, so it is not one of its detectors.")
        self.info = DetectorInfo.from_json(self._file.metadata[METADATA_KEY], str(path))
        self.name = self.info.name
        kind, shape = input_shape(self._file, DETECTOR_INPUT_NAME)
        if kind != "tensor(uint8)" or len(shape) != 4 or shape[3] != 3:
            raise ModelError(f"{path}: expected an input {DETECTOR_INPUT_NAME!r} of (1, H, W, 3) uint8, got {shape}.")
        self._outputs = [f"stride{stride}" for stride in self.info.strides]
        missing = set(self._outputs) - {node.name for node in self._file.session.get_outputs()}
        if missing:
            raise ModelError(f"{path} has no output {', '.join(sorted(missing))}; export it again.")
        self._options = options
        self._min_score = self.info.score if options.min_score is None else options.min_score
        again = self.info.second_look
        self._least = max(self._min_score, FAINTEST) if again is None else least_first(self._min_score, again)
        self._judge = None if again is None else SecondNetwork(data, path, again, threads, options.device)

    def detect(self, image: Image) -> list[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best score first.

        Faces that the network is not sure of are looked at again by themselves, where the model file has a network for
        that (`mien.infer.detectors.second_look`). The network knows faces up to a size. Where a picture is looked at
        larger than usual, the large ones come from looks at smaller sizes, down to the usual one, each in place of what
        the next larger look takes for faces inside them. Large pictures are looked at in pieces
        (`mien.infer.detectors.tiles`).
        """
        side = max(image.shape[:2]) if self._options.side is None else min(self._options.side, max(image.shape[:2]))
        faces: list[Face] = []
        for level in _levels(side):
            found, factor = self._look(image, level)
            large = [face for face in faces if factor * _side(face) > _LARGE]
            faces = large + [face for face in found if not any(_covers(other, face) for other in large)]
        return self._options.select(faces)

    def _look(self, image: Image, side: int) -> tuple[list[Face], float]:
        """Faces in pixels of the picture, and by what the picture was multiplied for it."""
        small, factor = shrink(image, side)
        faces = in_tiles(small, self._find, self.info.overlap)
        if self.info.second_look is not None and self._judge is not None:
            faces = looked_again(image, small, faces, self.info.second_look, self._judge)
        return [map_back(face, factor) for face in faces if face.score >= self._min_score], factor

    def _find(self, image: Image) -> list[Face]:
        """Faces of a picture as it is, down to the score from which on they are worth a second look."""
        if min(image.shape[:2]) < MIN_SIDE:
            return []
        return merged(self.rows(image, _WITNESS * self._least), self.info.overlap, self._least)

    def rows(self, image: Image, min_score: float) -> Floats:
        """What the network sees in a picture (H, W, 3) as it is: (N, 15) as `decode` gives them."""
        feeds = {DETECTOR_INPUT_NAME: padded(image, self.info.strides[-1])[None]}
        return decode(self._file.run(feeds, self._outputs), self.info.strides, min_score)


def _levels(side: int) -> Iterator[int]:
    """Sizes at which to look, the smallest first: at most three times apart, none but the last below the usual one."""
    level = _USUAL_SIDE
    while level < side:
        yield level
        level *= _LEVEL_STEP
    yield side


def _side(face: Face) -> float:
    x1, y1, x2, y2 = face.box
    return max(x2 - x1, y2 - y1)


def _covers(large: Face, face: Face) -> bool:
    """Whether the centre of a face lies in a large one: it is the same, or a part of it."""
    x1, y1, x2, y2 = face.box
    left, top, right, bottom = large.box
    return left <= (x1 + x2) / 2 < right and top <= (y1 + y2) / 2 < bottom


def padded(image: Image, multiple: int) -> Image:
    """Picture with black at its right and lower edge, so that both sides are multiples of `multiple` px."""
    height, width = image.shape[:2]
    if height % multiple == 0 and width % multiple == 0:
        return np.ascontiguousarray(image)
    out = np.zeros((height + -height % multiple, width + -width % multiple, 3), np.uint8)
    out[:height, :width] = image
    return out


def decode(maps: Sequence[NDArray[np.float32]], strides: Sequence[int], min_score: float) -> Floats:
    """Faces of one picture from the maps (1, 15, h, w) of each stride, best first: (N, 15).

    A row is the score in 0..1, x1, y1, x2, y2 and five landmarks as x, y, all in pixels. In a map, a cell's centre
    lies at (column + 0.5, row + 0.5) strides; centre and landmarks are offsets from it in strides, sides are natural
    logarithms of strides.
    """
    rows = [_decode_map(m, stride, min_score) for m, stride in zip(maps, strides, strict=True)]
    found = np.concatenate(rows)
    best: Floats = found[np.argsort(-found[:, 0], kind="stable")][:_MOST]
    return best


def _decode_map(grid: NDArray[np.float32], stride: int, min_score: float) -> Floats:
    row, column = np.nonzero(grid[0, 0] >= min_score)
    values = grid[0, :, row, column]  # (N, 15)
    cell = (np.stack([column, row], 1) + 0.5).astype(np.float32)  # (N, 2)
    centre = cell + values[:, 1:3]
    half = np.exp(np.minimum(values[:, 3:5], _LARGEST_LOG)) / 2
    points = np.tile(cell, 5) + values[:, 5:]
    pixels = np.concatenate([centre - half, centre + half, points], 1) * stride
    faces: Floats = np.concatenate([values[:, :1], pixels], 1).astype(np.float32)
    return faces[np.isfinite(faces).all(1)]


def merged(rows: Floats, overlap: float, min_score: float) -> list[Face]:
    """Faces of decoded rows (N, 15) with at least a score, best first: of overlapping ones the best, seen by all.

    Boxes and landmarks are means over the cells that see the same face, as in Bazarevsky et al. 2019 ("BlazeFace"): a
    cell's weight falls to 0 where its score falls to half of the best one's and its box's IoU with the best one to 0.6,
    so that nothing jumps. `rows` should go down to half of `min_score`. The score is the best cell's.
    """
    best = non_maximum_suppression(rows[:, 1:5], rows[:, 0], overlap)
    best = best[rows[best, 0] >= min_score]
    shared = iou(rows[best, 1:5], rows[:, 1:5])  # (best, N)
    faces = []
    for index, near in zip(best, shared, strict=True):
        weight = np.maximum(rows[:, 0] / rows[index, 0] - _WITNESS, 0) * np.maximum(near - _SAME, 0)
        row = (weight @ rows / weight.sum()) if weight.sum() > 0 else rows[index]
        faces.append(_face([float(rows[index, 0]), *row[1:].tolist()]))
    return faces


def suppress(rows: Floats, overlap: float) -> list[Face]:
    """Faces of decoded rows (N, 15) after non-maximum suppression, best first."""
    kept = rows[non_maximum_suppression(rows[:, 1:5], rows[:, 0], overlap)]
    return [_face(row) for row in kept.tolist()]


def _face(row: Sequence[float]) -> Face:
    x1, y1, x2, y2 = row[1:5]
    points = tuple(zip(row[5::2], row[6::2], strict=True))
    return Face((x1, y1, x2, y2), row[0], points)
