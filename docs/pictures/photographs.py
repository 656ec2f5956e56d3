"""Annotates the two public-domain photographs of the README with the shipped model.

Eileen Collins (NASA, from scikit-image) and Grace Hopper (US Navy, from matplotlib). Whatever the model says is drawn.
Run from the root of the repository: python docs/pictures/photographs.py
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from matplotlib.cbook import get_sample_data
from skimage.data import astronaut

import mien
from mien.core.types import Image
from mien.media.overlay import draw_readings
from mien.pictures.decode import load_image
from mien.pictures.write import write_picture

_HEIGHT = 512  # px, that of the first as it is


def photographs() -> list[Image]:
    """Both photographs at one height, (H, W, 3) uint8 BGR."""
    with get_sample_data("grace_hopper.jpg") as file:
        hopper = load_image(file.read())
    pictures = [load_image(astronaut(), color="rgb"), hopper]
    return [
        cv2.resize(p, (round(p.shape[1] * _HEIGHT / p.shape[0]), _HEIGHT), interpolation=cv2.INTER_AREA)
        for p in pictures
    ]


def main() -> None:
    """Read, annotate, put side by side, write."""
    analyzer = mien.Analyzer()
    drawn = [draw_readings(picture, analyzer.analyze(picture)) for picture in photographs()]
    gap = np.full((_HEIGHT, 16, 3), 255, np.uint8)
    write_picture(Path(__file__).with_name("photographs.jpg"), np.hstack([drawn[0], gap, drawn[1]]))


if __name__ == "__main__":
    main()
