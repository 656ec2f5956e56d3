"""Pictures that are nearly the same: other size, cropped by a few pixels, brighter, compressed, marked, mirrored.

Two steps. Candidates: 16x16 grey thumbnails of mean 0 and length 1 whose dot product, upright or mirrored, is at least
`THUMB`; every picture is compared with every other in tiles. Verification: the fine structure at 48x48 (a difference of
Gaussians), the middle of one slid over the other by up to `SHIFT` pixels, must correlate by at least `DETAIL`.
On FER-2013 the second figure has two modes with a gap at 0.85..0.9; pictures of two people who merely look at the
camera alike pass the first step and fail the second. What is cropped, turned or scaled more than that is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.data.manifest import Manifest

__all__ = ["DETAIL", "SHIFT", "THUMB", "Near", "groups_of", "near_pairs"]

THUMB = 0.88
DETAIL = 0.9
SHIFT = 6
"""Pixels of a picture of 48x48."""

_THUMB_SIDE = 16
_SIDE = 48
_BORDER = 8
_TILE = 1024
_PER_ROW = 32
"""Candidates of one picture in one tile; more only repeat what the best ones say (frames of one film)."""

Floats = NDArray[np.float32]
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Near:
    """Pairs of pictures that are nearly, and not exactly, the same.

    Args:
        pairs: (M, 2) rows of the manifest, the smaller first.
        mirrored: (M,) whether the second is the mirror image of the first.
        score: (M,) correlation of the fine structure, in `DETAIL`..1.

    """

    pairs: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    score: Floats


def near_pairs(manifest: Manifest, rows: NDArray[np.int64], advance: Advance | None = None) -> Near:
    """Pairs among some rows; give one row of every set of identical pictures, and no blank ones.

    The time grows with the square of the number of rows; memory does not.

    Args:
        manifest: the pictures.
        rows: (R,) the rows to compare.
        advance: called with the number of rows that are done since the last call, 2 R in all.

    Raises:
        DataError: a picture cannot be read.

    """
    step = advance or (lambda _: None)
    thumbs = np.zeros((len(rows), _THUMB_SIDE**2), np.float32)
    for k, row in enumerate(rows):
        thumbs[k] = _thumb(manifest.load(int(row)))
        step(1)
    found = [_proven(manifest, rows, part) for part in _candidates(thumbs, step)]
    pairs = np.concatenate([f.pairs for f in found]) if found else np.zeros((0, 2), np.int64)
    mirrored = np.concatenate([f.mirrored for f in found]) if found else np.zeros(0, np.bool_)
    score = np.concatenate([f.score for f in found]) if found else np.zeros(0, np.float32)
    return Near(pairs, mirrored, score)


def _grey(image: NDArray[np.uint8], side: int) -> Floats:
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    shrinks = max(grey.shape) > side
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (side, side), interpolation=way), np.float32)


def _thumb(image: NDArray[np.uint8]) -> Floats:
    values = _grey(image, _THUMB_SIDE).reshape(-1)
    values -= values.mean()
    length = float(np.linalg.norm(values))
    return values / length if length > 1.0 else np.zeros_like(values)


def _candidates(thumbs: Floats, advance: Advance) -> Iterator[NDArray[np.int64]]:
    """For each block of rows: (C, 3) first, second, mirrored, with first < second."""
    mirrored = thumbs.reshape(-1, _THUMB_SIDE, _THUMB_SIDE)[:, :, ::-1].reshape(len(thumbs), _THUMB_SIDE**2)
    for top in range(0, len(thumbs), _TILE):
        block = thumbs[top : top + _TILE]
        parts = []
        for left in range(top, len(thumbs), _TILE):
            for flag, others in ((0, thumbs), (1, mirrored)):
                first, second = _best(block @ others[left : left + _TILE].T)  # (T, T)
                first, second = first + top, second + left
                after = first < second
                parts.append(np.stack([first[after], second[after], np.full(after.sum(), flag)], axis=1))
        yield np.concatenate(parts)
        advance(len(block))


def _best(similarity: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of what is similar enough in a tile, at most `_PER_ROW` of each row."""
    first, second = np.nonzero(similarity >= THUMB)
    counts = np.bincount(first, minlength=len(similarity))
    if counts.max(initial=0) <= _PER_ROW:
        return first, second
    order = np.lexsort((-similarity[first, second], first))
    first, second = first[order], second[order]
    rank = np.arange(len(first)) - (np.cumsum(counts) - counts)[first]
    return first[rank < _PER_ROW], second[rank < _PER_ROW]


def _proven(manifest: Manifest, rows: NDArray[np.int64], candidates: NDArray[np.int64]) -> Near:
    """Those candidates whose fine structure agrees."""
    details: dict[int, NDArray[np.uint8]] = {}
    for k in np.unique(candidates[:, :2]):
        details[int(k)] = _detail(manifest.load(int(rows[k])))
    scores = np.array([_agreement(details[a], details[b], bool(flag)) for a, b, flag in candidates.tolist()])
    scores = scores.astype(np.float32).reshape(-1)
    kept = scores >= DETAIL
    pairs = np.sort(rows[candidates[kept, :2]], axis=1).reshape(-1, 2)
    return Near(pairs, candidates[kept, 2].astype(bool), scores[kept])


def _detail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fine structure of a picture, (48, 48) uint8 around 128; its spread is the same for every picture."""
    smooth = cv2.GaussianBlur(_grey(image, _SIDE), (0, 0), 1.0)
    fine = smooth - cv2.GaussianBlur(smooth, (0, 0), 4.0)
    spread = max(float(fine.std()), 1e-3)
    levels: NDArray[np.uint8] = np.clip(np.rint(128 + 32 * fine / spread), 0, 255).astype(np.uint8)
    return levels


def _agreement(a: NDArray[np.uint8], b: NDArray[np.uint8], mirrored: bool) -> float:
    """Best correlation of the middle of `a` with `b` over all shifts up to `SHIFT` pixels, in -1..1."""
    middle = a[_BORDER:-_BORDER, _BORDER:-_BORDER]
    other = np.ascontiguousarray(b[:, ::-1]) if mirrored else b
    reach = _BORDER - SHIFT
    window = other[reach : _SIDE - reach, reach : _SIDE - reach]
    return float(cv2.matchTemplate(window, middle, cv2.TM_CCOEFF_NORMED).max())


def groups_of(pairs: NDArray[np.int64]) -> list[list[int]]:
    """Sets of rows that pairs (M, 2) connect, each sorted, by their first row."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        parent.setdefault(row, row)
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for a, b in pairs.tolist():
        parent[root(a)] = root(b)
    members: dict[int, list[int]] = {}
    for row in sorted(parent):
        members.setdefault(root(row), []).append(row)
    return sorted(members.values())
