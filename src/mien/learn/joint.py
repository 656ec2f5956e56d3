"""One linear head that learns the labels of several data sets together, on features that are already there.

Every class of a set counts alike, whatever the number of its pictures, and the sets by their shares. What two sets
call the same expression differs; a head that learns from both, on a trunk that knows both, does better on both than the
mean of their own heads (dev/log.md, 2026-11-27). The trunk has seen the pictures that the head learns from, so that
their features say more than those of others would: the weights are held small, and labels may be softened
(2026-11-28).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mien.learn.blend import balanced_loss, even_weights

__all__ = ["EVENNESS", "TOLERANCE", "Choice", "Features", "choose_head", "joint_head"]

EVENNESS = 0.7
"""How far the class shares of every set are evened out to choose; 1 counts all classes alike."""
TOLERANCE = 0.005
"""Nats within which more of the first set is taken: the second one's labels are one rater's each."""

_SHARES = (0.8, 0.7, 0.6, 0.5)  # of the first set, the best first where they are as good
_SCALES = tuple(float(s) for s in np.linspace(0.7, 1.3, 31))
_RIDGE = 3e-5  # pull of the weights towards zero
_STEPS = 80


@dataclass(frozen=True, eq=False)
class Features:
    """Pictures of one data set as the head sees them.

    Args:
        x: (N, F) float32.
        label: (N,) in 0..K-1.
        target: (N, K) shares of the labels that are learnt instead; None learns the labels as they are.

    """

    x: Tensor
    label: NDArray[np.int64]
    target: Tensor | None = None

    def learnt(self) -> Tensor:
        """What a head learns of every picture: (N, K) shares, or (N,) labels."""
        return torch.from_numpy(self.label) if self.target is None else self.target


@dataclass(frozen=True, eq=False)
class Choice:
    """The head that the rule takes.

    Args:
        head: its logits are scaled already.
        share: of the first set in what it learnt.
        scale: of its logits, by which they are calibrated.
        loss: `balanced_loss` as the mean over the validation splits at the scale that is best for it, nats.

    """

    head: nn.Linear
    share: float
    scale: float
    loss: float


def joint_head(sets: Sequence[Features], shares: Sequence[float], classes: int) -> nn.Linear:
    """The head (F -> K) with the lowest weighted log-loss over the sets, by L-BFGS from zero.

    Args:
        sets: training pictures.
        shares: of the sets in the loss, which sum to 1.
        classes: K.

    """
    head = nn.Linear(sets[0].x.shape[1], classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    learnt = [part.learnt() for part in sets]
    weights = [
        torch.from_numpy(even_weights(part.label, 1.0) * share).float()
        for part, share in zip(sets, shares, strict=True)
    ]
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimizer.zero_grad()
        total = _RIDGE * head.weight.square().sum()
        for part, target, weight in zip(sets, learnt, weights, strict=True):
            total = total + (nn.functional.cross_entropy(head(part.x), target, reduction="none") * weight).sum()
        total.backward()
        return float(total.detach())

    optimizer.step(loss)
    return head.requires_grad_(False)


def choose_head(
    train: Sequence[Features], validation: Sequence[Features], classes: int, tolerance: float = 0.0
) -> Choice:
    """The joint head of two sets whose share has the lowest loss on both validation splits, then calibrated on them.

    Of shares whose losses lie within a tolerance of the lowest, the largest of the first set is taken. The factor of
    the logits has the lowest log-loss with the classes as they are.

    Args:
        train: two sets to learn from.
        validation: their validation splits.
        classes: of the head.
        tolerance: nats.

    """
    tried = [(share, joint_head(train, (share, 1 - share), classes)) for share in _SHARES]
    losses = [min(_loss(head, validation, scale, EVENNESS) for scale in _SCALES) for _, head in tried]
    place = next(i for i, loss in enumerate(losses) if loss <= min(losses) + tolerance)
    share, head = tried[place]
    scale = min(_SCALES, key=lambda tried_scale: _loss(head, validation, tried_scale, 0.0))
    with torch.no_grad():
        head.weight.mul_(scale)
        head.bias.mul_(scale)
    return Choice(head, share, scale, losses[place])


@torch.no_grad()
def _loss(head: nn.Linear, validation: Sequence[Features], scale: float, evenness: float) -> float:
    """Mean over the splits of the log-loss of scaled logits."""
    parts = [balanced_loss(head(part.x).double().numpy() * scale, part.label, evenness) for part in validation]
    return float(np.mean(parts))
