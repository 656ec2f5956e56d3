"""Heads of a network and the targets that they learn: hard labels, and raters' votes as distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, TrainError
from mien.core.labels import LabelSet
from mien.data.manifest import Manifest
from mien.evaluate.protocol import expressions_of, majority
from mien.learn.raters import labels_given_votes

__all__ = ["Head", "heads_of", "vote_shares"]


@dataclass(frozen=True, eq=False)
class Head:
    """One output of a network with its targets, a row per picture of the manifest that it was made from.

    Args:
        name: "labels" or "votes".
        labels: the K classes.
        targets: (N, K) float32; a row sums to 1, or to 0 where the picture has no target.
        label: (N,) int64, the class to judge by, or -1 where the picture does not count.

    """

    name: str
    labels: LabelSet
    targets: NDArray[np.float32]
    label: NDArray[np.int64]


def vote_shares(
    votes: NDArray[np.float32], vote_labels: Sequence[str]
) -> tuple[LabelSet, NDArray[np.float32], NDArray[np.int64]]:
    """Classes, shares of votes (N, K) to learn, and labels (N,) to judge by, from votes (N, V).

    Barsoum et al. 2016: single votes are taken as slips and dropped. Columns for "unknown" and "no face" are no
    classes; a picture for which they win, or without votes, gets shares 0 and label -1.
    """
    keep = expressions_of(vote_labels)
    clean = np.where(votes > 1, votes, 0).astype(np.float32)
    classes, other = clean[:, keep], np.delete(clean, keep, axis=1)
    total = classes.sum(axis=1, keepdims=True)
    lost = other.max(axis=1, initial=0) >= classes.max(axis=1)
    shares = np.divide(classes, total, out=np.zeros_like(classes), where=(total > 0) & ~lost[:, None])
    return LabelSet(vote_labels[i] for i in keep), shares, majority(votes, vote_labels)


def heads_of(manifest: Manifest, targets: str, smoothing: float = 0.0, vote_share: float = 0.0) -> tuple[Head, ...]:
    """The heads that `Config.targets` asks for; the first one is what the run is judged by.

    Args:
        manifest: N rows.
        targets: "hard", "votes" or "both".
        smoothing: label smoothing of hard targets.
        vote_share: weight of what the votes say about the label (`mien.learn.raters`) against the label itself.

    Raises:
        TrainError: votes are asked for and the data set has none.
        DataError: a picture has no label.

    """
    heads: list[Head] = []
    if targets in {"hard", "both"}:
        if (manifest.label < 0).any():
            missing = int((manifest.label < 0).sum())
            raise DataError(f"{manifest.source}: {missing} pictures have no label; give them one or remove them.")
        k = len(manifest.labels)
        hard = np.eye(k, dtype=np.float32)[manifest.label]
        if vote_share:
            said = labels_given_votes(_votes_of(manifest, "'vote_share'"), manifest.label, k)
            hard = hard * (1 - vote_share) + said * vote_share
        hard = hard * (1 - smoothing) + np.float32(smoothing / k)
        heads.append(Head("labels", manifest.labels, hard.astype(np.float32), manifest.label))
    if targets in {"votes", "both"}:
        votes = _votes_of(manifest, f"targets {targets!r}")
        heads.append(Head("votes", *vote_shares(votes, manifest.vote_labels)))
    return tuple(heads)


def _votes_of(manifest: Manifest, asked: str) -> NDArray[np.float32]:
    if manifest.votes is None:
        raise TrainError(
            f"{manifest.source} has no votes, so {asked} cannot be learnt; "
            'take targets "hard", or add fer2013new.csv to FER-2013.'
        )
    return manifest.votes
