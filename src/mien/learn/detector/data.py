"""Endless batches of training pictures from photographs that lie decoded in memory.

A search for hard pictures changes how often each photograph is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from mien.data.faces import FacePicture, load_bgr
from mien.learn.detector.appearance import defocused, degrade
from mien.learn.detector.augment import Labels, Sample, mosaic, view
from mien.learn.detector.config import DetectorConfig
from mien.learn.detector.drawn import drawn
from mien.learn.detector.loss import Targets

__all__ = ["Batch", "Batches", "decoded", "loader"]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Batch:
    """Pictures (N, S, S, 3) uint8 BGR and their faces."""

    images: Tensor
    targets: Targets


def decoded(pictures: Sequence[FacePicture]) -> list[Sample]:
    """All photographs as pixels in memory.

    Raises:
        DataError: a picture cannot be read.

    """
    return [Sample(load_bgr(p), Labels(p.boxes, p.landmarks, p.ignore)) for p in pictures]


class Batches(IterableDataset[Batch]):
    """Endless random batches.

    Args:
        samples: photographs.
        config: of the run.
        seed: changes when a run is resumed, so that it does not see the same pictures again.

    `weights` (one per photograph) and `mosaics` (share of mosaics) lie in shared memory: what the training process
    writes into them, the processes that make pictures see at once.

    """

    def __init__(self, samples: Sequence[Sample], config: DetectorConfig, seed: int) -> None:
        super().__init__()
        self.weights = torch.ones(len(samples)).share_memory_()
        self.mosaics = torch.tensor([config.mosaic]).share_memory_()
        self._samples, self._config, self._seed = samples, config, seed

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        rng = np.random.default_rng((self._seed, 0 if info is None else info.id))
        while True:
            chances = np.cumsum(self.weights.numpy(), dtype=np.float64)
            double = (
                rng.random() < self._config.large
            )  # fewer pictures of twice the side: faces too large for the others
            size, number = self._config.size * (1 + double), self._config.batch // (1 + 3 * double)
            yield _collate([self._make(chances, size, rng) for _ in range(max(number, 1))])

    def _make(self, chances: np.ndarray, size: int, rng: np.random.Generator) -> Sample:
        number = 4 if rng.random() < float(self.mosaics) else 1
        indices = np.searchsorted(chances, rng.random(number) * chances[-1], side="right")
        chosen = [self._part(self._samples[min(int(i), len(self._samples) - 1)], rng) for i in indices]
        sample = mosaic(chosen, size, rng) if number == 4 else view(chosen[0], size, size, rng)
        return Sample(degrade(sample.image, rng), sample.labels)

    def _part(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """A photograph; some of those without a face are out of focus, and some are drawings instead."""
        if len(sample.labels.boxes) or len(sample.labels.ignore) or rng.random() < 0.6:
            return sample
        if rng.random() < 0.5:
            return Sample(defocused(sample.image, rng), sample.labels)
        return Sample(drawn(320, 240, rng), sample.labels)


def _collate(samples: Sequence[Sample]) -> Batch:
    counts = torch.tensor([len(s.labels.boxes) for s in samples])
    ignore = [np.insert(s.labels.ignore, 0, i, axis=1) for i, s in enumerate(samples)]
    targets = Targets(
        torch.repeat_interleave(torch.arange(len(samples)), counts),
        torch.from_numpy(np.concatenate([s.labels.boxes for s in samples])),
        torch.from_numpy(np.concatenate([s.labels.landmarks for s in samples])),
        torch.from_numpy(np.concatenate(ignore)),
    )
    return Batch(torch.from_numpy(np.stack([s.image for s in samples])), targets)


def loader(batches: IterableDataset[T], workers: int) -> Iterator[T]:
    """Iterator over batches that are made in this process (0 workers) or in others."""
    cv2.setNumThreads(1)  # here and not in the processes: after a fork OpenCV would wait for threads that are not there
    ahead = 4 if workers else None
    return iter(DataLoader(batches, batch_size=None, num_workers=workers, prefetch_factor=ahead))
