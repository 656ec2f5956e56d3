"""Synthetic people and a detector that knows where they are, for tests of tracking without any model."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from mien.app.scenes import Actor, Head, Scene, backdrop
from mien.core.contract import CropSpec
from mien.core.types import Face, Frame

LABELS = ("happy", "neutral")


def person(seed: int) -> Head:
    """A head with patches of its own colours: told apart by appearance, followed by structure."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 255, (9, 7, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (140, 180), interpolation=cv2.INTER_CUBIC)
    alpha = np.ones((180, 140, 1), np.float32)
    return Head(np.asarray(image, np.uint8), alpha, (20.0, 25.0, 120.0, 155.0))


def room(*actors: Actor, noise: float = 2.0) -> Scene:
    """A quiet room of 320 x 240 px with these people."""
    return Scene(backdrop(320, 240), actors, noise)


class Oracle:
    """A detector that is told the truth, hides who is covered, and counts how often it was asked.

    Args:
        scene: where the people are.
        blind: (start, end) in seconds in which nobody is found.

    """

    name = "oracle"
    thread_safe = False

    def __init__(self, scene: Scene, blind: tuple[float, float] = (9e9, 9e9)) -> None:
        self._scene, self._blind = scene, blind
        self.now_s = 0.0
        self.asked: list[float] = []

    def frames(self, duration_s: float, fps: float = 25.0, start_s: float = 0.0) -> Iterator[Frame]:
        """Frames of the scene; each is what the detector sees until the next."""
        for frame in self._scene.frames(duration_s, fps, start_s):
            self.now_s = frame.time_s
            yield frame

    def detect(self, image: np.ndarray) -> list[Face]:
        self.asked.append(self.now_s)
        if self._blind[0] <= self.now_s < self._blind[1]:
            return []
        boxes = self._scene.boxes(self.now_s)
        height, width = image.shape[:2]
        found = []
        for i, box in enumerate(boxes):
            if box is None or box[0] < 0 or box[1] < 0 or box[2] > width or box[3] > height:
                continue
            if any(_hides(other, box) for other in boxes[i + 1 :] if other is not None):
                continue
            found.append(Face(box, 0.9))
        return found


def _hides(front: tuple[float, ...], back: tuple[float, ...]) -> bool:
    """Whether half of a face lies behind another."""
    width = max(0.0, min(front[2], back[2]) - max(front[0], back[0]))
    height = max(0.0, min(front[3], back[3]) - max(front[1], back[1]))
    return width * height > 0.5 * (back[2] - back[0]) * (back[3] - back[1])


class Bright:
    """A classifier: the brighter a crop, the happier."""

    name = "bright"
    labels = LABELS
    crop = CropSpec(size=8)
    uncertain_below = 0.5
    thread_safe = False

    def __init__(self) -> None:
        self.crops = 0

    def classify(self, crops: np.ndarray) -> np.ndarray:
        self.crops += len(crops)
        happy = crops.reshape(len(crops), -1).mean(1, dtype=np.float64) / 255
        return np.stack([happy, 1 - happy], axis=1).astype(np.float32)
