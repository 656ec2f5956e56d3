"""The values that cross rooms (frame, face, reading), and the two protocols that everything is composed of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mien.core.contract import UNCERTAIN_BELOW, CropSpec
from mien.core.errors import InputError
from mien.core.text import is_number

__all__ = ["Analysis", "Box", "Classifier", "Detector", "Face", "Frame", "Image", "Point", "Reading"]

Image = NDArray[np.uint8]
"""A picture: (H, W, 3) uint8, blue-green-red."""

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels of the picture; the right and lower edge lie outside; may leave the picture."""

Point = tuple[float, float]
"""x, y in pixels of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video with its true time."""

    image: Image
    index: int
    """Position in the source, counted from 0 over the frames that came out."""
    time_s: float
    """Presentation time in seconds on the clock of the source (ffprobe's `pts_time`)."""
    gap_s: float = 0.0
    """For how many seconds before it a live source had broken off; 0 unless it did."""

    def __post_init__(self) -> None:
        if not is_number(self.time_s, -math.inf):
            raise InputError(f"The time of a frame is a finite number of seconds, got {self.time_s!r}.")


@dataclass(frozen=True, slots=True)
class Face:
    """Where a face is."""

    box: Box
    score: float
    """How sure the detector is, in its own scale; comparable only within one detector."""
    landmarks: tuple[Point, ...] | None = None
    """Right eye, left eye, nose, right and left mouth corner (the person's right), or None."""
    whole: bool = False
    """The box is the crop already (no face was looked for), so no margin is added around it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from one face.

    `values[i]` is the probability of `labels[i]`, in 0..1, summing to 1.
    In a video the reading also has the face's track and the smoothed probabilities; a photograph has neither.
    """

    face: Face
    labels: tuple[str, ...]
    values: tuple[float, ...]
    track: int | None = None
    smooth_values: tuple[float, ...] | None = None
    steady_label: str | None = None
    """The label that holds over time (video only)."""
    uncertain_below: float = UNCERTAIN_BELOW
    """With less confidence the reading is uncertain."""

    @property
    def box(self) -> Box:
        """x1, y1, x2, y2 in pixels."""
        return self.face.box

    @property
    def score(self) -> float:
        """The detector's score of the face."""
        return self.face.score

    @property
    def landmarks(self) -> tuple[Point, ...] | None:
        """Five points in pixels, or None."""
        return self.face.landmarks

    @property
    def emotion(self) -> str:
        """The expression: the steady label in a video, else the most probable one."""
        if self.steady_label is not None:
            return self.steady_label
        return self.labels[max(range(len(self.values)), key=self.values.__getitem__)]

    @property
    def confidence(self) -> float:
        """Calibrated probability of `emotion`, in 0..1 (smoothed in a video)."""
        values = self.values if self.smooth_values is None else self.smooth_values
        return values[self.labels.index(self.emotion)]

    @property
    def uncertain(self) -> bool:
        """Whether the confidence is smaller than `uncertain_below`; `docs/judging.md` says where that lies and why."""
        return self.confidence < self.uncertain_below

    @property
    def caption(self) -> str:
        """The expression for people to read, such as "sad", or "sad?" when it is uncertain."""
        return f"{self.emotion}?" if self.uncertain else self.emotion

    @property
    def probabilities(self) -> dict[str, float]:
        """Probability of every label, in 0..1."""
        return dict(zip(self.labels, self.values, strict=True))

    @property
    def smooth(self) -> dict[str, float] | None:
        """Smoothed probability of every label, or None for a photograph."""
        if self.smooth_values is None:
            return None
        return dict(zip(self.labels, self.smooth_values, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, as `docs/schema/analysis.schema.json` describes a face; nothing is rounded."""
        out: dict[str, Any] = {
            "box": list(self.box),
            "score": self.score,
            "emotion": self.emotion,
            "confidence": self.confidence,
            "uncertain": self.uncertain,
            "probabilities": self.probabilities,
            "landmarks": None if self.landmarks is None else [list(p) for p in self.landmarks],
        }
        if self.track is not None:
            out["track"] = self.track
        if self.smooth is not None:
            out["smooth"] = self.smooth
        return out


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything read from one picture, or why it could not be read (`error`)."""

    source: str
    width: int | None
    height: int | None
    detector: str | None
    model: str | None
    faces: tuple[Reading, ...] = ()
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, as `docs/schema/analysis.schema.json` describes."""
        return {
            "source": self.source,
            "width": self.width,
            "height": self.height,
            "detector": self.detector,
            "model": self.model,
            "faces": [reading.to_dict() for reading in self.faces],
            "error": self.error,
        }


class Detector(Protocol):
    """Finds faces in a picture; `docs/python.md` plugs one in."""

    @property
    def name(self) -> str:
        """Name of the detector, as records show it."""
        ...

    @property
    def thread_safe(self) -> bool:
        """Whether several threads may call `detect` at once; if not, `Analyzer` lets them in one by one."""
        ...

    def detect(self, image: Image) -> Sequence[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best score first; empty when there are none."""
        ...


class Classifier(Protocol):
    """Reads expressions from face crops; `docs/python.md` plugs one in."""

    @property
    def name(self) -> str:
        """Name of the model, as records show it."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The K labels, in the order of the columns."""
        ...

    @property
    def crop(self) -> CropSpec:
        """What the crops must look like."""
        ...

    @property
    def uncertain_below(self) -> float:
        """Readings with a smaller confidence are uncertain, in 0..1."""
        ...

    @property
    def thread_safe(self) -> bool:
        """Whether several threads may call `classify` at once; if not, `Analyzer` lets them in one by one."""
        ...

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated probabilities (N, K) of crops (N, S, S) grey or (N, S, S, 3) RGB uint8; N may be 0."""
        ...
