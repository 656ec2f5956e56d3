"""Faces over time -> stable ids, by place, motion and appearance.

Greedy matching of the faces of a frame to predicted places, as in IoU trackers (Bochinski et al., "High-speed
tracking-by-detection without using image information", AVSS 2017), with a constant-velocity prediction in seconds and
a coarse picture of each face that keeps two crossing persons apart. Where the camera moves, a face is expected where
the camera carries it, or where it was when it does not move with the rest of the picture (somebody who films himself).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.geometry import iou
from mien.core.types import Box, Face, Image

__all__ = ["APPEARANCE_SIZE", "Tracker", "face_appearances"]

_APPEARANCE_SIDE = 8
APPEARANCE_SIZE = _APPEARANCE_SIDE * _APPEARANCE_SIDE * 3
"""Length of the vector that `face_appearances` gives for a face."""

_VELOCITY_S = 0.1  # time constant of the velocity that predicts the next frames: a turn is followed
_DRIFT_S = 0.5  # and of the one that carries a hidden face, and of its side
_NEAR_S = 0.15  # up to here the first is used, later the second
_COASTING_S = 0.8  # a hidden face moves on for so long; afterwards its motion is anybody's guess
_APPEARANCE_S = 1.0  # time constant of the appearance, which follows a turning head
_REACH = 0.7  # how far from its prediction a face may be found, in face sides
_REACH_PER_S = 2.0  # and how fast that grows while nobody sees it
_FARTHEST = 2.0
_SIZE_RATIO = 2.0  # a face does not double its size between two sights
_CARRIED = 0.1  # the camera's motion in face sides from which on it tells whether a face goes with it
_CARRIED_STEP = 0.3  # and how much each such frame counts
_COVERED_IOU = 0.02  # a face that overlaps another so much may be half hidden: the box shrinks but the face moves on
_LEAST_LIKENESS = 0.2  # correlation of appearances; the same face stays above 0.6 even when it turns
_CERTAIN_IOU = 0.5  # at the same place it is the same face, however it looks by now
_SUDDEN_S = 0.1  # but not when it was seen so shortly before and looks otherwise: then it is a cut that nobody noticed
_SUDDEN_LIKENESS = 0.3  # 300 faces: the same in a flash, with a trembling box, above 0.31; two faces 0.34 in the middle

Appearances = NDArray[np.float32]


@dataclass(slots=True)
class _Track:
    box: NDArray[np.float64]  # (4,) px
    velocity: NDArray[np.float64]  # (4,) px/s, one per edge: motion and growth
    drift: NDArray[np.float64]  # (2,) px/s: slow motion of the centre
    side: float  # px: usual side of the box
    time_s: float
    appearance: NDArray[np.float32]  # (APPEARANCE_SIZE,), unit length
    camera: NDArray[np.float64]  # (4,) px: how far the camera carried the picture since the face was seen
    carried: float = 1.0  # 0..1: whether the face goes with the camera, from what it did before
    updates: int = 0

    @property
    def shift(self) -> NDArray[np.float64]:
        """Motion of the camera as far as this face goes with it, (4,) px."""
        return self.camera * (self.carried >= 0.5)


@final
class Tracker:
    """Gives each face of a frame the id of its track; ids count from 1 and are never used again.

    Args:
        max_gap_s: a face that was not seen for longer gets a new id, unless it was seen in the frame before.

    """

    def __init__(self, max_gap_s: float = 1.0) -> None:
        self._max_gap_s = max_gap_s
        self._tracks: dict[int, _Track] = {}
        self._next_id = 1
        self._frame_s: float | None = None

    @property
    def alive(self) -> frozenset[int]:
        """Ids that may still be seen again."""
        return frozenset(self._tracks)

    def reset(self) -> None:
        """Forget all faces (at a cut); ids go on counting."""
        self._tracks.clear()

    def update(self, faces: Sequence[Face], appearances: Appearances, time_s: float) -> list[int]:
        """Ids of the faces of one frame, in their order.

        Args:
            faces: N faces; may be empty.
            appearances: (N, APPEARANCE_SIZE) as `face_appearances` gives them.
            time_s: presentation time of the frame, not before the last one.

        """
        self._expire(time_s)
        boxes = np.array([face.box for face in faces], np.float64).reshape(-1, 4)
        covered = _covered(boxes)
        ids = [0] * len(faces)
        for track_id, i in self._pairs(boxes, appearances, time_s):
            self._move(track_id, boxes[i], appearances[i], time_s, bool(covered[i]))
            ids[i] = track_id
        for i, track_id in enumerate(ids):
            if not track_id:
                ids[i] = self._start(boxes[i], appearances[i], time_s)
        self._frame_s = time_s
        return ids

    def follow(self, boxes: dict[int, Box], time_s: float) -> None:
        """Move tracks whose face was carried along to this frame without a detection."""
        self._expire(time_s)
        edges = np.array(list(boxes.values()), np.float64).reshape(-1, 4)
        for track_id, box, covered in zip(boxes, edges, _covered(edges), strict=True):
            if track_id in self._tracks:
                self._move(track_id, box, None, time_s, bool(covered))
        self._frame_s = time_s

    def carry(self, dx: float, dy: float) -> None:
        """The camera moved the content of the picture by so many pixels since the last frame."""
        moved = np.array([dx, dy, dx, dy])
        for track in self._tracks.values():
            track.camera = track.camera + moved

    def predict(self, track_id: int, time_s: float) -> Box:
        """Where the face of a living track should be at a time, xyxy px.

        Raises:
            KeyError: there is no such track.

        """
        return _box(_predicted(self._tracks[track_id], time_s))

    def otherwise(self, track_id: int, time_s: float) -> Box | None:
        """Where it should be when it does as the camera does and did not before, or the other way round.

        None where the camera hardly moved, so that it makes no difference.
        """
        track = self._tracks[track_id]
        if float(np.abs(track.camera).max()) < _CARRIED * track.side:
            return None
        return _box(_predicted(track, time_s) + track.camera - 2 * track.shift)

    def _expire(self, time_s: float) -> None:
        """A track lives for the gap in seconds, and at least to the next frame (frames may lie seconds apart)."""
        since_s = time_s - self._max_gap_s
        if self._frame_s is not None:
            since_s = min(since_s, self._frame_s)
        self._tracks = {key: track for key, track in self._tracks.items() if track.time_s >= since_s - 1e-9}

    def _pairs(self, boxes: NDArray[np.float64], appearances: Appearances, time_s: float) -> list[tuple[int, int]]:
        """Matches (track id, face), best first, each track and face at most once."""
        if not self._tracks or not len(boxes):
            return []
        keys = list(self._tracks)
        tracks = [self._tracks[key] for key in keys]
        places = np.stack([_predicted(track, time_s) for track in tracks])  # (T, 4)
        others = places + np.stack([track.camera - 2 * track.shift for track in tracks])
        gaps_s = np.array([time_s - track.time_s for track in tracks])
        likeness = _likeness(np.stack([track.appearance for track in tracks]), appearances)
        sides = np.array([track.side for track in tracks])
        scores = _scores(places, sides, boxes, likeness, gaps_s)
        if not np.array_equal(places, others):
            scores = np.maximum(scores, _scores(others, sides, boxes, likeness, gaps_s))
        pairs: list[tuple[int, int]] = []
        while (best := int(np.argmax(scores))) >= 0 and np.isfinite(scores.flat[best]):
            t, i = divmod(best, len(boxes))
            pairs.append((keys[t], i))
            scores[t, :] = -np.inf
            scores[:, i] = -np.inf
        return pairs

    def _start(self, box: NDArray[np.float64], appearance: NDArray[np.float32], time_s: float) -> int:
        track_id, self._next_id = self._next_id, self._next_id + 1
        self._tracks[track_id] = _Track(box, np.zeros(4), np.zeros(2), _side(box), time_s, appearance, np.zeros(4))
        return track_id

    def _move(
        self,
        track_id: int,
        box: NDArray[np.float64],
        appearance: NDArray[np.float32] | None,
        time_s: float,
        covered: bool,
    ) -> None:
        track = self._tracks[track_id]
        step_s = time_s - track.time_s
        _weigh_camera(track, box, time_s)
        if step_s > 0:
            seen = (box - track.box - track.shift) / step_s
            track.updates += 1
            # The first steps count fully (1, 1/2, 1/3, ...), later ones by the time constants.
            quick = max(1 - np.exp(-step_s / _VELOCITY_S), 1 / track.updates)
            slow = max(1 - np.exp(-step_s / _DRIFT_S), 1 / track.updates)
            track.velocity = track.velocity + quick * (seen - track.velocity)
            if not covered:
                track.drift = track.drift + slow * ((seen[:2] + seen[2:]) / 2 - track.drift)
                track.side += slow * (_side(box) - track.side)
        track.box, track.time_s, track.camera = box, time_s, np.zeros(4)
        if appearance is not None:
            mixed = track.appearance + (1 - np.exp(-max(step_s, 0.0) / _APPEARANCE_S)) * (appearance - track.appearance)
            track.appearance = np.asarray(mixed / max(float(np.linalg.norm(mixed)), 1e-9), np.float32)


def face_appearances(image: Image, faces: Sequence[Face]) -> Appearances:
    """Coarse picture of each face, for telling persons apart within a few seconds: (N, APPEARANCE_SIZE) unit vectors.

    8 x 8 cells of colour without their mean and contrast, so that the dot product of two of them is their correlation.
    It tells persons in one scene apart; it does not recognise anybody.
    """
    appearances = np.zeros((len(faces), APPEARANCE_SIZE), np.float32)
    height, width = image.shape[:2]
    for i, face in enumerate(faces):
        x1, y1, x2, y2 = face.box
        left, right = max(0, int(x1)), min(width, int(x2))
        top, bottom = max(0, int(y1)), min(height, int(y2))
        if right - left < 2 or bottom - top < 2:
            continue
        cells = cv2.resize(
            image[top:bottom, left:right], (_APPEARANCE_SIDE, _APPEARANCE_SIDE), interpolation=cv2.INTER_AREA
        )
        vector = cells.astype(np.float32).ravel() - float(cells.mean())
        appearances[i] = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return appearances


def _side(box: NDArray[np.float64]) -> float:
    """Side of the square with the box's area, at least 1 px."""
    return float(np.sqrt(max((box[2] - box[0]) * (box[3] - box[1]), 1.0)))


