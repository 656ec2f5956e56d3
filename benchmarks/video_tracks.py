"""How well faces keep their numbers when the camera shakes and when somebody rushes at it.

    python benchmarks/video_tracks.py [--data ../shared/data/faces] [--detector NAME]

Synthetic clips of 640x480 at 30 frames per second: the heads of two photographs (scikit-image's astronaut, matplotlib's
Grace Hopper) before a room, where they are known in every frame; and with `--data` photographs of several people from
its validation part, enlarged and shaken. An id switch is a frame in which a known face has another number than when it
was last found. Prints a table and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.app.scenes import Actor, Head, Scene, two_heads
from mien.core.geometry import iou
from mien.core.types import Box, Detector, Frame, Image
from mien.infer.analyzer import Analyzer
from mien.infer.stream import StreamOptions, StreamReader

_FPS = 30.0
_WIDTH, _HEIGHT = 640, 480
_MARGIN = 80  # px of the scene around the picture, so that a shaken picture has no border
_FRAMES = 200
_GROUPS = 12  # photographs of several people
_LEAST_FACES = 4

Clip = Iterator[tuple[Frame, list[Box]]]
Shifts = NDArray[np.float64]


def _textured(seed: int) -> Image:
    """A room with things in it: soft patches, edges and fine texture, larger than the picture."""
    random = np.random.default_rng(seed)
    size = (_WIDTH + 2 * _MARGIN, _HEIGHT + 2 * _MARGIN)
    layers = np.zeros((size[1], size[0], 3), np.float32)
    for cells, weight in ((6, 1.0), (24, 0.5), (90, 0.25)):
        coarse = random.integers(0, 255, (cells, cells * 4 // 3, 3)).astype(np.float32)
        layers += weight * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(layers / 1.75, 0, 255).astype(np.uint8)


def _white(spread: float, seed: int = 0) -> Shifts:
    return np.random.default_rng(seed).normal(0, spread, (_FRAMES, 2))


def _hand(spread: float, seed: int = 0) -> Shifts:
    """Shake of a hand: the same spread, slower (white noise through a filter of 0.1 s)."""
    noise = np.random.default_rng(seed).normal(0, 1, (_FRAMES, 2))
    keep = np.exp(-1 / (0.1 * _FPS))
    out = np.zeros_like(noise)
    for i in range(1, _FRAMES):
        out[i] = keep * out[i - 1] + np.sqrt(1 - keep**2) * noise[i]
    return out * spread


def _still(_spread: float, _seed: int = 0) -> Shifts:
    return np.zeros((_FRAMES, 2))


def _shaken(image: Image, shift: NDArray[np.float64]) -> Image:
    """The middle of a larger picture, moved by a shift (to a fraction of a pixel)."""
    height, width = image.shape[:2]
    size = (width - 2 * _MARGIN, height - 2 * _MARGIN)
    matrix = np.array([[1, 0, shift[0] - _MARGIN], [0, 1, shift[1] - _MARGIN]], np.float64)
    return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _clip(scene: Scene, shifts: Shifts) -> Clip:
    for i, shift in enumerate(np.clip(shifts, 2 - _MARGIN, _MARGIN - 2)):
        time_s = i / _FPS
        dx, dy = shift - _MARGIN
        boxes = [(x1 + dx, y1 + dy, x2 + dx, y2 + dy) for x1, y1, x2, y2 in filter(None, scene.boxes(time_s))]
        yield Frame(_shaken(scene.image(time_s), shift), i, time_s), boxes


def _standing(x: float, y: float, size: float, sway: float = 4.0) -> object:
    return lambda t: (x + _MARGIN + sway * np.sin(2 * t), y + _MARGIN + 0.5 * sway * np.sin(3 * t), size)


def _three(heads: Sequence[Head], size: float) -> Scene:
    a, b = heads[0], heads[-1]
    places = ((a, 140.0, 200.0), (b, 320.0, 260.0), (a, 500.0, 200.0))
    return Scene(_textured(1), [Actor(head, _standing(x, y, size)) for head, x, y in places], noise=2.0)


def _rushing(head: Head, seconds: float = 1.5) -> Scene:
    def path(t: float) -> tuple[float, float, float]:
        size = 45 + (300 - 45) * min(max(t - 0.5, 0) / seconds, 1)
        return (320.0 + _MARGIN, 200.0 + _MARGIN + 0.15 * size, size)

    return Scene(_textured(2), [Actor(head, path)], noise=2.0)


def _photograph(image: Image, boxes: Sequence[Box], shifts: Shifts) -> Clip:
    for i, shift in enumerate(np.clip(shifts, 2 - _MARGIN, _MARGIN - 2)):
        dx, dy = shift - _MARGIN
        grain = np.random.default_rng(i).normal(0, 2, (image.shape[0], image.shape[1], 1))
        noisy = np.clip(image + grain, 0, 255).astype(np.uint8)
        moved = [(x1 + dx, y1 + dy, x2 + dx, y2 + dy) for x1, y1, x2, y2 in boxes]
        yield Frame(_shaken(noisy, shift), i, i / _FPS), moved


def _groups(folder: Path) -> list[tuple[Image, list[Box]]]:
    """Photographs with several known faces, enlarged so that their longer side has about 800 px."""
    import pyarrow.parquet as pq

    out = []
    for row in pq.read_table(folder / "val.parquet", columns=["image", "boxes"]).to_pylist():
        if len(row["boxes"]) < _LEAST_FACES or len(out) >= _GROUPS:
            continue
        image = cv2.imdecode(np.frombuffer(row["image"]["bytes"], np.uint8), cv2.IMREAD_COLOR)
        scale = 800 / max(image.shape[:2])
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        out.append((np.asarray(large, np.uint8), [tuple(v * scale for v in box) for box in row["boxes"]]))
    return out


def _follow(clip: Clip, analyzer: Analyzer, every: object) -> dict[str, int]:
    """Id switches of known faces, ids in total, and how often a known face was found."""
    reader = StreamReader(analyzer.detector, analyzer.classifier, StreamOptions(detector_every=every))
    last: dict[int, int] = {}
    switches = found = known = 0
    ids: set[int] = set()
    for frame, boxes in clip:
        faces = reader.find(frame)
        ids |= faces.keys()
        known += len(boxes)
        if not faces or not boxes:
            continue
        overlap = iou(boxes, [face.box for face in faces.values()])
        keys = list(faces)
        for i, row in enumerate(overlap):
            if row.max() < 0.3:
                continue
            track = keys[int(row.argmax())]
            switches += last.get(i, track) != track
            last[i] = track
            found += 1
    return {"switches": switches, "ids": len(ids), "found": found, "known": known, "detections": reader.detections}


def _row(name: str, clips: Sequence[Clip], analyzer: Analyzer, every: object) -> dict[str, object]:
    sums: dict[str, int] = {}
    for clip in clips:
        for key, value in _follow(clip, analyzer, every).items():
            sums[key] = sums.get(key, 0) + value
    return {"case": name, "every": str(every), **sums}


def _cases(heads: Sequence[Head], folder: Path | None) -> Iterator[tuple[str, list[Clip]]]:
    for size in (90.0, 60.0, 40.0):
        yield f"three faces of {size:g} px, still", [_clip(_three(heads, size), _still(0))]
        yield f"three faces of {size:g} px, white shake 14 px", [_clip(_three(heads, size), _white(14))]
        yield f"three faces of {size:g} px, hand 14 px", [_clip(_three(heads, size), _hand(14))]
    for name, seconds in (("1.5 s", 1.5), ("0.8 s", 0.8)):
        yield f"45 to 300 px in {name}", [_clip(_rushing(heads[0], seconds), _still(0)[:90])]
    if folder is not None:
        groups = _groups(folder)
        for name, shake, px in (("still", _still, 0.0), ("hand 1 %", _hand, 4.8), ("hand 2 %", _hand, 9.6)):
            yield f"{len(groups)} groups, {name}", [_photograph(*group, shake(px)[:90]) for group in groups]


def main() -> None:
    """Run from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="fer2013")
    options.add_argument("--detector", default="auto")
    options.add_argument("--data", type=Path)
    options.add_argument("--only", default="", metavar="TEXT", help="the cases whose name holds this text")
    given = options.parse_args()
    cv2.setNumThreads(1)
    analyzer = Analyzer(given.model, given.detector)
    detector: Detector = analyzer.detector
    heads = two_heads(detector)
    if heads is None:
        raise SystemExit("The pictures need scikit-image: pip install scikit-image.")
    rows = []
    for name, clips in _cases(heads, given.data):
        if given.only not in name:
            continue
        kept = [list(clip) for clip in clips]
        for every in ("auto", 1):
            row = _row(name, [iter(clip) for clip in kept], analyzer, every)
            rows.append(row)
            print(
                f"{name:42} {every!s:>5}: {row['switches']:>3} switches, {row['ids']:>3} ids, "
                f"found {row['found']}/{row['known']}, {row['detections']} detections",
                flush=True,
            )
    print(json.dumps({"benchmark": "video_tracks", "detector": detector.name, "rows": rows}))


if __name__ == "__main__":
    main()
