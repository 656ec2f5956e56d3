"""Which pictures of a data set a model is judged on, and by which label: the protocol behind a figure.

Matches the labels of model and data by meaning. Whatever is left out is counted and named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mien.core.errors import DataError, InputError, OptionError, unknown_name
from mien.core.labels import FERPLUS, FERPLUS_VOTES, LabelSet, concept
from mien.data.manifest import Manifest

__all__ = ["PROTOCOLS", "Task", "aligned_votes", "expressions_of", "majority", "make_task"]

PROTOCOLS = ("auto", "labels", "ferplus-majority")
"""How a picture gets its label: by the data set's label, or by the raters' votes; "auto" asks the model's labels."""

NO_MAJORITY = "no majority"
NO_LABEL = "no label"

_NO_EXPRESSION = {concept("unknown"), concept("NF")}


@dataclass(frozen=True, eq=False)
class Task:
    """The pictures that a model is judged on.

    Args:
        protocol: "labels" or "ferplus-majority".
        names: K labels of the model, in the order of its outputs.
        rows: (N,) rows of the manifest that are judged.
        label: (N,) position in `names` of each row's label.
        votes: (N, K) votes in the order of `names`, or None.
        left_out: number of pictures that are not judged, by the reason: the name of a class that the model lacks,
            "no majority", or "no label".

    """

    protocol: str
    names: tuple[str, ...]
    rows: NDArray[np.int64]
    label: NDArray[np.int64]
    votes: NDArray[np.float64] | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


def make_task(manifest: Manifest, labels: tuple[str, ...], protocol: str = "auto") -> Task:
    """Rows and labels to judge a model with the outputs `labels` by.

    "auto" is "ferplus-majority" for a model with the eight FER+ labels where the data set has FER+ votes, else
    "labels".

    Raises:
        OptionError: no protocol has such a name.
        DataError: the protocol needs FER+ votes and there are none, or model and data have no class in common.

    """
    if protocol not in PROTOCOLS:
        raise OptionError(unknown_name("protocol", protocol, PROTOCOLS))
    model = LabelSet(labels)
    if protocol == "auto":
        protocol = "ferplus-majority" if _same(model, FERPLUS) and _has_ferplus_votes(manifest) else "labels"
    if protocol == "ferplus-majority":
        target, source = majority(_ferplus_votes(manifest), FERPLUS_VOTES.names), FERPLUS
        left = Counter({NO_MAJORITY: int((target < 0).sum())})
    else:
        target, source = manifest.label, manifest.labels
        left = Counter({NO_LABEL: int((target < 0).sum())})
    mapping = source.mapping_to(model)
    numbers = np.array([-1 if to is None else to for to in mapping], np.int64)
    label = np.where(target >= 0, numbers[target], -1)
    for i, name in enumerate(source):
        if mapping[i] is None:
            left[name] += int((target == i).sum())
    rows = np.flatnonzero(label >= 0)
    if not len(rows):
        raise DataError(
            f"{manifest.source}: none of its {len(manifest):,} pictures has a label that the model knows "
            f"(it knows {', '.join(labels)}; left out: {_counts(left)})."
        )
    votes = aligned_votes(manifest, model)
    return Task(
        protocol=protocol,
        names=tuple(labels),
        rows=rows,
        label=label[rows],
        votes=None if votes is None else votes[rows],
        left_out={reason: count for reason, count in left.items() if count},
    )


def majority(votes: ArrayLike, names: Sequence[str]) -> NDArray[np.int64]:
    """Label of each picture by FER+'s official majority rule, -1 where there is none.

    Single votes are dropped as outliers; the winner must have more than half of the votes that remain, and be an
    expression, not "unknown" or "no face" (Barsoum et al. 2016, mode "majority" of the authors' reader).

    Args:
        votes: (N, V) counts.
        names: V kinds of vote, such as `FERPLUS_VOTES`.

    Returns:
        (N,) positions among the kinds that are expressions (`expressions_of`), or -1.

    Raises:
        InputError: another number of columns.

    """
    v = np.asarray(votes, np.float64)
    if v.ndim != 2 or v.shape[1] != len(names):
        raise InputError(f"Votes of {len(names)} kinds must have the shape (images, {len(names)}), got {v.shape}.")
    v = np.where(v > 1, v, 0.0)
    keep = expressions_of(names)
    position = np.full(len(names), -1)
    position[keep] = np.arange(len(keep))
    wins = v.max(axis=1) > v.sum(axis=1) / 2
    return np.where(wins, position[v.argmax(axis=1)], -1).astype(np.int64)


def expressions_of(names: Sequence[str]) -> list[int]:
    """Positions of the kinds of vote that are expressions: all but "unknown" and "no face"."""
    return [i for i, name in enumerate(names) if concept(name) not in _NO_EXPRESSION]


def aligned_votes(manifest: Manifest, labels: LabelSet) -> NDArray[np.float64] | None:
    """Votes (N, K) for `labels`, without those for anything else; None where the data set has no votes for them."""
    if manifest.votes is None:
        return None
    mapping = labels.mapping_to(LabelSet(manifest.vote_labels))
    if all(column is None for column in mapping):
        return None
    columns = [
        np.zeros(len(manifest)) if column is None else manifest.votes[:, column].astype(np.float64)
        for column in mapping
    ]
    return np.stack(columns, axis=1)


def _same(a: LabelSet, b: LabelSet) -> bool:
    return len(a) == len(b) and None not in a.mapping_to(b)


def _has_ferplus_votes(manifest: Manifest) -> bool:
    return manifest.votes is not None and _same(LabelSet(manifest.vote_labels), FERPLUS_VOTES)


def _ferplus_votes(manifest: Manifest) -> NDArray[np.float64]:
    if not _has_ferplus_votes(manifest):
        raise DataError(
            f"{manifest.source}: the protocol ferplus-majority needs the ten vote columns of FER+ "
            f"({', '.join(FERPLUS_VOTES)}); use --protocol labels, or put fer2013new.csv beside the data."
        )
    votes = aligned_votes(manifest, FERPLUS_VOTES)
    assert votes is not None  # just checked
    return votes


def _counts(left: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in left.items() if count) or "none"