def _covered(boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the boxes (N, 4) overlap another one: (N,)."""
    overlap = iou(boxes, boxes)
    np.fill_diagonal(overlap, 0)
    return np.asarray((overlap > _COVERED_IOU).any(axis=1), np.bool_)


def _box(edges: NDArray[np.float64]) -> Box:
    x1, y1, x2, y2 = edges
    return (float(x1), float(y1), float(x2), float(y2))


def _weigh_camera(track: _Track, box: NDArray[np.float64], time_s: float) -> None:
    """Learn from a clear motion of the camera whether the face went with it."""
    if float(np.abs(track.camera).max()) < _CARRIED * track.side:
        return
    place = _predicted(track, time_s) - track.shift
    away, carried_away = (float(np.abs((box - p)[:2] + (box - p)[2:]).sum()) for p in (place, place + track.camera))
    track.carried += _CARRIED_STEP * (float(carried_away <= away) - track.carried)


def _likeness(before: Appearances, now: Appearances) -> NDArray[np.float32]:
    """Correlation of each track's appearance with each face's, (T, N); a face without any says nothing against one."""
    known = np.outer(np.any(before, axis=1), np.any(now, axis=1))
    return np.where(known, before @ now.T, np.float32(_SUDDEN_LIKENESS))


def _predicted(track: _Track, time_s: float) -> NDArray[np.float64]:
    ahead_s = max(time_s - track.time_s, 0.0)
    origin = track.box + track.shift
    if ahead_s > _NEAR_S:
        return origin + np.tile(track.drift, 2) * min(ahead_s, _COASTING_S)
    place: NDArray[np.float64] = origin + track.velocity * ahead_s
    return place if place[2] > place[0] and place[3] > place[1] else origin


def _scores(
    places: NDArray[np.float64],
    sides: NDArray[np.float64],
    boxes: NDArray[np.float64],
    likeness: NDArray[np.float32],
    gaps_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How well each face (N) fits each track (T): (T, N), larger is better, -inf where it cannot be.

    A face has the usual side of its track (half hidden it looks smaller) or the side that its growth predicts.
    """
    found = np.array([_side(box) for box in boxes])  # (N,)
    grown = np.array([_side(place) for place in places])  # (T,)
    centres = (places[:, None, :2] + places[:, None, 2:] - boxes[None, :, :2] - boxes[None, :, 2:]) / 2  # (T, N, 2)
    away = np.linalg.norm(centres, axis=2) / np.maximum(sides, grown)[:, None]
    ratio = np.minimum(*(np.maximum(s[:, None] / found, found / s[:, None]) for s in (sides, grown)))
    overlap = iou(places, boxes).astype(np.float64)
    reach = np.minimum(_REACH + _REACH_PER_S * gaps_s, _FARTHEST)[:, None]
    sudden = (gaps_s <= _SUDDEN_S) & ~_covered(places)  # who comes out from behind another looks otherwise too
    at_once = np.where(sudden, _SUDDEN_LIKENESS, -1.0)[:, None]
    enough = np.where(overlap >= _CERTAIN_IOU, at_once, _LEAST_LIKENESS)
    possible = (away <= reach) & (ratio <= _SIZE_RATIO) & (likeness >= enough)
    # Appearance and place count alike: where two faces meet the places agree, where two look alike the appearances do.
    scores: NDArray[np.float64] = np.where(possible, overlap + likeness - 0.25 * away, -np.inf)
    return scores
