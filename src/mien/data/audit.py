"""What is wrong with a data set: duplicates, leaks between splits, conflicting labels, blank and faceless pictures.

Only reports; `mien.data.clean` removes. The near duplicates are found as `mien.data.near` describes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mien.core.labels import concept
from mien.data.leaks import Leaks, leaks
from mien.data.manifest import NO_LABEL, SPLITS, Manifest
from mien.data.near import DETAIL, SHIFT, THUMB, Near, groups_of

__all__ = ["BLANK_SPREAD", "NO_FACE_VOTES", "Audit", "audit", "representatives"]

BLANK_SPREAD = 1.0
"""A picture whose grey levels have a smaller standard deviation than this, of 0..255, shows nothing."""

NO_FACE_VOTES = 0.5
"""A picture shows no face where more than this part of its votes says so."""

Rows = NDArray[np.int64]
Groups = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Audit:
    """What was found; numbers are rows of `manifest`.

    Args:
        manifest: the data set.
        exact: groups of pictures whose pixels are all the same.
        conflicts: those of them whose labels differ.
        near: pairs of nearly the same pictures, one row standing for each exact group; None where not looked for.
        blank: pictures that show nothing.
        no_face: pictures that most people saw no face in; None where the set has no such votes.
        subjects: people who occur in more than one split; None where subjects are not known.
        leaks: what occurs in training and in validation or test, exactly.

    """

    manifest: Manifest
    exact: Groups
    conflicts: Groups
    near: Near | None
    blank: Rows
    no_face: Rows | None
    subjects: tuple[str, ...] | None
    leaks: Leaks

    @property
    def surplus(self) -> dict[str, int]:
        """For every split, how many pictures are copies of another one of the same split."""
        out = {}
        for split in self.manifest.split_counts():
            digests = self.manifest.digests[self.manifest.split == split]
            out[split] = len(digests) - len(np.unique(digests))
        return out

    def between(self) -> dict[str, int]:
        """How many pictures of a split occur exactly in another: "test in train" and so on."""
        digests, split = self.manifest.digests, self.manifest.split
        return {
            f"{held} in {other}": int(np.isin(digests[split == held], digests[split == other]).sum())
            for held, other in _pairs_of_splits(self.manifest)
        }

    def near_between(self) -> dict[str, int]:
        """How many further pictures of a split nearly, and not exactly, occur in another."""
        return {
            f"{held} in {other}": len(self.near_rows(held, other)) for held, other in _pairs_of_splits(self.manifest)
        }

    def near_rows(self, held: str, other: str) -> Rows:
        """Rows of a split that nearly, and not exactly, occur in another."""
        if self.near is None:
            return np.zeros(0, np.int64)
        digests, split = self.manifest.digests, self.manifest.split
        theirs = set(digests[split == other].tolist())
        partners: set[str] = set()
        for a, b in digests[self.near.pairs].reshape(-1, 2).tolist():
            partners |= ({a} if b in theirs else set()) | ({b} if a in theirs else set())
        rows = np.flatnonzero(split == held)
        return rows[[d in partners and d not in theirs for d in digests[rows].tolist()]]

    def near_groups(self) -> list[list[int]]:
        """Sets of rows that near pairs connect."""
        return [] if self.near is None else groups_of(self.near.pairs)

    def leaked_by_class(self, split: str) -> dict[str, float]:
        """For every class with pictures in a held-out split, the part of them that occurs in training, in 0..1."""
        m = self.manifest
        total = np.bincount(m.label[(m.split == split) & (m.label >= 0)], minlength=len(m.labels))
        rows = self.leaks.rows.get(split, np.zeros(0, np.int64))
        leaked = np.bincount(m.label[rows][m.label[rows] >= 0], minlength=len(m.labels))
        return {name: float(leaked[i] / total[i]) for i, name in enumerate(m.labels) if total[i]}

    def imbalance(self) -> tuple[str, str, float] | None:
        """The largest and the smallest class in training (or in all, without splits) and how many times it is larger.

        The factor is infinite for a class without pictures; None for a set without labels.
        """
        part = self.manifest
        if np.any(part.split == "train"):
            part = part.of_split("train")
        counts = part.counts()
        if not counts.sum():
            return None
        most, least = int(counts.argmax()), int(counts.argmin())
        factor = float(counts[most] / counts[least]) if counts[least] else float("inf")
        return part.labels.names[most], part.labels.names[least], factor

    def by_split(self, rows: Iterable[int]) -> dict[str, int]:
        """Number of the rows in every split that the set has."""
        picked = self.manifest.split[np.array(list(rows), np.int64)]
        return {split: int((picked == split).sum()) for split in self.manifest.split_counts()}

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON; docs/data.md describes the keys."""
        m, between = self.manifest, self.between()
        odd = self.imbalance()
        return {
            "source": m.source,
            "sha256": m.digest,
            "pictures": len(m),
            "splits": m.split_counts(),
            "classes": {name: self.by_split(np.flatnonzero(m.label == i)) for i, name in enumerate(m.labels)},
            "imbalance": odd and {
                "largest": odd[0], "smallest": odd[1], "factor": odd[2] if np.isfinite(odd[2]) else None,
            },
            "unreadable": [{"name": name, "reason": reason} for name, reason in m.unreadable],
            "passed_over": dict(sorted(m.passed.items())),
            "duplicates": {
                "groups": len(self.exact),
                "surplus": sum(self.surplus.values()),
                "surplus_within": self.surplus,
                "between": between,
                "leaked": {split: self.leaks.fraction(split) for split in self.leaks.totals},
                "leaked_by_class": {split: self.leaked_by_class(split) for split in self.leaks.totals},
                "list": [self._named(group) for group in self.exact],
            },
            "near_duplicates": self._near_dict(),
            "conflicts": {"groups": len(self.conflicts), "list": [self._named(group) for group in self.conflicts]},
            "blank": {"count": len(self.blank), "by_split": self.by_split(self.blank), "list": self._named(self.blank)},
            "no_face": None if self.no_face is None else {
                "count": len(self.no_face),
                "by_split": self.by_split(self.no_face),
                "list": self._named(self.no_face),
            },
            "subjects_in_several_splits": None if self.subjects is None else list(self.subjects),
        }  # fmt: skip

    def _near_dict(self) -> dict[str, Any] | None:
        if self.near is None:
            return None
        names = self.manifest.names
        return {
            "thumbnail_correlation": THUMB,
            "detail_correlation": DETAIL,
            "shift_of_48": SHIFT,
            "groups": len(self.near_groups()),
            "between": self.near_between(),
            "pairs": [
                {"first": str(names[a]), "second": str(names[b]), "mirrored": bool(mirrored), "score": float(score)}
                for (a, b), mirrored, score in zip(
                    self.near.pairs.tolist(), self.near.mirrored, self.near.score, strict=True
                )
            ],
        }

    def _named(self, rows: Iterable[int]) -> list[dict[str, str | None]]:
        m = self.manifest
        return [
            {
                "name": str(m.names[i]),
                "split": str(m.split[i]),
                "label": None if m.label[i] == NO_LABEL else m.labels.names[m.label[i]],
            }
            for i in rows
        ]


