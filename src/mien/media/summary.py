"""A video's readings in little memory: who was seen when, for how long with which expression, and how that changed.

Time counts from frame to frame: what a frame shows holds until the next one. Curves are kept in steps that grow with
the video, so an hour takes no more memory than a minute.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Frame, Image, Reading
from mien.media.holds import LONE_S, Held, Holds
from mien.media.plausible import Plausible

__all__ = ["Curve", "Person", "Summary", "VideoSummary"]

_MOST_STEPS = 400  # of a curve; a page is about 1,000 px wide
_FIRST_STEP_S = LONE_S
_THUMBNAIL_PX = 96


@dataclass(eq=False)
class Curve:
    """Mean probabilities over time, in equal steps; steps without a face are absent."""

    sums: dict[int, NDArray[np.float64]] = field(default_factory=dict)  # step -> (K,), weighted by seconds
    weights: dict[int, float] = field(default_factory=dict)  # step -> seconds

    def add(self, step: int, values: NDArray[np.float64], seconds: float) -> None:
        """Count `values` (K) for some seconds of a step."""
        self.sums[step] = self.sums.get(step, 0.0) + values * seconds
        self.weights[step] = self.weights.get(step, 0.0) + seconds

    def halve(self) -> None:
        """Join neighbouring steps."""
        sums, weights, self.sums, self.weights = self.sums, self.weights, {}, {}
        for step, total in sums.items():
            self.sums[step // 2] = self.sums.get(step // 2, 0.0) + total
            self.weights[step // 2] = self.weights.get(step // 2, 0.0) + weights[step]

    def join(self, other: Curve) -> None:
        """Count what another curve of the same steps has."""
        for step, total in other.sums.items():
            self.sums[step] = self.sums.get(step, 0.0) + total
            self.weights[step] = self.weights.get(step, 0.0) + other.weights[step]

    def means(self) -> dict[int, NDArray[np.float64]]:
        """Step -> mean probabilities (K), in order of time."""
        return {step: self.sums[step] / self.weights[step] for step in sorted(self.sums) if self.weights[step] > 0}


@dataclass(eq=False)
class Person:
    """One track: a face that was followed without a longer break."""

    track: int
    first_s: float
    last_s: float
    frames: int = 0
    seconds: dict[str, float] = field(default_factory=dict)  # expression -> seconds
    unsure_s: float = 0.0
    """For how many of these seconds the reading was uncertain."""
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (from, to) -> how often
    curve: Curve = field(default_factory=Curve)
    held: Curve = field(default_factory=Curve)
    """Share of each step in which each label was held."""
    thumbnail: bytes | None = None
    """JPEG, 96 x 96 px, where thumbnails were asked for."""

    @property
    def seen_s(self) -> float:
        """For how many seconds the face was seen."""
        return sum(self.seconds.values())

    @property
    def main(self) -> str:
        """The expression that was shown longest."""
        return max(self.seconds, key=self.seconds.__getitem__, default="")


@dataclass(frozen=True, eq=False)
class VideoSummary:
    """What a report tells about a video; only plausible tracks count (`mien.media.plausible`)."""

    labels: tuple[str, ...]
    start_s: float
    end_s: float
    frames: int
    frames_with_faces: int
    rows: int
    most_faces: int
    step_s: float
    people: tuple[Person, ...]
    """In the order in which they came."""
    doubtful: int
    """Tracks that are not plausible: nothing here counts them."""
    everyone: Curve
    faces: dict[int, float]
    """Step -> mean number of faces."""

    @property
    def length_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return self.end_s - self.start_s

    @property
    def seconds(self) -> dict[str, float]:
        """Expression -> seconds, over all faces."""
        total: dict[str, float] = {}
        for person in self.people:
            for label, seconds in person.seconds.items():
                total[label] = total.get(label, 0.0) + seconds
        return total

    @property
    def unsure_s(self) -> float:
        """Seconds with an uncertain reading, over all faces."""
        return sum(person.unsure_s for person in self.people)

    @property
    def changes(self) -> Counter[tuple[str, str]]:
        """(from, to) -> how often, over all faces."""
        total: Counter[tuple[str, str]] = Counter()
        for person in self.people:
            total.update(person.changes)
        return total


class Summary:
    """A sink that sums a video up; `result` tells what it has seen so far.

    Args:
        labels: the K labels of the model.
        thumbnails: keep one small picture of each face; off unless asked for.
        sure_score: as `mien.media.plausible.Plausible` has it.

    """

    def __init__(self, labels: Sequence[str], *, thumbnails: bool = False, sure_score: float = 0.0) -> None:
        self._labels = tuple(labels)
        self._thumbnails = thumbnails
        self._step_s = _FIRST_STEP_S
        self._people: dict[int, Person] = {}
        self._held: dict[int, str] = {}
        self._best: dict[int, float] = {}
        self._plausible = Plausible(sure_score)
        self._holds = Holds()
        self._together: Counter[tuple[int, ...]] = Counter()  # tracks of a frame -> frames
        self._shown = Curve()  # seconds per step
        self._start_s = self._end_s = 0.0

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Take in one frame."""
        if not self._together:
            self._start_s = frame.time_s
        self._settle(self._holds.next(frame, readings))
        self._together[tuple(sorted(reading.track or 0 for reading in readings))] += 1
        for reading in readings:
            self._meet(frame, reading)

    def close(self) -> None:
        """Let the last frame hold as long as the one before it, and an only one for the finest step."""
        self._settle(self._holds.last())

    def abort(self) -> None:
        """Nothing to leave behind."""

    def result(self) -> VideoSummary:
        """What was seen; whole after `close`."""
        tracks = {track or 0 for track in self._plausible.people()}
        people = tuple(person for person in self._people.values() if person.track in tracks)
        counts = [(sum(track in tracks for track in seen), frames) for seen, frames in self._together.items()]
        everyone = Curve()
        for person in people:
            everyone.join(person.curve)
        shown = self._shown.weights
        return VideoSummary(
            labels=self._labels,
            start_s=self._start_s,
            end_s=self._end_s,
            frames=self._together.total(),
            frames_with_faces=sum(frames for faces, frames in counts if faces),
            rows=sum(faces * frames for faces, frames in counts),
            most_faces=max((faces for faces, _ in counts), default=0),
            step_s=self._step_s,
            people=people,
            doubtful=len(self._people) - len(people),
            everyone=everyone,
            faces={step: everyone.weights.get(step, 0.0) / shown[step] for step in sorted(shown) if shown[step] > 0},
        )

    def _meet(self, frame: Frame, reading: Reading) -> None:
        track = reading.track or 0
        person = self._people.get(track)
        if person is None:
            person = self._people[track] = Person(track, frame.time_s, frame.time_s)
        person.last_s = frame.time_s
        person.frames += 1
        held = self._held.get(track)
        if held is not None and held != reading.emotion:
            person.changes[held, reading.emotion] += 1
        self._held[track] = reading.emotion
        if self._thumbnails:
            self._picture(person, frame.image, reading)

    def _picture(self, person: Person, image: Image, reading: Reading) -> None:
        """Keep the largest sharp sight of a face; a picture is taken again only when it is clearly better."""
        x1, y1, x2, y2 = reading.box
        worth = reading.score * (x2 - x1) * (y2 - y1)
        if worth < 1.2 * self._best.get(person.track, 0.0):
            return
        self._best[person.track] = worth
        half, cx, cy = 0.7 * max(x2 - x1, y2 - y1), (x1 + x2) / 2, (y1 + y2) / 2
        part = image[max(0, int(cy - half)) : int(max(cy + half, 0)), max(0, int(cx - half)) : int(max(cx + half, 0))]
        if part.size:
            small = cv2.resize(part, (_THUMBNAIL_PX, _THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
            person.thumbnail = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()

    def _settle(self, held: Held | None) -> None:
        """Count what a frame showed while it held."""
        if held is None:
            return
        if not self._shown.weights:
            self._step_s = max(self._step_s, held.seconds)
        self._end_s = held.time_s + held.seconds
        self._plausible.add(held.readings, held.seconds)
        step = self._step(held.time_s)
        self._shown.add(step, np.zeros(0), held.seconds)
        for reading in held.readings:
            person = self._people[reading.track or 0]
            person.seconds[reading.emotion] = person.seconds.get(reading.emotion, 0.0) + held.seconds
            person.unsure_s += held.seconds * reading.uncertain
            values = np.array(reading.smooth_values or reading.values, np.float64)
            person.curve.add(step, values, held.seconds)
            held_label = np.array([float(label == reading.emotion) for label in self._labels])
            person.held.add(step, held_label, held.seconds)

    def _step(self, time_s: float) -> int:
        while (step := int((time_s - self._start_s) / self._step_s + 1e-9)) >= _MOST_STEPS:
            self._step_s *= 2
            self._shown.halve()
            for person in self._people.values():
                person.curve.halve()
                person.held.halve()
        return step
