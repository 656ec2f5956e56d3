"""The pictures of one data set in memory, with the targets of its heads, and which of them a step sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.data.manifest import Manifest
from mien.learn.multi.recipe import Frame, SetPlan

__all__ = ["Part", "Rows", "framed_crops"]

Array = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Part:
    """One data set of a run.

    Args:
        plan: what the recipe says of it.
        crops: (N, S, S) uint8 for every frame of the plan.
        targets: (N, K) shares per head of its own.
        taught: (N, K) teachers' answers per head of the other sets.
        chance: (N,) how often a picture is drawn, in proportion; None draws all in turn.

    """

    plan: SetPlan
    crops: tuple[Tensor, ...]
    targets: Mapping[str, Tensor]
    taught: Mapping[str, Tensor]
    chance: Tensor | None = None

    def __len__(self) -> int:
        return len(self.crops[0])

    def pictures(self, rows: Tensor) -> Tensor:
        """Crops (M, S, S) uint8 of rows (M,); the frames take turns."""
        out = self.crops[0][rows]
        for i, crops in enumerate(self.crops[1:], start=1):
            out[i :: len(self.crops)] = crops[rows[i :: len(self.crops)]]
        return out


@final
class Rows:
    """Rows of a part for one step after another.

    Args:
        part: N pictures.
        order: rows left over from an earlier part of the run.

    """

    def __init__(self, part: Part, order: Tensor | None = None) -> None:
        self._n, self._chance = len(part), part.chance
        self.order = torch.empty(0, dtype=torch.int64) if order is None else order

    def take(self, count: int) -> Tensor:
        """The next rows (count,): every picture once before any comes again, or by their chances."""
        if self._chance is not None:
            return torch.multinomial(self._chance, count, replacement=True)
        while len(self.order) < count:
            self.order = torch.cat([self.order, torch.randperm(self._n)])
        rows, self.order = self.order[:count], self.order[count:]
        return rows


def framed_crops(manifest: Manifest, frames: Sequence[Frame], size: int) -> tuple[Tensor, ...]:
    """Grey crops (N, S, S) uint8 of all pictures for every frame; outside a picture its border is repeated.

    Raises:
        DataError: a picture cannot be read.

    """
    images = [_grey(manifest.load(i)) for i in range(len(manifest))]
    return tuple(torch.from_numpy(np.stack([_cut(image, frame, size) for image in images])) for frame in frames)


def _grey(image: Array) -> Array:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def _cut(image: Array, frame: Frame, size: int) -> Array:
    height, width = image.shape
    half_y, half_x, middle = height * frame.side / 2, width * frame.side / 2, height * (0.5 + frame.down)
    top, bottom = round(middle - half_y), round(middle + half_y)
    left, right = round(width / 2 - half_x), round(width / 2 + half_x)
    pads = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    inside = image[max(top, 0) : bottom, max(left, 0) : right]
    if any(pads):
        inside = np.asarray(cv2.copyMakeBorder(inside, *pads, cv2.BORDER_REPLICATE), np.uint8)
    if inside.shape == (size, size):
        return inside
    shrinks = inside.shape[0] > size or inside.shape[1] > size
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(inside, (size, size), interpolation=interpolation), np.uint8)
