"""What callers give to an analyzer: checked, named in messages, and brought into one form."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PilImage

from mien.core.errors import InputError
from mien.core.types import Face
from mien.pictures.decode import ImageSource

__all__ = ["check_crop", "chunks", "faces_at", "name_of", "refuse_single"]

_T = TypeVar("_T")


def chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def refuse_single(pictures: object) -> None:
    """A single picture would be taken for a row of them: a path letter by letter, an array row by row.

    Raises:
        InputError: it is one.

    """
    single = isinstance(pictures, str | bytes | bytearray | memoryview | os.PathLike | PilImage.Image)
    single = single or hasattr(pictures, "read")
    if isinstance(pictures, np.ndarray):
        _, width, channels = pictures.shape if pictures.ndim == 3 else (0, 0, 0)
        single = pictures.ndim == 2 or (channels in (3, 4) and width != channels)
    elif hasattr(pictures, "__array__"):  # a tensor, whose pictures may have their channels first
        single = len(getattr(pictures, "shape", ())) <= 3
    if single:
        raise InputError(f"Expected several pictures, got a single {type(pictures).__name__}; put it into a list.")


def name_of(source: ImageSource) -> str:
    """What a record calls a picture."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else f"<{type(source).__name__}>"


def check_crop(crop: object, index: int) -> NDArray[np.uint8]:
    """A crop that was cut out already.

    Raises:
        InputError: not uint8 of (S, S) or (S, S, 3).

    """
    ok = isinstance(crop, np.ndarray) and crop.dtype == np.uint8 and crop.size > 0
    if ok and isinstance(crop, np.ndarray) and (crop.ndim == 2 or (crop.ndim == 3 and crop.shape[2] == 3)):
        return crop
    got = f"{crop.dtype} {crop.shape}" if isinstance(crop, np.ndarray) else type(crop).__name__
    raise InputError(f"Expected uint8 crops of shape (S, S) or (S, S, 3), got {got} at position {index}.")


def faces_at(boxes: ArrayLike, landmarks: ArrayLike | None) -> list[Face]:
    """Faces at boxes (N, 4), x1, y1, x2, y2, with landmarks (N, 5, 2) or without; their score is 1.

    Raises:
        InputError: another shape, numbers that are not finite, or a box without area.

    """
    places = _numbers(boxes, "boxes", (4,))
    if len(places) and not (places[:, 2:] > places[:, :2]).all():
        worst = places[~(places[:, 2:] > places[:, :2]).all(1)][0].tolist()
        raise InputError(f"A box is x1, y1, x2, y2 with x1 < x2 and y1 < y2 (no width and height), got {worst}.")
    points: Sequence[Any] = [None] * len(places)
    if landmarks is not None:
        marks = _numbers(landmarks, "landmarks", (5, 2))
        if len(marks) != len(places):
            raise InputError(f"Expected landmarks for each of {len(places)} boxes, got {len(marks)}.")
        points = [tuple((x, y) for x, y in mark) for mark in marks.tolist()]
    return [Face((x1, y1, x2, y2), 1.0, mark) for (x1, y1, x2, y2), mark in zip(places.tolist(), points, strict=True)]


def _numbers(values: ArrayLike, what: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    wanted = f"(N, {', '.join(map(str, shape))})"
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Expected {what} as numbers of shape {wanted}, got {type(values).__name__}.") from error
    array = array.reshape(0, *shape) if array.size == 0 else array
    if array.shape[1:] != shape or not np.isfinite(array).all():
        raise InputError(f"Expected {what} as finite numbers of shape {wanted}, got shape {array.shape}.")
    return array
