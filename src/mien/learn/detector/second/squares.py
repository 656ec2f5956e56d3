"""What a second look learns from: what a detector takes for faces in training photographs, right and wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from mien.core.contract import SecondLook
from mien.core.errors import TrainError
from mien.core.types import Box, Face, Image
from mien.data.faces import FacePicture, load_bgr
from mien.evaluate.detection import enlarged
from mien.evaluate.matching import match
from mien.infer.detectors.own import OwnDetector, merged
from mien.infer.detectors.scaling import DetectOptions, map_back, shrink
from mien.infer.detectors.second_look import FAINTEST, square
from mien.learn.detector.appearance import degrade
from mien.learn.detector.augment import Labels, Sample, view
from mien.learn.detector.second.config import SecondConfig
from mien.learn.detector.second.export import SecondFile
from mien.learn.detector.second.teachers import Teachers
from mien.learn.detector.second.turned import TurnedFaces

__all__ = ["SIDE", "Learned", "Squares", "seen", "squares_of"]

SIDE = 640
"""Longest side in pixels at which the detector looks, as the application does; smaller photographs stay as they are."""

_WHOLE = 0.5  # share of the photographs that are looked at whole, as the application does
_WINDOWS = (320, 384, 448, 512)  # px: sides of the others
_FAINT, _FAINT_KEPT = 0.02, 0.4  # boxes with a smaller first score, of which there are most, and the share that counts
_PATIENCE = 500  # photographs in a row in which the detector sees nothing
_SHIFT, _SCALE = 0.06, 0.05  # of the squares, standard deviations in sides of the face


@dataclass(frozen=True, eq=False)
class _Seen:
    """One square (S, S, 3) uint8 BGR, and the chance in 0..1 that a face is in its middle."""

    image: Image
    hit: float


class Learned(NamedTuple):
    """A batch.

    Args:
        squares: (N, S, S, 3) uint8 BGR.
        hits: (N,) float in 0..1, whether there is a face in the middle of each; NaN where that is not asked.
        points: (N, 5, 2) float, its landmarks from the centre in halves of the square's side; NaN where not known.

    """

    squares: Tensor
    hits: Tensor
    points: Tensor


class Squares(IterableDataset[Learned]):
    """Endless batches of what a detector takes for faces, and of labelled faces with their landmarks.

    Args:
        samples: training photographs.
        detector: model file whose mistakes count.
        config: of the run.
        seed: changes when a run is resumed, so that it does not see the same again.
        teachers: networks that have a say in what is a face.

    """

    def __init__(
        self,
        samples: Sequence[Sample],
        detector: Path,
        config: SecondConfig,
        seed: int,
        teachers: Sequence[SecondFile] = (),
    ) -> None:
        super().__init__()
        self._samples, self._detector, self._config, self._seed = samples, detector, config, seed
        self._teachers = teachers

    def __iter__(self) -> Iterator[Learned]:
        config, info = self._config, get_worker_info()
        turned = TurnedFaces(self._samples, config)
        rng = np.random.default_rng((self._seed, 0 if info is None else info.id))
        found = self._found(rng)
        store = [next(found) for _ in range(4 * config.batch)]
        place = 0
        while True:
            for _ in range(config.batch // config.uses):
                if len(store) < config.store:
                    store.append(next(found))
                else:
                    store[place % config.store] = next(found)
                    place += 1
            drawn = [store[i] for i in rng.integers(len(store), size=config.batch)]
            yield _batch(drawn, [turned.draw(rng) for _ in range(config.turned if len(turned) else 0)])

    def _found(self, rng: np.random.Generator) -> Iterator[_Seen]:
        """Squares of random views of random photographs.

        Raises:
            TrainError: the detector finds nothing in many photographs.

        """
        detector = OwnDetector(self._detector, DetectOptions(side=SIDE))
        teachers = Teachers(self._teachers)
        waited = 0
        while waited < _PATIENCE:
            for index in rng.permutation(len(self._samples)):
                waited += 1
                for part in self._seen_in(self._samples[index], detector, teachers, rng):
                    waited = 0
                    yield part
        raise TrainError("The detector sees nothing in the training pictures that a second look could learn from.")

    def _seen_in(
        self, sample: Sample, detector: OwnDetector, teachers: Teachers, rng: np.random.Generator
    ) -> list[_Seen]:
        """Squares of one view of a photograph."""
        sample = _looked_at(sample, rng)
        look = SecondLook(self._config.side, self._config.margin, 1.0, 1.0, 1.0, 0.0)
        size = (sample.image.shape[1], sample.image.shape[0])
        found = match(seen(detector, sample.image), sample.labels.boxes, sample.labels.ignore, size)
        parts, hits = [], []
        for face, hit in zip(found.faces, found.hits.tolist(), strict=True):
            if not hit and face.score < _FAINT and rng.random() > _FAINT_KEPT:
                continue
            part = square(sample.image, _shaken(face.box, rng), look)
            if part is not None:
                parts.append(part)
                hits.append(hit)
        if not parts:
            return []
        targets = teachers.targets(np.stack(parts), np.array(hits))
        return [_Seen(part, float(target)) for part, target in zip(parts, targets, strict=True)]


def _batch(found: Sequence[_Seen], turned: Sequence[tuple[Image, NDArray[np.float64]]]) -> Learned:
    """What was found first, then labelled faces."""
    squares = np.stack([*(one.image for one in found), *(image for image, _ in turned)])
    hits = [one.hit for one in found] + [np.nan] * len(turned)
    unknown = np.full((len(found), 5, 2), np.nan)
    points = np.concatenate([unknown, *(known[None] for _, known in turned)])
    return Learned(torch.from_numpy(squares), torch.tensor(hits), torch.from_numpy(points.astype(np.float32)))


def seen(detector: OwnDetector, image: Image) -> list[Face]:
    """What a detector takes for a face at its first look, down to the faintest, in pixels of the picture."""
    small, factor = shrink(image, SIDE)
    faces = merged(detector.rows(small, FAINTEST / 2), detector.info.overlap, FAINTEST)
    return [map_back(face, factor) for face in faces]


def squares_of(detector: OwnDetector, pictures: Sequence[FacePicture], second: SecondFile) -> NDArray[np.uint8]:
    """Squares (N, S, S, 3) of what a detector takes for a face in some photographs; a black one where it sees none."""
    look = SecondLook(second.side, second.margin, 1.0, 1.0, 1.0, 0.0)
    images = (load_bgr(picture) for picture in pictures)
    cut = [square(image, face.box, look) for image in images for face in seen(detector, image)]
    known = [part for part in cut if part is not None]
    return np.stack(known or [np.zeros((second.side, second.side, 3), np.uint8)])


def _looked_at(sample: Sample, rng: np.random.Generator) -> Sample:
    """A photograph as the application sees it, as it is or enlarged, or a random window of it."""
    if rng.random() > _WHOLE:
        width, height = (int(v) for v in rng.choice(_WINDOWS, 2))
        sample = view(sample, width, height, rng)
        return Sample(degrade(sample.image, rng), sample.labels)
    image, factor = enlarged(sample.image, SIDE if rng.random() < 0.5 else None)
    labels = sample.labels
    labels = Labels(labels.boxes * factor, labels.landmarks * factor, labels.ignore * factor)
    return Sample(degrade(image, rng) if rng.random() < 0.5 else image, labels)


def _shaken(box: Sequence[float], rng: np.random.Generator) -> Box:
    """A box that lies a little elsewhere and is a little larger or smaller."""
    x1, y1, x2, y2 = box
    side = float(np.sqrt(max((x2 - x1) * (y2 - y1), 1.0)))
    x, y = np.array([x1 + x2, y1 + y2]) / 2 + rng.normal(0, _SHIFT * side, 2)
    half = np.array([x2 - x1, y2 - y1]) / 2 * np.exp(rng.normal(0, _SCALE))
    return (float(x - half[0]), float(y - half[1]), float(x + half[0]), float(y + half[1]))
