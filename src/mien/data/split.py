"""Splits for data that has none: stratified by class, and without a person or a picture in two of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mien.core.errors import DataError, OptionError
from mien.data.manifest import NO_LABEL, SPLITS, Manifest
from mien.data.near import Near, groups_of

__all__ = ["make_splits", "parse_parts"]


def parse_parts(text: str) -> tuple[float, float, float]:
    """Parts of training, validation and test in 0..1 from text such as "80/10/10".

    Raises:
        OptionError: not three numbers, or they do not make 100.

    """
    words = text.split("/")
    try:
        parts = [float(word) / 100 for word in words]
    except ValueError:
        parts = []
    if len(parts) != 3 or min(parts) < 0 or abs(sum(parts) - 1) > 1e-6:
        raise OptionError(f"Expected per cent for train/validation/test that make 100, such as 80/10/10, got {text!r}.")
    return parts[0], parts[1], parts[2]


def make_splits(
    manifest: Manifest, parts: Sequence[float] = (0.8, 0.1, 0.1), *, seed: int = 0, near: Near | None = None
) -> Manifest:
    """The same rows with new splits.

    Rows that belong together stay together: identical pictures, pictures of one subject, and near duplicates where
    they are given. These groups are taken in random order, the large ones first, and each goes to the split that
    lacks most of its classes; so every class is divided as asked, as far as the groups allow.

    Args:
        manifest: the pictures.
        parts: of training, validation and test, in 0..1; a split of 0 stays empty.
        seed: of the order; the same seed gives the same splits.
        near: near duplicates, from `mien.data.near.near_pairs`.

    Raises:
        DataError: there are too few groups to fill a split.

    """
    group = _groups(manifest, near)
    counts = np.zeros((group.max() + 1, len(manifest.labels) + 1), np.int64)  # the last column: without a label
    np.add.at(counts, (group, np.where(manifest.label == NO_LABEL, len(manifest.labels), manifest.label)), 1)
    where = _deal(counts, np.asarray(parts, np.float64), np.random.default_rng(seed))
    split = np.array(SPLITS)[where[group]]
    for name, part in zip(SPLITS, parts, strict=True):
        if part > 0 and not np.any(split == name):
            raise DataError(
                f"{manifest.source}: {len(counts):,} groups of pictures that belong together are too few to give "
                f"{part:.0%} to {name}; ask for other parts"
                + ("." if near is None else ", or leave out near duplicates (--no-near).")
            )
    return dataclasses.replace(manifest, split=split)


def _groups(manifest: Manifest, near: Near | None) -> NDArray[np.int64]:
    """Number of the group of every row, (N,), from 0."""
    _, same = np.unique(manifest.digests, return_inverse=True)
    links = [_chain(np.asarray(same))]
    if manifest.subject is not None:
        known = np.flatnonzero(manifest.subject != "")
        _, who = np.unique(manifest.subject[known], return_inverse=True)
        links.append(known[_chain(np.asarray(who))])
    if near is not None:
        links.append(near.pairs)
    alone = np.arange(len(manifest))
    linked = groups_of(np.concatenate([np.stack([alone, alone], axis=1), *links]))
    group = np.zeros(len(manifest), np.int64)
    for number, rows in enumerate(linked):
        group[rows] = number
    return group


def _chain(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs (M, 2) of neighbours among the positions that share a key; together they link all of them."""
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


def _deal(counts: NDArray[np.int64], parts: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Number of the split of every group, (G,); `counts` (G, K) says how many pictures of each class it has."""
    target = parts[:, None] * counts.sum(axis=0)  # (3, K)
    share = np.divide(1.0, target, out=np.zeros_like(target), where=target > 0)
    have = np.zeros_like(target)
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    where = np.zeros(len(counts), np.int64)
    for g in order:
        need = np.where(target > 0, 1 - have * share, 0) @ counts[g]  # (3,)
        where[g] = int(np.argmax(np.where(parts > 0, need, -np.inf)))
        have[where[g]] += counts[g]
    return where
