"""Crops and targets as tensors, and the order in which training sees them.

Small data sets are held in memory as uint8; larger ones are read batch by batch.
"""

from __future__ import annotations

import copy
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from mien.core.contract import Color
from mien.data.manifest import Manifest
from mien.learn.targets import Head

__all__ = ["IN_MEMORY_BYTES", "BatchSampler", "CropTable", "class_weights", "loader"]

IN_MEMORY_BYTES = 2 * 1024**3
"""Crops of a split up to this size are decoded once and kept."""

Batch = dict[str, Any]


class CropTable(Dataset[Batch]):
    """Pictures of one split with the targets of every head; indexed by a whole batch of rows at once.

    A batch is {"crops": (B, S, S) or (B, S, S, 3) uint8, "rows": (B,) int64, "targets": {head: (B, K) float32}}.

    Args:
        manifest: the N pictures.
        heads: their targets, N rows each.
        size: side of the crops in pixels.
        color: "gray" or "rgb".

    """

    def __init__(self, manifest: Manifest, heads: Sequence[Head], size: int, color: Color) -> None:
        self.manifest, self.size, self.color = manifest, size, color
        self.heads = tuple(heads)
        self._targets = {head.name: torch.from_numpy(head.targets) for head in heads}
        channels = 1 if color == "gray" else 3
        self.in_memory = len(manifest) * size * size * channels <= IN_MEMORY_BYTES
        self._crops: Tensor | None = None
        if self.in_memory:
            self._crops = torch.from_numpy(manifest.crops(np.arange(len(manifest)), size, color))

    def __len__(self) -> int:
        return len(self.manifest)

    def all_crops(self) -> Tensor:
        """Crops of every row, read anew where they are not held in memory."""
        return self.crops(torch.arange(len(self)))

    def with_heads(self, heads: Sequence[Head]) -> CropTable:
        """The same pictures with other targets."""
        table = copy.copy(self)
        table.heads = tuple(heads)
        table._targets = {head.name: torch.from_numpy(head.targets) for head in heads}
        return table

    def __getitem__(self, rows: Sequence[int]) -> Batch:
        index = torch.as_tensor(rows, dtype=torch.int64)
        return {
            "crops": self.crops(index),
            "rows": index,
            "targets": {name: targets[index] for name, targets in self._targets.items()},
        }

    def crops(self, index: Tensor) -> Tensor:
        """Crops of rows (M,): (M, S, S) or (M, S, S, 3) uint8."""
        if self._crops is not None:
            return self._crops[index]
        return torch.from_numpy(self.manifest.crops(index.numpy(), self.size, self.color))


class BatchSampler(Sampler[list[int]]):
    """Batches of row numbers whose order depends on nothing but the seed and the epoch.

    So a resumed run sees what the whole one would have seen. Every process of a run on several devices takes its
    share of each epoch.

    Args:
        n: rows.
        batch_size: rows per batch.
        seed: of the order; None keeps the order of the table.
        epoch: gives the number of the epoch that is about to be read.
        weights: (N,) chances of the rows, drawn with replacement; None takes every row once.
        drop_last: leave out a last batch that is not full.
        rank, world: which process this is, of how many.

    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        *,
        seed: int | None = None,
        epoch: Callable[[], int] = lambda: 0,
        weights: NDArray[np.float64] | None = None,
        drop_last: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.n, self.batch_size, self.seed, self.weights = n, batch_size, seed, weights
        self.drop_last = drop_last and n // world >= batch_size
        self.rank, self.world = rank, world
        self._epoch = epoch

    def _order(self) -> NDArray[np.int64]:
        if self.seed is None:
            return np.arange(self.n)
        rng = np.random.default_rng((self.seed, self._epoch()))
        if self.weights is not None:
            return rng.choice(self.n, self.n, p=self.weights / self.weights.sum())
        return rng.permutation(self.n)

    def _share(self) -> int:
        """Rows of this process: in training as many as every other's, so that all take the same number of steps."""
        if self.seed is not None:
            return self.n // self.world
        return len(range(self.rank, self.n, self.world))

    def __iter__(self) -> Iterator[list[int]]:
        order = self._order()[self.rank :: self.world][: self._share()].tolist()
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        whole, rest = divmod(self._share(), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)


def class_weights(head: Head) -> NDArray[np.float64]:
    """Weight of every class (K,), inverse to its share of the targets; the mean over pictures is 1."""
    mass = head.targets.sum(axis=0).astype(np.float64)
    weights = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0)
    return weights * mass.sum() / max(int((mass > 0).sum()), 1)


def _leave_stopping_to_others(_worker: int) -> None:
    """Ctrl-C reaches every process of a terminal; the main one decides when the workers end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def loader(table: CropTable, sampler: BatchSampler, workers: int = 0) -> DataLoader[Any]:
    """Batches of a table in the order of a sampler; worker processes only where crops are read from files.

    The loader draws from a generator of its own, so that making one does not move the randomness of training.
    """
    count = 0 if table.in_memory else workers
    return DataLoader(
        table, batch_size=None, sampler=sampler, num_workers=count, persistent_workers=count > 0,
        pin_memory=torch.cuda.is_available(), generator=torch.Generator(), worker_init_fn=_leave_stopping_to_others,
    )  # fmt: skip
