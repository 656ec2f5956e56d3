"""Which rows of an audited data set to keep, and why each of the others goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mien.data.audit import Audit
from mien.data.manifest import NO_LABEL, Manifest

__all__ = ["REASONS", "Cleaned", "clean"]

REASONS = {
    "dropped": "a person decided so",
    "blank": "shows nothing",
    "no_face": "most people saw no face in it",
    "conflict": "the same picture has different labels",
    "leak": "the same picture is in a split that is kept for judging",
    "copy": "the same picture occurs before in this split",
    "near_leak": "nearly the same picture is in a split that is kept for judging",
}
"""Why a row goes; the first that fits is given."""

# The copy that stays is the one in the split that judges: a picture in test must not be learned or chosen by.
_RANK = {"test": 0, "validation": 1, "train": 2, "": 3}


@dataclass(frozen=True)
class Cleaned:
    """What is left of a data set.

    Args:
        manifest: the rows that stay.
        reasons: (N,) for every row of the audited set one of `REASONS`, or "" where it stays.
        split: (N,) the splits of the audited set, to count by.

    """

    manifest: Manifest
    reasons: NDArray[np.str_]
    split: NDArray[np.str_]

    def counts(self) -> dict[str, dict[str, int]]:
        """For every reason that occurs, how many rows of every split went."""
        seen = Counter(zip(self.reasons.tolist(), self.split.tolist(), strict=True))
        splits = [split for split in ("train", "validation", "test", "") if split in set(self.split.tolist())]
        rows = {reason: {split: seen[reason, split] for split in splits} for reason in REASONS}
        return {reason: row for reason, row in rows.items() if any(row.values())}


def clean(audit: Audit, dropped: NDArray[np.bool_] | None = None) -> Cleaned:
    """Decide what stays.

    Args:
        audit: what was found.
        dropped: (N,) rows that a person decided to drop, see `mien.data.review`; they go first.

    Blank and faceless pictures go, and every picture whose copies have different labels. Of identical pictures one
    stays, in test rather than in validation rather than in training. Of nearly identical ones in two splits likewise;
    within one split they stay, for they are as good as augmentation.

    """
    manifest = audit.manifest
    reasons = np.full(len(manifest), "", dtype="<U9")
    _mark(reasons, [] if dropped is None else np.flatnonzero(dropped), "dropped")
    _mark(reasons, audit.blank, "blank")
    _mark(reasons, [] if audit.no_face is None else audit.no_face, "no_face")
    for group in audit.conflicts:
        alive = [row for row in group if not reasons[row]]
        if len({int(manifest.label[row]) for row in alive} - {NO_LABEL}) > 1:
            _mark(reasons, alive, "conflict")
    for group in audit.exact:
        _keep_one(reasons, group, manifest.split)
    _part_near(reasons, audit)
    return Cleaned(manifest.select(reasons == ""), reasons, manifest.split)


def _mark(reasons: NDArray[np.str_], rows: Sequence[int] | Iterable[int], reason: str) -> None:
    for row in rows:
        if not reasons[row]:
            reasons[row] = reason


def _keep_one(reasons: NDArray[np.str_], group: Sequence[int], split: NDArray[np.str_]) -> None:
    alive = [row for row in group if not reasons[row]]
    if not alive:
        return
    kept = min(alive, key=lambda row: (_RANK[str(split[row])], row))
    for row in alive:
        if row != kept:
            reasons[row] = "copy" if split[row] == split[kept] else "leak"


def _part_near(reasons: NDArray[np.str_], audit: Audit) -> None:
    """Of near pairs across splits, drop the row in the split that is not for judging; pairs stand for exact groups."""
    if audit.near is None:
        return
    digests, split = audit.manifest.digests, audit.manifest.split
    kept = {str(digests[row]): row for row in np.flatnonzero(reasons == "").tolist()}
    for a, b in digests[audit.near.pairs].reshape(-1, 2).tolist():
        if a in kept and b in kept and split[kept[a]] != split[kept[b]]:
            loser = max(kept[a], kept[b], key=lambda row: _RANK[str(split[row])])
            _mark(reasons, [loser], "near_leak")
