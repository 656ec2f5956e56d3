"""One linear head from several of a network: other class shares than the training data's, and several vocabularies.

What a head says is a posterior under the class shares of its training data. Divided by these shares to a power it suits
pictures with more even ones (Saerens et al. 2002 with the power 1). The geometric mean of several heads' answers is
again a softmax of a linear function, so the result is one head and costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mien.core.errors import InputError
from mien.core.labels import LabelSet
from mien.core.scores import log_softmax

__all__ = ["View", "Voice", "balanced_loss", "blended", "choose_blend", "even_weights", "voiced_logits"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Voice:
    """One head's part in a blend.

    Args:
        head: its name.
        labels: its K classes.
        shares: (K,) class shares of what it learnt, which sum to 1.
        weight: of its logits.
        power: of the shares by which its answers are divided, in 0..1.

    """

    head: str
    labels: tuple[str, ...]
    shares: tuple[float, ...]
    weight: float = 1.0
    power: float = 0.0


@dataclass(frozen=True, eq=False)
class View:
    """A validation split to choose by: logits (N, K) per head, and labels (N,) in the order of the blend's classes."""

    logits: Mapping[str, NDArray[np.float32]]
    label: NDArray[np.int64]


def voiced_logits(view: View, voices: Sequence[Voice], names: Sequence[str]) -> Floats:
    """Logits (N, L) of a blend for the classes `names`.

    Raises:
        InputError: a voice lacks one of the classes.

    """
    total: Floats = np.zeros((len(view.label), len(names)))
    for voice in voices:
        columns = _columns(voice, names)
        z = np.asarray(view.logits[voice.head], np.float64)[:, columns]
        total += voice.weight * (z - voice.power * _log_shares(voice)[columns])
    return total


@torch.no_grad()
def blended(heads: Mapping[str, nn.Linear], voices: Sequence[Voice], names: Sequence[str]) -> nn.Linear:
    """The linear head that gives `voiced_logits`.

    Raises:
        InputError: a voice lacks one of the classes.

    """
    first = heads[voices[0].head]
    out = nn.Linear(first.in_features, len(names))
    out.weight.zero_()
    out.bias.zero_()
    for voice in voices:
        columns = _columns(voice, names)
        head = heads[voice.head]
        shift = torch.from_numpy(voice.power * _log_shares(voice)).to(head.bias)
        out.weight.add_(head.weight[columns], alpha=voice.weight)
        out.bias.add_((head.bias - shift)[columns], alpha=voice.weight)
    return out


def balanced_loss(logits: Floats, label: NDArray[np.int64], evenness: float) -> float:
    """Log-loss as it would be if the classes had their shares to the power 1 - `evenness`.

    Args:
        logits: (N, K).
        label: (N,) in 0..K-1.
        evenness: 0 takes the shares as they are, 1 counts every class alike.

    """
    loss = -log_softmax(logits)[np.arange(len(label)), label]
    return float((loss * even_weights(label, evenness)).sum())


def even_weights(label: NDArray[np.int64], evenness: float) -> Floats:
    """Weight of every picture (N,), its class's number of pictures to the power -`evenness`; they sum to 1."""
    weight: Floats = np.bincount(label).astype(np.float64)[label] ** -evenness
    return weight / weight.sum()


def choose_blend(
    views: Sequence[View],
    voices: Sequence[Voice],
    names: Sequence[str],
    *,
    shares: Sequence[float],
    powers: Sequence[float],
    scales: Sequence[float],
    evenness: float,
    tolerance: float = 0.0,
    least_accuracy: float = 0.0,
) -> tuple[tuple[Voice, ...], float]:
    """Weights and powers of two voices with the lowest `balanced_loss`, as the mean over the views; gives it too.

    Of weights whose losses lie within a tolerance of the lowest, the largest of the first voice is taken.

    Args:
        views: validation splits, every one counts alike.
        voices: two heads.
        names: classes of the blend.
        shares: weights of the first voice to try, in 0..1; the second has the rest.
        powers: of the shares to try, the same for both voices.
        scales: factors of all logits to try, which act as inverse temperatures.
        evenness: see `balanced_loss`.
        tolerance: nats.
        least_accuracy: that a blend must have on the first view to be taken.

    Raises:
        InputError: no blend has that accuracy.

    """
    found = [
        _best_at(share, views, voices, names, powers, scales, evenness, least_accuracy)
        for share in sorted(shares, reverse=True)
    ]
    lowest = min(loss for _, loss in found)
    if lowest == float("inf"):
        raise InputError(f"No blend has an accuracy of {least_accuracy:g} on the first data set; ask for less.")
    return next((tried, loss) for tried, loss in found if loss <= lowest + tolerance)


def _best_at(
    share: float,
    views: Sequence[View],
    voices: Sequence[Voice],
    names: Sequence[str],
    powers: Sequence[float],
    scales: Sequence[float],
    evenness: float,
    least_accuracy: float,
) -> tuple[tuple[Voice, ...], float]:
    """The best power and scale at a weight of the first voice; an infinite loss where none is accurate enough."""
    best: tuple[tuple[Voice, ...], float] = (tuple(voices), float("inf"))
    for power in powers:
        for scale in scales:
            first = _with(voices[0], scale * share, power / scale)
            second = _with(voices[1], scale * (1 - share), power / scale)
            tried = tuple(v for v in (first, second) if v.weight > 0)
            logits = [voiced_logits(view, tried, names) for view in views]
            if (logits[0].argmax(axis=1) == views[0].label).mean() < least_accuracy:
                continue
            losses = [balanced_loss(z, view.label, evenness) for z, view in zip(logits, views, strict=True)]
            if float(np.mean(losses)) < best[1]:
                best = (tried, float(np.mean(losses)))
    return best


def _with(voice: Voice, weight: float, power: float) -> Voice:
    return Voice(voice.head, voice.labels, voice.shares, weight, power)


def _columns(voice: Voice, names: Sequence[str]) -> list[int]:
    found = LabelSet(names).mapping_to(LabelSet(voice.labels))
    if None in found:
        missing = names[found.index(None)]
        raise InputError(f"The head {voice.head!r} has no class {missing!r}, so it cannot take part in the blend.")
    return [column for column in found if column is not None]


def _log_shares(voice: Voice) -> Floats:
    return np.log(np.maximum(np.asarray(voice.shares, np.float64), 1e-6))
