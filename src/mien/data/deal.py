"""Pictures that belong together, and dealing them into parts so that every class is divided as asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mien.data.manifest import NO_LABEL, Manifest
from mien.data.near import Near, groups_of

__all__ = ["class_counts", "deal", "together"]


def together(manifest: Manifest, near: Near | None) -> NDArray[np.int64]:
    """Number of the group of every row, (N,), from 0.

    A group holds identical pictures, pictures of one subject, and near duplicates where they are given.
    """
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


def class_counts(manifest: Manifest, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pictures of each class in every group, (G, K + 1); the last column counts those without a label."""
    k = len(manifest.labels)
    counts = np.zeros((group.max() + 1, k + 1), np.int64)
    np.add.at(counts, (group, np.where(manifest.label == NO_LABEL, k, manifest.label)), 1)
    return counts


def _chain(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs (M, 2) of neighbours among the positions that share a key; together they link all of them."""
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1)


def deal(counts: NDArray[np.int64], parts: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Number of the part of every group, (G,).

    Groups are taken in random order, the large ones first, and each goes to the part that lacks most of its classes.

    Args:
        counts: (G, K) pictures of each class in every group.
        parts: (P,) shares that make 1; a part of 0 stays empty.
        rng: of the order.

    """
    target = parts[:, None] * counts.sum(axis=0)  # (P, K)
    share = np.divide(1.0, target, out=np.zeros_like(target), where=target > 0)
    have = np.zeros_like(target)
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    where = np.zeros(len(counts), np.int64)
    for g in order:
        need = np.where(target > 0, 1 - have * share, 0) @ counts[g]  # (P,)
        where[g] = int(np.argmax(np.where(parts > 0, need, -np.inf)))
        have[where[g]] += counts[g]
    return where
