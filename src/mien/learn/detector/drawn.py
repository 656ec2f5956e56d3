"""Pictures without a face, drawn at random: textures, and cartoons of round bodies, fins and eyes that are no faces.

What a detector takes for faces when it has seen photographs only.
"""

from __future__ import annotations

import cv2
import numpy as np

from mien.core.types import Image

__all__ = ["drawn"]


def drawn(width: int, height: int, rng: np.random.Generator) -> Image:
    """A picture (H, W, 3) uint8 BGR."""
    kinds = (_cartoon, _cartoon, _lights, _waves, _cloud)
    return kinds[int(rng.integers(len(kinds)))](width, height, rng)


def _colour(rng: np.random.Generator) -> tuple[float, float, float]:
    b, g, r = (float(v) for v in rng.integers(0, 256, 3))
    return (b, g, r)


def _canvas(width: int, height: int, rng: np.random.Generator) -> Image:
    """A slope from one colour to another."""
    slope = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    first, second = (np.array(_colour(rng), np.float32) for _ in range(2))
    plain = np.broadcast_to(first + slope * (second - first), (height, width, 3))
    return np.ascontiguousarray(plain).astype(np.uint8)


def _cartoon(width: int, height: int, rng: np.random.Generator) -> Image:
    """Fish, birds and blobs: an oval body, a tail, and one eye, or none, or three; never two above a mouth."""
    image = _canvas(width, height, rng)
    for _ in range(int(rng.integers(1, 6))):
        size = float(np.exp(rng.uniform(np.log(12), np.log(0.5 * min(width, height)))))
        centre = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        turn, body = rng.uniform(0, 360), _colour(rng)
        along = np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
        across = np.array([-along[1], along[0]])
        axes = (round(size / 2), round(size * rng.uniform(0.22, 0.45)))
        tail = centre - along * size * 0.42
        corners = [
            tail,
            tail - along * size * 0.3 + across * size * 0.3,
            tail - along * size * 0.3 - across * size * 0.3,
        ]
        if rng.random() < 0.7:
            cv2.fillPoly(image, [np.round(corners).astype(np.int32)], _colour(rng), cv2.LINE_AA)
        _oval(image, centre, axes, turn, body)
        if rng.random() < 0.5:
            _oval(image, centre, axes, turn, _colour(rng), max(1, round(size / 30)))
        for place in ((), (0.27,), (0.27,), (0.3, 0.0, -0.3))[int(rng.integers(4))]:
            _eye(image, centre + along * size * place - across * size * 0.08, size * rng.uniform(0.05, 0.12), rng)
    return image


def _oval(
    image: Image, centre: np.ndarray, axes: tuple[int, int], turn: float, colour: tuple[float, ...], line: int = -1
) -> None:
    x, y = (round(float(v)) for v in centre)
    cv2.ellipse(image, (x, y), axes, turn, 0, 360, colour, line, cv2.LINE_AA)


def _eye(image: Image, centre: np.ndarray, radius: float, rng: np.random.Generator) -> None:
    x, y = (round(float(v)) for v in centre)
    cv2.circle(image, (x, y), max(1, round(radius)), (255, 255, 255), -1, cv2.LINE_AA)
    cv2.circle(image, (x, y), max(1, round(radius * rng.uniform(0.4, 0.7))), (0, 0, 0), -1, cv2.LINE_AA)


def _lights(width: int, height: int, rng: np.random.Generator) -> Image:
    """Discs of light before darkness, out of focus."""
    image = (_canvas(width, height, rng) // 4).astype(np.uint8)
    for _ in range(int(rng.integers(3, 25))):
        layer = image.copy()
        radius = round(float(np.exp(rng.uniform(np.log(4), np.log(0.2 * min(width, height))))))
        place = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(layer, place, radius, _colour(rng), -1, cv2.LINE_AA)
        share = float(rng.uniform(0.2, 0.8))
        image = np.asarray(cv2.addWeighted(layer, share, image, 1 - share, 0), np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(1, 6))), np.uint8)


def _waves(width: int, height: int, rng: np.random.Generator) -> Image:
    """Stripes, weaves and rings."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    total = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        length, turn = rng.uniform(5, 80), rng.uniform(0, 2 * np.pi)
        if rng.random() < 0.3:
            distance = np.hypot(x - rng.uniform(0, width), y - rng.uniform(0, height))
        else:
            distance = x * np.cos(turn) + y * np.sin(turn)
        total += np.sin(distance * (2 * np.pi / length)).astype(np.float32)
    share = ((total - total.min()) / max(float(np.ptp(total)), 1e-3))[..., None]
    first, second = (np.array(_colour(rng), np.float32) for _ in range(2))
    return np.asarray(first + share * (second - first), np.float32).astype(np.uint8)


def _cloud(width: int, height: int, rng: np.random.Generator) -> Image:
    """Noise of several sizes, added up."""
    total = np.zeros((height, width, 3), np.float32)
    for size in (4, 8, 16, 32, 64):
        coarse = rng.standard_normal((height // size + 2, width // size + 2, 3), np.float32)
        coarse = coarse * float(size ** rng.uniform(0.2, 1.2))
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    spread = float(rng.uniform(15, 60)) / max(float(total.std()), 1e-3)
    return np.clip(total * spread + np.array(_colour(rng), np.float32), 0, 255).astype(np.uint8)
