"""A video's frames -> readings with stable ids and steady labels; one call, frame by frame.

Detection is the expensive step, so `auto` detects only when there is a reason to (see `StreamReader._must_detect`) and
carries the boxes along in between. Every frame that comes in goes out exactly once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, final

import numpy as np

from mien.core.errors import InputError, OptionError, unknown_name
from mien.core.text import is_number, is_whole
from mien.core.types import Box, Classifier, Detector, Face, Frame, Image, Reading
from mien.infer.camera import Camera
from mien.infer.crop import crop_faces
from mien.infer.follow import Follower
from mien.infer.smooth import Smoother
from mien.infer.track import Tracker, face_appearances
from mien.infer.watch import Watch

__all__ = ["StreamOptions", "StreamReader"]

_SURE = 0.75  # correlation above which a carried face is as good as a detected one
_LOST = 0.5  # correlation below which it is not there any more
_NEAR = 1.3  # faces whose boxes overlap when they are grown by this may soon hide each other
_EDGE = 0.1  # share of a box's side within which it counts as at the picture's edge, entering or leaving
_PATIENCE = 4  # detections caused by motion that find no face before they become rarer: people enter step by step
_KEPT_MISSES = 1  # detections in a row that may miss a face which is plainly still there


@dataclass(frozen=True)
class StreamOptions:
    """How a video is read.

    Args:
        detector_every: detect in every so many frames, or "auto": as often as needed.
        max_faces: read at most this many faces per frame, the largest ones; faces that were shown stay in.
        detect_s: "auto" detects at least this often, in seconds, so that new faces come in.
        hurry_s: "auto" detects this often while a face is doubtful, was lost a moment ago or touches the picture's
            edge, and where something moves; motion in which no face is found is looked at less and less often.
        max_gap_s: a face that was away for longer comes back with a new id.
        time_constant_s: of the smoothing of probabilities; 0 turns it off.
        margin: by how much the shown label must trail the most probable one, in 0..1, before it gives way.
        hold_s: for how long it must trail, in seconds.
        uncertain_below: readings with a smaller (smoothed) confidence are uncertain, in 0..1; None takes the model's
            own threshold.

    Raises:
        OptionError: an impossible value.

    """

    detector_every: int | Literal["auto"] = "auto"
    max_faces: int | None = None
    detect_s: float = 0.5
    hurry_s: float = 0.06
    max_gap_s: float = 1.0
    time_constant_s: float = 0.2
    margin: float = 0.1
    hold_s: float = 0.2
    uncertain_below: float | None = None

    def __post_init__(self) -> None:
        every = self.detector_every
        if every != "auto" and (isinstance(every, bool) or not is_whole(every, 1)):
            raise OptionError(f"Detection is done every 1 or more frames, or 'auto'; got {every!r}.")
        if self.max_faces is not None and not is_whole(self.max_faces, 1):
            raise OptionError(f"The largest number of faces must be a whole number from 1, got {self.max_faces!r}.")
        for name in ("detect_s", "hurry_s", "max_gap_s", "time_constant_s", "hold_s"):
            value = getattr(self, name)
            if not is_number(value, 0):
                raise OptionError(f"{name} must be 0 seconds or more, got {value!r}.")
        if not is_number(self.margin, 0, 1):
            raise OptionError(f"The margin between labels must lie in 0..1, got {self.margin!r}.")
        if self.uncertain_below is not None and not is_number(self.uncertain_below, 0, 1):
            raise OptionError(f"The smallest confidence must lie in 0..1, got {self.uncertain_below!r}.")

    def changed(self, **changes: Any) -> StreamOptions:
        """The same with other values of some fields.

        Raises:
            OptionError: an unknown field, or an impossible value.

        """
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                raise OptionError(unknown_name("option of a stream", name, known))
        return replace(self, **changes)


@final
class StreamReader:
    """The state of one video between its frames: tracks, smoothed values, and when to detect next.

    Args:
        detector: finds the faces.
        classifier: reads the expressions.
        options: see `StreamOptions`.

    """

    def __init__(self, detector: Detector, classifier: Classifier, options: StreamOptions | None = None) -> None:
        self._options = options or StreamOptions()
        self._detector = detector
        self._classifier = classifier
        self._tracker = Tracker(self._options.max_gap_s)
        self._smoother = Smoother(self._options.time_constant_s, self._options.margin, self._options.hold_s)
        self._follower = Follower()
        self._watch = Watch()
        self._camera = Camera()
        self._faces: dict[int, Face] = {}  # shown in the last frame
        self._misses: dict[int, int] = {}  # detections in a row that did not find a face that is still shown
        # What the last detection found: all faces, and those at the picture's edge, of which it may have seen a part.
        self._known: frozenset[int] = frozenset()
        self._partial: frozenset[int] = frozenset()
        self._detected_s = -math.inf
        self._since_detection = 0  # frames
        self._fruitless = 0  # detections in a row that changed nothing
        self.detections = 0
        """In how many frames the detector was asked."""

    def read(self, frame: Frame) -> list[Reading]:
        """Readings of the next frame, the longest known face first.

        Raises:
            InputError: not a `Frame`, or its picture is not (H, W, 3) uint8.

        """
        return self._classify(frame, self.find(frame))

    def find(self, frame: Frame) -> dict[int, Face]:
        """Faces of the next frame by track, without reading them (`read` does both).

        Raises:
            InputError: as `read`.

        """
        _check_frame(frame)
        motion = self._camera.look(frame.image)
        if self._watch.look(frame.image):
            self._cut()
        elif motion:
            self._tracker.carry(motion.dx, motion.dy)
        carried = self._carry(frame)
        if self._must_detect(frame, carried):
            self._faces = self._detect(frame, carried)
        else:
            self._since_detection += 1
            self._faces = {key: face for key, (face, score) in carried.items() if score >= _LOST}
            self._tracker.follow({key: face.box for key, face in self._faces.items()}, frame.time_s)
        return dict(sorted(self._faces.items()))

    def _cut(self) -> None:
        self._tracker.reset()
        self._follower.forget()
        self._faces = {}
        self._misses = {}
        self._known = self._partial = frozenset()
        self._detected_s = -math.inf

    def _carry(self, frame: Frame) -> dict[int, tuple[Face, float]]:
        """Where the faces of the last frame are now: id -> (face, how sure that is)."""
        if self._options.detector_every == 1:
            return {}
        places = {
            key: self._tracker.predict(key, frame.time_s)
            for key, face in self._faces.items()
            if not face.whole and key in self._tracker.alive
        }
        found = self._follower.find(frame.image, places)
        doubtful = [key for key, (_, score) in found.items() if score < _SURE]
        others = {key: box for key in doubtful if (box := self._tracker.otherwise(key, frame.time_s)) is not None}
        for key, (face, score) in self._follower.find(frame.image, others).items():
            if score > found[key][1]:
                found[key] = (face, score)
        return found

    def _must_detect(self, frame: Frame, carried: dict[int, tuple[Face, float]]) -> bool:
        every = self._options.detector_every
        waited_s = frame.time_s - self._detected_s
        if math.isinf(waited_s) or any(face.whole for face in self._faces.values()):
            return True
        lost = len(carried) < len(self._faces) or any(score < _LOST for _, score in carried.values())
        if every != "auto":
            return lost or self._since_detection + 1 >= every
        boxes = [face.box for face, _ in carried.values()]
        if lost or waited_s >= self._options.detect_s or _any_meet(boxes, 1.0):
            return True
        doubtful = (
            any(score < _SURE for _, score in carried.values())
            or _any_meet(boxes, _NEAR)
            or bool(self._tracker.alive - self._known)  # somebody was lost a moment ago
            or any(key in self._partial or _leaves(face.box, frame.image) for key, (face, _) in carried.items())
        )
        if doubtful and waited_s >= self._options.hurry_s:
            return True
        if not self._watch.moved(boxes):
            self._fruitless = 0
            return False
        return waited_s >= self._options.hurry_s * max(self._fruitless - _PATIENCE, 1)

    def _detect(self, frame: Frame, carried: dict[int, tuple[Face, float]]) -> dict[int, Face]:
        self._detected_s, self._since_detection = frame.time_s, 0
        self.detections += 1
        faces = list(self._detector.detect(frame.image))
        ids = self._tracker.update(faces, face_appearances(frame.image, faces), frame.time_s)
        found = dict(zip(ids, faces, strict=True))
        self._misses = {
            key: misses
            for key, (face, score) in carried.items()
            if key not in found
            and score >= _SURE
            and not _leaves(face.box, frame.image)
            and (misses := self._misses.get(key, 0) + 1) <= _KEPT_MISSES
        }
        kept = {key: carried[key][0] for key in self._misses}
        self._tracker.follow({key: face.box for key, face in kept.items()}, frame.time_s)
        self._known = frozenset(found | kept)
        self._partial = frozenset(key for key, face in found.items() if _leaves(face.box, frame.image))
        chosen = self._choose(found | kept)
        self._fruitless = 0 if chosen.keys() != self._faces.keys() else self._fruitless + 1
        self._watch.mark([face.box for face in chosen.values()])
        if self._options.detector_every != 1:
            self._follower.learn(frame.image, chosen)
        return chosen

    def _choose(self, faces: dict[int, Face]) -> dict[int, Face]:
        """At most `max_faces`: the largest; a shown face gives way only to one that is half as large again."""
        limit = self._options.max_faces
        if limit is None or len(faces) <= limit:
            return faces
        ranked = sorted(faces, key=lambda key: _area(faces[key].box) * (1.5 if key in self._faces else 1), reverse=True)
        return {key: faces[key] for key in ranked[:limit]}

    def _classify(self, frame: Frame, found: dict[int, Face]) -> list[Reading]:
        self._smoother.keep(self._tracker.alive)
        if not found:
            return []
        faces = list(found.values())
        values = self._classifier.classify(crop_faces(frame.image, faces, self._classifier.crop))  # (N, K)
        labels, own = self._classifier.labels, self._options.uncertain_below
        sure = self._classifier.uncertain_below if own is None else own
        readings = []
        for key, face, row in zip(found, faces, values, strict=True):
            smooth, held = self._smoother.update(key, row, frame.time_s)
            raw = tuple(float(v) for v in row)
            readings.append(Reading(face, labels, raw, key, smooth, labels[held], sure))
        return readings


def _check_frame(frame: object) -> None:
    if not isinstance(frame, Frame):
        raise InputError(
            f"Expected frames as mien.open_source gives them, or mien.Frame(image, index, time_s); "
            f"got {type(frame).__name__}."
        )
    image: object = frame.image
    if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3):
        got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InputError(f"Expected frames of shape (H, W, 3) and type uint8, blue-green-red; got {got}.")


def _area(box: Box) -> float:
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def _leaves(box: Box, image: Image) -> bool:
    """Whether a box touches the picture's edge; how much of a face still is one, the detector decides."""
    x, y = _EDGE * (box[2] - box[0]), _EDGE * (box[3] - box[1])
    return box[0] < x or box[1] < y or box[2] > image.shape[1] - x or box[3] > image.shape[0] - y


def _any_meet(boxes: Sequence[Box], scale: float) -> bool:
    """Whether two boxes overlap, each grown to `scale` times its sides: one face hides another, or is about to."""
    grown = [_grown(box, scale) for box in boxes]
    return any(
        a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for i, a in enumerate(grown) for b in grown[:i]
    )


def _grown(box: Box, scale: float) -> Box:
    x1, y1, x2, y2 = box
    dx, dy = (scale - 1) / 2 * (x2 - x1), (scale - 1) / 2 * (y2 - y1)
    return (x1 - dx, y1 - dy, x2 + dx, y2 + dy)
