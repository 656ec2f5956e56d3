"""How a training picture looks: colour, light, old prints, night, blur by defocus and by motion, noise, JPEG.

Boxes stay where they are.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Image

__all__ = ["defocused", "degrade"]

_SEPIA = np.array([[0.55, 0.7, 0.85]], np.float32)  # BGR of a faded print's middle, as shares of white


def degrade(image: Image, rng: np.random.Generator) -> Image:
    """Change colour, light, sharpness and noise of a picture, each at random."""
    chance = rng.random(7)
    if chance[0] < 0.8:
        image = _tone(image, rng)
    if chance[1] < 0.25:
        image = _colourless(image, rng)
    if chance[2] < 0.06:
        image = _night(image, rng)
    if chance[3] < 0.12:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.6))), np.uint8)
    elif chance[3] < 0.18:
        image = _moved(image, rng)
    if chance[4] < 0.1:
        noise = rng.integers(-1, 2, image.shape, np.int8).astype(np.int16) * int(rng.integers(2, 14))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if chance[5] < 0.15:
        packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 85))])[1]
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return image


def defocused(image: Image, rng: np.random.Generator) -> Image:
    """A picture far out of focus: what lights and things in a background look like."""
    sigma = float(np.exp(rng.uniform(np.log(2.0), np.log(min(image.shape[:2]) / 12))))
    small = cv2.resize(image, None, fx=1 / sigma, fy=1 / sigma, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 1.2)
    return np.asarray(cv2.resize(soft, image.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def _tone(image: Image, rng: np.random.Generator) -> Image:
    """Gamma, contrast and light of all channels and a cast of each, as one table."""
    values = (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.3))
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.08, 3))  # (3,)
    if rng.random() < 0.15:
        gain = gain * rng.uniform(0.3, 0.7)
    table = (values[:, None] - 0.5) * np.exp(rng.normal(0, 0.2)) + 0.5  # (256, 1)
    table = np.clip(table * gain * 255, 0, 255).astype(np.uint8)[None]  # (1, 256, 3)
    return np.asarray(cv2.LUT(image, table), np.uint8)


def _colourless(image: Image, rng: np.random.Generator) -> Image:
    """Grey, or an old print: brownish or grey, flat, with grain."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if rng.random() < 0.6:
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    low, high = rng.uniform(0, 70), rng.uniform(180, 255)
    coarse = rng.normal(0, rng.uniform(0, 10), (grey.shape[0] // 2 + 1, grey.shape[1] // 2 + 1)).astype(np.float32)
    grain = cv2.resize(coarse, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    flat = np.clip(low + grey.astype(np.float32) * (high - low) / 255 + grain, 0, 255)
    cast = 1 + (_SEPIA[0] / _SEPIA.mean() - 1) * rng.uniform(0, 1)  # (3,)
    return np.clip(flat[..., None] * cast.astype(np.float32), 0, 255).astype(np.uint8)


def _night(image: Image, rng: np.random.Generator) -> Image:
    """Dark, of little colour, noisy."""
    dark = image.astype(np.float32) * float(rng.uniform(0.08, 0.3))
    grey = dark.mean(2, keepdims=True)
    dark = grey + (dark - grey) * float(rng.uniform(0.2, 0.9))
    noise: NDArray[np.float32] = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(1, 5))
    return np.clip(dark + noise, 0, 255).astype(np.uint8)


def _moved(image: Image, rng: np.random.Generator) -> Image:
    """Blurred along a line, as by a moving camera."""
    length = int(rng.integers(3, 12))
    kernel = np.zeros((length, length), np.float32)
    angle, middle = rng.uniform(0, np.pi), (length - 1) / 2
    for step in np.linspace(-middle, middle, 4 * length):
        row, column = round(middle + step * np.sin(angle)), round(middle + step * np.cos(angle))
        kernel[int(row), int(column)] = 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
