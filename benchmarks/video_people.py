"""Which tracks are taken for people: faces, and what the detector takes for one in photographs without a face.

    python benchmarks/video_people.py [--photographs ../shared/data/faces/val.parquet] [--without 139] [--with-faces 60]

Photographs without a face are filmed as a slow zoom and pan over a random part of them (zoom 1 to 3), those with faces
whole; 3 s at 12.5 frames per second, 480x360, with camera noise (s.d. 2). The packaged detector, no expressions. A
track is a face where its boxes overlap one of the photograph's on the mean by IoU >= 0.4. Counts tracks and those that
are people by each rule alone and by all, faces of 24 px and more apart. Prints a table and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mien.core.contract import CropSpec
from mien.core.geometry import iou
from mien.core.types import Frame, Image, Reading
from mien.infer.analyzer import Analyzer
from mien.media.plausible import RULES, Plausible

cv2.setNumThreads(1)
_SIZE, _FPS, _FRAMES = (480, 360), 12.5, 38
_LARGE_PX = 24.0


class Blind:
    """A classifier that looks at nothing."""

    name, labels, uncertain_below, thread_safe = "blind", ("a", "b"), 0.5, True
    crop = CropSpec(size=8)

    def classify(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Both labels alike."""
        return np.full((len(crops), 2), 0.5, np.float32)


def film(image: Image, zoom: float, rng: np.random.Generator) -> Iterator[tuple[Frame, NDArray[np.float64]]]:
    """Frames, each with the matrix (2, 3) that takes points of the photograph into it."""
    (wide, high), (height, width) = _SIZE, image.shape[:2]
    x, y = rng.uniform(0.5 / max(zoom, 1), 1 - 0.5 / max(zoom, 1), 2)
    vx, vy, vz = *rng.normal(0, 0.02, 2), rng.normal(0, 0.05)
    noise = rng.normal(0, 2, (high, wide, 3)).astype(np.float32)
    for i in range(_FRAMES):
        s = i / _FPS
        scale = max(wide / width, high / height) * zoom * (1 + vz * s)
        left, top = scale * width * (x + vx * s) - wide / 2, scale * height * (y + vy * s) - high / 2
        matrix = np.array([[scale, 0, -left], [0, scale, -top]])
        seen = cv2.warpAffine(image, matrix, _SIZE, borderMode=cv2.BORDER_REFLECT_101)
        grain = np.roll(noise, tuple(rng.integers(0, high, 2)), (0, 1))
        yield Frame(np.clip(seen + grain, 0, 255).astype(np.uint8), i, s), matrix


def tracks(analyzer: Analyzer, image: Image, boxes: NDArray[np.float64], zoom: float, seed: int) -> Iterator[tuple]:
    """Of each track: mean overlap with a true box, median size in pixels, and for each rule whether it holds."""
    plausible, found = Plausible(analyzer.sure_score), {}
    reader = analyzer.reader()
    for frame, matrix in film(image, zoom, np.random.default_rng(seed)):
        readings = reader.read(frame)
        plausible.write(frame, readings)
        truth = (boxes.reshape(-1, 2, 2) * matrix[0, 0] + matrix[:, 2]).reshape(-1, 4)
        for reading in readings:
            found.setdefault(reading.track, []).append((_overlap(reading, truth), _side(reading)))
    plausible.close()
    for track, seen in found.items():
        overlaps, sides = zip(*seen, strict=True)
        yield float(np.mean(overlaps)), float(np.median(sides)), plausible.verdicts(track)


def _overlap(reading: Reading, truth: NDArray[np.float64]) -> float:
    return float(iou([reading.box], truth).max()) if len(truth) else 0.0


def _side(reading: Reading) -> float:
    return min(reading.box[2] - reading.box[0], reading.box[3] - reading.box[1])


def photographs(path: Path, count: int, faces: bool) -> Iterator[tuple[Image, NDArray[np.float64]]]:
    """Photographs with or without faces, in random order, with their boxes."""
    table = pq.read_table(path, columns=["image", "boxes", "ignore"])
    for i in np.random.default_rng(0).permutation(table.num_rows):
        row = table.slice(int(i), 1).to_pylist()[0]
        if bool(row["boxes"]) is not faces or (not faces and row["ignore"]):
            continue
        image = cv2.imdecode(np.frombuffer(row["image"]["bytes"], np.uint8), cv2.IMREAD_COLOR)
        yield np.asarray(image, np.uint8), np.array(row["boxes"], np.float64).reshape(-1, 4)
        count -= 1
        if not count:
            return


def counts(verdicts: Sequence[dict[str, bool]]) -> dict[str, int]:
    """Tracks, those that each rule lets through, and those that are people."""
    alone = {name: sum(v[name] for v in verdicts) for name in RULES}
    return {"tracks": len(verdicts), **alone, "people": sum(all(v.values()) for v in verdicts)}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--photographs", type=Path, default=Path("../shared/data/faces/val.parquet"))
    options.add_argument("--without", type=int, default=139)
    options.add_argument("--with-faces", type=int, default=60)
    given = options.parse_args()
    analyzer = Analyzer(Blind())
    rng = np.random.default_rng(0)
    rows: dict[str, list[dict[str, bool]]] = {"no face": [], "faces": [], f"faces from {_LARGE_PX:g} px": []}
    for seed, (image, boxes) in enumerate(photographs(given.photographs, given.without, False)):
        rows["no face"] += [v for *_, v in tracks(analyzer, image, boxes, float(np.exp(rng.uniform(0, 1.1))), seed)]
    for seed, (image, boxes) in enumerate(photographs(given.photographs, given.with_faces, True)):
        for overlap, side, verdict in tracks(analyzer, image, boxes, 0.83, seed):
            if overlap >= 0.4:
                rows["faces"].append(verdict)
                rows[f"faces from {_LARGE_PX:g} px"] += [verdict] if side >= _LARGE_PX else []
    told = {name: counts(verdicts) for name, verdicts in rows.items()}
    for name, row in told.items():
        print(f"{name:20}", "  ".join(f"{key} {value}" for key, value in row.items()))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
