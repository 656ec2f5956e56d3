"""Where labels go beside faces: inside the picture, on no face, on no other label, and steady from frame to frame.

Rectangles in, places out: knows no pictures and nothing of what a label says. Greedy: the largest face chooses first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["BESIDE", "OVER", "Place", "Rectangle", "Size", "lay_out"]

Rectangle = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels; right and lower edge outside."""

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one label goes."""

    box: Rectangle
    side: str
    """At which side of its face: a name of `OVER`, or "inside"."""
    size: int
    """Which of its sizes it has there."""


# Left upper corner of a label of w x h pixels beside a face, at a distance of g.
_AT: dict[str, Callable[[Rectangle, int, int, int], tuple[int, int]]] = {
    "above": lambda f, w, h, g: (f[0], f[1] - g - h),
    "above, to the left": lambda f, w, h, g: (f[2] - w, f[1] - g - h),
    "below": lambda f, w, h, g: (f[0], f[3] + g),
    "below, to the left": lambda f, w, h, g: (f[2] - w, f[3] + g),
    "right": lambda f, w, h, g: (f[2] + g, f[1]),
    "right, low": lambda f, w, h, g: (f[2] + g, f[3] - h),
    "left": lambda f, w, h, g: (f[0] - g - w, f[1]),
    "left, low": lambda f, w, h, g: (f[0] - g - w, f[3] - h),
}
_INSIDE = "inside"
_COVERS = 0.15  # share of its own face that a label inside it may cover

OVER = tuple(_AT)
"""Sides for a line of text, best first."""
BESIDE = (*OVER[4:], *OVER[2:4], *OVER[:2])
"""Sides for a plate of bars, best first."""


def lay_out(
    picture: Size,
    faces: Sequence[Rectangle],
    wanted: Mapping[int, Sequence[Size]],
    sides: Sequence[str],
    *,
    taken: Iterable[Rectangle] = (),
    before: Mapping[int, Place | None] | None = None,
    gap: int = 2,
    may_cover: bool = False,
) -> dict[int, Place | None]:
    """Place a label beside each face so that it covers no face, no other label, nothing in `taken`; None: no room.

    A label takes the first side that is free at its largest size, else at the next; where new ones find no room,
    all are tried without their largest size, and so on. One that had a place keeps side and size while they are free;
    it grows, or appears again, only where `gap` more pixels than it needs are free around it.

    Args:
        picture: its width and height in px.
        faces: all boxes of faces; they may leave the picture.
        wanted: for each face that gets a label (its position in `faces`): sizes in px, the most wanted first.
        sides: which to try, best first: `OVER` or `BESIDE`.
        taken: rectangles that are labelled already.
        before: the place of the same face in the last frame, None where it had no room; new faces are missing.
        gap: px between a face and its label.
        may_cover: a label without a place may cover a small part of its own face, where that is large.

    """
    known = before or {}
    order = sorted(wanted, key=lambda i: (-_area(faces[i]), i))
    waiting = {i for i, place in known.items() if place is None or place.side == _INSIDE}
    tries: list[tuple[int, _Table, dict[int, Place | None]]] = []
    for least in range(max(map(len, wanted.values()), default=1)):
        table = _Table(picture, faces, list(taken), gap, least)
        out = _placed(table, order, wanted, sides, known)
        tries.append((sum(out[i] is None for i in order if i not in waiting), table, out))
        if not tries[-1][0]:
            break
    _, table, best = min(tries, key=lambda attempt: attempt[0])
    if may_cover:
        for i in (i for i in order if best[i] is None):
            best[i] = table.take(table.inside(i, wanted[i]))
    return best


def _placed(
    table: _Table,
    order: Sequence[int],
    wanted: Mapping[int, Sequence[Size]],
    sides: Sequence[str],
    before: Mapping[int, Place | None],
) -> dict[int, Place | None]:
    """Held places first, then the other faces; what was held grows last, so that it pushes nobody away."""
    held = {i: place for i in order if (place := before.get(i)) is not None and place.side != _INSIDE}
    out = {i: place for i in held if (place := table.take(table.again(i, wanted[i], held[i]))) is not None}
    again = list(out)
    places: dict[int, Place | None] = {**out}
    for i in order:
        if i not in out:
            waits = i in before and i not in held
            places[i] = table.take(table.first_free(i, wanted[i], sides, table.gap if waits else 0))
    for i in again:
        places[i] = table.grown(i, wanted[i], out[i])
    return places


@dataclass(slots=True)
class _Table:
    """The picture with what may not be covered."""

    picture: Size
    faces: Sequence[Rectangle]
    taken: list[Rectangle]
    gap: int
    least: int
    """The first size that is tried, in steps from the largest."""

    def take(self, place: Place | None) -> Place | None:
        if place is not None:
            self.taken.append(place.box)
        return place

    def again(self, face: int, sizes: Sequence[Size], held: Place) -> Place | None:
        """Side and size of the last frame."""
        size = min(max(held.size, self.least), len(sizes) - 1)
        return self._at(face, sizes, size, held.side, 0)

    def grown(self, face: int, sizes: Sequence[Size], place: Place) -> Place:
        """The label larger at the same side, where there is plenty of room."""
        if place.size <= self.least:
            return place
        self.taken.remove(place.box)
        found = (self._at(face, sizes, size, place.side, self.gap) for size in range(self.least, place.size))
        larger = next((there for there in found if there is not None), place)
        self.taken.append(larger.box)
        return larger

    def first_free(self, face: int, sizes: Sequence[Size], sides: Sequence[str], margin: int) -> Place | None:
        for size in range(min(self.least, len(sizes) - 1), len(sizes)):
            for side in sides:
                place = self._at(face, sizes, size, side, margin)
                if place is not None:
                    return place
        return None

    def inside(self, face: int, sizes: Sequence[Size]) -> Place | None:
        """At the upper edge of the face itself, where that covers little of it and nothing else."""
        own = self._shown(face)
        for size, (width, height) in enumerate(sizes):
            box = (own[0] + self.gap, own[1] + self.gap, own[0] + self.gap + width, own[1] + self.gap + height)
            within = box[2] <= own[2] and box[3] <= own[3]
            fits = within and width * height <= _COVERS * _area(own)
            if fits and self._free(box, box, face, own_counts=False):
                return Place(box, _INSIDE, size)
        return None

    def _at(self, face: int, sizes: Sequence[Size], size: int, side: str, margin: int) -> Place | None:
        """The label at one side, moved into the picture, when it covers nothing there."""
        width, height = sizes[size]
        x, y = _AT[side](self.faces[face], width, height, self.gap)
        x = max(min(x, self.picture[0] - width), 0)
        y = max(min(y, self.picture[1] - height), 0)
        box = (x, y, x + width, y + height)
        if width > self.picture[0] or height > self.picture[1]:
            return None
        wide = (x - margin, y - margin, box[2] + margin, box[3] + margin)
        return Place(box, side, size) if self._free(box, wide, face) else None

    def _free(self, box: Rectangle, wide: Rectangle, face: int, *, own_counts: bool = True) -> bool:
        """Whether `box` leaves its own face free, and `wide` all the others and what is taken."""
        if own_counts and _meet(box, self.faces[face]):
            return False
        others = (f for i, f in enumerate(self.faces) if i != face)
        return not any(_meet(wide, f) for f in others) and not any(_meet(wide, t) for t in self.taken)

    def _shown(self, face: int) -> Rectangle:
        x1, y1, x2, y2 = self.faces[face]
        return (max(x1, 0), max(y1, 0), min(x2, self.picture[0]), min(y2, self.picture[1]))


def _meet(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _area(box: Rectangle) -> int:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)