def audit(manifest: Manifest, *, near: Near | None = None) -> Audit:
    """Look a data set over.

    Args:
        manifest: as `mien.data.read` gives it.
        near: near duplicates among `representatives(manifest)`, from `mien.data.near.near_pairs`.

    Raises:
        DataError: a picture cannot be read.

    """
    groups = _exact_groups(manifest)
    blank = np.flatnonzero(manifest.stats.spread < BLANK_SPREAD)
    return Audit(
        manifest=manifest,
        exact=groups,
        conflicts=tuple(group for group in groups if len(_labels_of(manifest, group)) > 1),
        near=near,
        blank=blank,
        no_face=_no_face(manifest),
        subjects=_wandering_subjects(manifest),
        leaks=leaks(manifest),
    )


def representatives(manifest: Manifest) -> Rows:
    """The first row of every set of identical pictures, without blank ones."""
    _, first = np.unique(manifest.digests, return_index=True)
    rows = np.sort(first).astype(np.int64)
    return rows[manifest.stats.spread[rows] >= BLANK_SPREAD]


def _exact_groups(manifest: Manifest) -> Groups:
    members: dict[str, list[int]] = {}
    for row, digest in enumerate(manifest.digests.tolist()):
        members.setdefault(digest, []).append(row)
    return tuple(tuple(rows) for rows in members.values() if len(rows) > 1)


def _labels_of(manifest: Manifest, rows: Iterable[int]) -> set[int]:
    return {int(manifest.label[row]) for row in rows} - {NO_LABEL}


def _no_face(manifest: Manifest) -> Rows | None:
    column = next((i for i, name in enumerate(manifest.vote_labels) if concept(name) == "nf"), None)
    if manifest.votes is None or column is None:
        return None
    return np.flatnonzero(manifest.votes[:, column] > NO_FACE_VOTES * manifest.votes.sum(axis=1))


def _wandering_subjects(manifest: Manifest) -> tuple[str, ...] | None:
    if manifest.subject is None:
        return None
    known = manifest.subject != ""
    pairs = set(zip(manifest.subject[known].tolist(), manifest.split[known].tolist(), strict=True))
    seen: dict[str, int] = {}
    for subject, _ in pairs:
        seen[subject] = seen.get(subject, 0) + 1
    return tuple(sorted(subject for subject, splits in seen.items() if splits > 1))


def _pairs_of_splits(manifest: Manifest) -> list[tuple[str, str]]:
    present = [split for split in SPLITS if split in manifest.split_counts()]
    return [(held, other) for k, held in enumerate(present) for other in present[:k]]
