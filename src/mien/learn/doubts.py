"""Out-of-fold probabilities of a data set's labels, from the features of a trained network.

The network stays as it is; a logistic regression on its features is fitted five times, each time without a fifth of the
pictures, about which it is then asked (cross-validation as confident learning needs it, Northcutt et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mien.core.contract import Color
from mien.core.errors import DataError, TrainError
from mien.data.deal import class_counts, deal, together
from mien.data.manifest import Manifest
from mien.data.near import Near
from mien.learn.models import Network, build, default_size
from mien.learn.saved import load_network
from mien.learn.weights import weights_of

__all__ = ["FOLDS", "Trunk", "out_of_fold", "trunk_of"]

FOLDS = 5

_BATCH = 128
_STEPS = 60
_RIDGES = (0.3, 0.03, 0.003)
"""Tried strengths of the penalty on the squared weights; the one with the lowest out-of-fold log-loss is taken."""

Floats = NDArray[np.float32]
Advance = Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Trunk:
    """A trained network whose features are looked at; it takes crops of this size and colour."""

    network: Network
    size: int
    color: Color

    @torch.no_grad()
    def features(self, manifest: Manifest, advance: Advance | None = None) -> Tensor:
        """Features (N, D) of whole pictures: the mean over each one and its mirror image.

        Args:
            manifest: N pictures, face crops.
            advance: called with the number of pictures that are done since the last call.

        Raises:
            DataError: a picture cannot be read.

        """
        parts, net = [], self.network
        for start in range(0, len(manifest), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(manifest)))
            planes = net.normalise(net.planes(torch.from_numpy(manifest.crops(rows, self.size, self.color))))
            parts.append((net.trunk(planes) + net.trunk(planes.flip(-1))) / 2)
            if advance is not None:
                advance(len(rows))
        return torch.cat(parts)


def trunk_of(weights: str) -> Trunk:
    """The network of a packaged name or of a run's folder, in evaluation mode, on the processor.

    Raises:
        TrainError: there are no such weights, or they are damaged.

    """
    if Path(weights).is_dir():
        network, card = load_network(weights)
        return Trunk(network, card.crop.size, card.crop.color)
    known = weights_of(weights)
    if not known.architecture:
        raise TrainError(f"The file {weights} does not say which network it belongs to; name a run's folder.")
    size, heads = default_size(known.architecture), {name: len(labels) for name, labels in (known.heads or {}).items()}
    network = build(known.architecture, heads, size=size, weights=known.path)
    return Trunk(network.eval(), size, "gray")


def out_of_fold(features: Tensor, manifest: Manifest, near: Near | None = None, seed: int = 0) -> Floats:
    """Probability of every class (N, K) for each picture, from fits that saw neither it nor one that belongs to it.

    Identical pictures, pictures of one person and, where they are given, near copies stay in one fold.

    Args:
        features: (N, D).
        manifest: N rows, all with a label.
        near: near duplicates, as in `mien.data.split.make_splits`.
        seed: of the folds.

    Raises:
        DataError: there are too few pictures for five folds, or fewer than two classes.

    """
    group = together(manifest, near)
    used = np.unique(manifest.label)
    if len(used) < 2 or group.max() + 1 < 2 * FOLDS:
        raise DataError(
            f"{manifest.source}: expected at least two classes and {2 * FOLDS} different pictures to cross-validate, "
            f"got {len(used)} and {group.max() + 1}."
        )
    parts = np.full(FOLDS, 1 / FOLDS)
    fold = torch.from_numpy(deal(class_counts(manifest, group), parts, np.random.default_rng(seed))[group])
    x = (features - features.mean(dim=0)) / features.std(dim=0).clamp(min=1e-3)
    y = torch.from_numpy(manifest.label)
    tried = [_answers(x, y, fold, len(manifest.labels), ridge) for ridge in _RIDGES]
    losses = [float(functional.nll_loss(p.clamp(min=1e-9).log(), y)) for p in tried]
    found: Floats = tried[int(np.argmin(losses))].numpy()
    return found


def _answers(x: Tensor, y: Tensor, fold: Tensor, classes: int, ridge: float) -> Tensor:
    out = torch.zeros(len(x), classes)
    for k in range(FOLDS):
        held = fold == k
        weight, bias = _fit(x[~held], y[~held], classes, ridge)
        out[held] = (x[held] @ weight + bias).softmax(dim=1)
    return out


def _fit(x: Tensor, y: Tensor, classes: int, ridge: float) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression: weights (D, K) and biases (K,)."""
    weight = torch.zeros(x.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(x @ weight + bias, y) + ridge * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weight.detach(), bias.detach()
