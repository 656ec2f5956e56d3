"""Draws the picture of the README: four drawn faces, read by the shipped model and annotated by the project's own code.

Nothing is made up: boxes are where the faces were drawn, and the bars are what the model says about the drawing.
Run from the root of the repository: python docs/pictures/draw.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import mien
from mien.core.types import Face, Reading
from mien.infer.crop import crop_faces
from mien.media.overlay import draw_readings
from mien.pictures.write import write_picture

_SCALE = 3  # drawn larger and shrunk, for smooth edges
_SKINS = ("#e3b491", "#8d5a3c", "#f0c9a8", "#b9825b")
_HAIRS = ("#3b2a20", "#15110f", "#a8602c", "#5a4636")
_SHIRTS = ("#2f6690", "#c8553d", "#3a7d5b", "#7d5ba6")


def _face(draw: ImageDraw.ImageDraw, cx: float, cy: float, r: float, look: int, mood: str) -> None:
    """One head of half-width `r` at (cx, cy)."""
    skin, hair, shirt = _SKINS[look], _HAIRS[look], _SHIRTS[look]

    def oval(x: float, y: float, w: float, h: float, fill: str) -> None:
        draw.ellipse((cx + (x - w) * r, cy + (y - h) * r, cx + (x + w) * r, cy + (y + h) * r), fill=fill)

    def line(points: list[tuple[float, float]], width: float, fill: str) -> None:
        draw.line([(cx + x * r, cy + y * r) for x, y in points], fill=fill, width=round(width * r), joint="curve")

    draw.rounded_rectangle((cx - 1.7 * r, cy + 1.55 * r, cx + 1.7 * r, cy + 4 * r), radius=0.8 * r, fill=shirt)
    draw.rectangle((cx - 0.38 * r, cy + 0.9 * r, cx + 0.38 * r, cy + 1.75 * r), fill=skin)
    oval(0, -0.28, 1.12, 1.22, hair)
    oval(0, 0, 0.98, 1.25, skin)
    draw.pieslice((cx - 1.02 * r, cy - 1.35 * r, cx + 1.02 * r, cy + 0.45 * r), 190, 350, fill=hair)
    _eyes(oval, line, mood)
    line([(0.0, -0.02), (-0.1, 0.32), (0.1, 0.36)], 0.05, "#00000044")
    _mouth(draw, cx, cy, r, mood)


def _eyes(oval: Callable[..., None], line: Callable[..., None], mood: str) -> None:
    wide = {"surprise": 0.2, "happy": 0.08, "angry": 0.07}.get(mood, 0.075)
    for side in (-1, 1):
        oval(side * 0.4, -0.12, 0.2, wide, "#ffffff")
        oval(side * 0.4, -0.12, 0.1, min(wide, 0.12), "#231a15")
        line([(side * 0.2, -0.12 - wide), (side * 0.4, -0.15 - wide), (side * 0.6, -0.1 - wide)], 0.05, "#3a2a22")
        inner, outer = {"angry": (-0.24, -0.46), "surprise": (-0.62, -0.62), "sad": (-0.58, -0.38)}.get(
            mood, (-0.36, -0.38)
        )
        line([(side * 0.18, inner), (side * 0.42, (inner + outer) / 2 - 0.05), (side * 0.66, outer)], 0.09, "#2a1d16")


def _mouth(draw: ImageDraw.ImageDraw, cx: float, cy: float, r: float, mood: str) -> None:
    def box(w: float, top: float, bottom: float) -> tuple[float, float, float, float]:
        return (cx - w * r, cy + top * r, cx + w * r, cy + bottom * r)

    if mood == "happy":
        draw.chord(box(0.5, 0.2, 0.98), 10, 170, fill="#7c2230")
        draw.chord(box(0.44, 0.3, 0.86), 14, 166, fill="#ffffff")
    elif mood == "surprise":
        draw.ellipse(box(0.22, 0.52, 1.02), fill="#5a1722")
    elif mood == "angry":
        draw.arc(box(0.42, 0.62, 1.0), 200, 340, fill="#7c2230", width=round(0.12 * r))
    elif mood == "sad":
        draw.arc(box(0.36, 0.66, 1.05), 205, 335, fill="#8a3a40", width=round(0.1 * r))
    else:
        draw.line(
            [(cx - 0.34 * r, cy + 0.72 * r), (cx + 0.34 * r, cy + 0.72 * r)], fill="#8a3a40", width=round(0.1 * r)
        )


def main() -> None:
    """Draw, read, annotate, write."""
    width, height = 1120, 400
    canvas = Image.new("RGB", (width * _SCALE, height * _SCALE), "#dfe7ea")
    draw = ImageDraw.Draw(canvas, "RGBA")
    faces = []
    for i, mood in enumerate(("happy", "surprise", "angry", "neutral")):
        cx, cy, r = 120 + 280 * i, 150, 70
        _face(draw, cx * _SCALE, cy * _SCALE, r * _SCALE, i, mood)
        faces.append(Face((cx - 0.92 * r, cy - 1.15 * r, cx + 0.92 * r, cy + 1.25 * r), 1.0))
    picture = np.asarray(canvas.resize((width, height), Image.Resampling.LANCZOS))[..., ::-1]
    analyzer = mien.Analyzer(detector="none")
    crops = crop_faces(np.ascontiguousarray(picture), faces, analyzer.classifier.crop)
    rows = analyzer.classifier.classify(crops)
    below = analyzer.uncertain_below
    readings = [
        Reading(face, analyzer.labels, tuple(map(float, row)), uncertain_below=below)
        for face, row in zip(faces, rows, strict=True)
    ]
    write_picture(Path(__file__).with_name("drawn.png"), draw_readings(np.ascontiguousarray(picture), readings))
    for reading in readings:
        print(reading.emotion, f"{reading.confidence:.2f}")


if __name__ == "__main__":
    main()
