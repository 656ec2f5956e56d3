"""Whether cuts are noticed, and nothing else is taken for one.

    python benchmarks/video_cuts.py [--photographs ../shared/data/faces/val.parquet] [--pairs 400]

Shots are real photographs with a slow zoom and pan and camera noise (s.d. 2), 320x240 at 25 frames per second. Each
pair gives one cut, at full brightness, at 35 % and at 15 %, and through one black frame. What must be no cut, on single
photographs: flash, fade to black and from black, to white, fade of the light to 35 %, camera shake, fast pan and zoom
with motion blur, somebody large who walks through. Counts per kind: cuts missed, frames wrongly taken for a cut.
Prints a table and ends with one line of JSON. To compare with another state of the project, set PYTHONPATH to its src.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.types import Image
from mien.infer.watch import Watch

_SIZE = (320, 240)
_FRAMES = 8  # per shot
_LEAST_SIDE = 160  # of a photograph
_NOISE = 2.0


def photographs(path: Path, count: int, seed: int = 0) -> list[Image]:
    """Photographs in random order; small ones are left out."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["image", "width", "height"])
    found: list[Image] = []
    for i in np.random.default_rng(seed).permutation(table.num_rows):
        row = table.slice(int(i), 1).to_pylist()[0]
        if min(row["width"], row["height"]) < _LEAST_SIDE:
            continue
        image = cv2.imdecode(np.frombuffer(row["image"]["bytes"], np.uint8), cv2.IMREAD_COLOR)
        found += [] if image is None else [np.asarray(image, np.uint8)]
        if len(found) == count:
            break
    return found


def view(photograph: Image, x: float, y: float, zoom: float, turn: float = 0.0) -> Image:
    """The part of a photograph around (x, y) in 0..1 that a camera sees; edges are mirrored."""
    height, width = photograph.shape[:2]
    scale = max(_SIZE[0] / width, _SIZE[1] / height) * zoom
    matrix = cv2.getRotationMatrix2D((x * width, y * height), turn, scale)
    matrix[:, 2] += (_SIZE[0] / 2 - x * width, _SIZE[1] / 2 - y * height)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(photograph, matrix, _SIZE, flags=way, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


@functools.cache
def _grain() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, _NOISE, (_SIZE[1], _SIZE[0], 3)).astype(np.float32)


def filmed(image: Image, random: np.random.Generator, gain: float = 1.0, lift: float = 0.0) -> Image:
    """A picture at another brightness, with the noise of a camera."""
    # Drawn once, shifted for each frame: drawing would take most of the time.
    noise = np.roll(_grain(), tuple(random.integers(0, _SIZE[1], 2)), (0, 1))
    return np.asarray(np.clip(image * np.float32(gain) + np.float32(lift) + noise, 0, 255), np.uint8)


def shot(photograph: Image, random: np.random.Generator, gain: float = 1.0, frames: int = _FRAMES) -> Iterator[Image]:
    """A slow zoom and pan over a photograph."""
    x, y = random.uniform(0.45, 0.55, 2)
    dx, dy = random.normal(0, 0.002, 2)
    zoom, speed = random.uniform(1.1, 1.3), random.normal(0, 0.003)
    for i in range(frames):
        yield filmed(view(photograph, x + dx * i, y + dy * i, zoom * (1 + speed * i)), random, gain)


def cut(a: Image, b: Image, random: np.random.Generator, gain: float, black: bool) -> tuple[list[Image], int]:
    """Two shots, and the number of the first frame of the second."""
    frames = list(shot(a, random, gain))
    between = [filmed(np.zeros((_SIZE[1], _SIZE[0], 3), np.uint8), random)] if black else []
    return [*frames, *between, *shot(b, random, gain)], len(frames) + len(between)


def flash(p: Image, random: np.random.Generator) -> Iterator[Image]:
    """A photographer's flash of one to three frames, beyond white in places."""
    still = view(p, 0.5, 0.5, 1.2)
    bright, length = random.uniform(1.5, 3.0), random.integers(1, 4)
    for i in range(2 * _FRAMES):
        on = _FRAMES <= i < _FRAMES + length
        yield filmed(still, random, bright if on else 1.0, random.uniform(10, 60) if on else 0.0)


def fade(p: Image, random: np.random.Generator, target: float = 0.0, white: float = 0.0) -> Iterator[Image]:
    """To black (or white, or less light) within 0.6 s and back."""
    still = view(p, 0.5, 0.5, 1.2)
    for i in range(40):
        share = float(np.clip(min(i / 15, (39 - i) / 15), 0, 1))
        yield filmed(still, random, 1 - share * (1 - target), share * white)


def shake(p: Image, random: np.random.Generator, strength: float = 0.02) -> Iterator[Image]:
    """White shake of a share of the height, and of half a degree."""
    for _ in range(40):
        dx, dy = random.normal(0, strength, 2)
        yield filmed(view(p, 0.5 + dx * 0.75, 0.5 + dy, 1.2, random.normal(0, 0.5)), random)


def pan(p: Image, random: np.random.Generator) -> Iterator[Image]:
    """A pan by 5 to 15 % of the width per frame, blurred by its motion, from standing to standing."""
    wide = cv2.resize(p, None, fx=2.0, fy=2.0)
    step = random.uniform(0.05, 0.15) / 2
    x = 0.2
    for i in range(16):
        now = step if 3 <= i < 12 else 0.0
        x += now
        seen = view(np.asarray(wide, np.uint8), x, 0.5, 2.0)
        length = max(1, round(0.5 * now * 2 * _SIZE[0]))
        yield filmed(np.asarray(cv2.blur(seen, (length, 1)), np.uint8), random)


def zoom(p: Image, random: np.random.Generator) -> Iterator[Image]:
    """Nearer or farther by 4 % per frame."""
    inward = random.integers(2)
    for i in range(16):
        yield filmed(view(p, 0.5, 0.5, 1.04 ** (i if inward else 16 - i)), random)


def passer(p: Image, q: Image, random: np.random.Generator) -> Iterator[Image]:
    """Something that covers half of the picture walks through in 0.8 s."""
    still, body = view(p, 0.5, 0.5, 1.2), view(q, 0.5, 0.5, 1.0)[:, 80:240]
    for i in range(30):
        image = still.copy()
        left = round(-160 + 480 * i / 20)
        a, b = max(0, left), min(_SIZE[0], left + 160)
        if b > a:
            image[:, a:b] = body[:, a - left : b - left]
        yield filmed(image, random)


def noticed(frames: Iterator[Image] | list[Image]) -> list[int]:
    """Numbers of the frames that are taken for the beginning of a shot."""
    watch = Watch()
    return [i for i, image in enumerate(frames) if watch.look(image)]


def _cuts(photos: list[Image], pairs: int, gain: float, black: bool = False) -> dict[str, int]:
    missed = wrong = 0
    random = np.random.default_rng(1)
    for i in range(pairs):
        frames, first = cut(photos[i], photos[i + pairs], random, gain, black)
        found = noticed(frames)
        expected = {first - 1, first} if black else {first}
        missed += not expected & set(found)
        wrong += len(set(found) - expected)
    return {"clips": pairs, "missed": missed, "wrong": wrong}


def _no_cuts(clips: list[Iterator[Image]]) -> dict[str, int]:
    found = [noticed(clip) for clip in clips]
    return {"clips": len(clips), "wrong": sum(map(len, found)), "clips_wrong": sum(map(bool, found))}


def measure(photos: list[Image], pairs: int) -> dict[str, dict[str, int]]:
    """Results by kind."""
    random = np.random.default_rng(2)
    one = photos[:pairs]
    return {
        "cut": _cuts(photos, pairs, 1.0),
        "cut at 35 % brightness": _cuts(photos, pairs, 0.35),
        "cut at 15 % brightness": _cuts(photos, pairs, 0.15),
        "cut through a black frame": _cuts(photos, pairs, 1.0, black=True),
        "flash": _no_cuts([flash(p, random) for p in one]),
        "fade to black and back": _no_cuts([fade(p, random) for p in one]),
        "fade to white and back": _no_cuts([fade(p, random, 0.0, 235.0) for p in one]),
        "light falls to 35 %": _no_cuts([fade(p, random, 0.35) for p in one]),
        "shake, s.d. 2 % of the height": _no_cuts([shake(p, random) for p in one]),
        "shake, s.d. 6 % of the height": _no_cuts([shake(p, random, 0.06) for p in one]),
        "fast pan": _no_cuts([pan(p, random) for p in one]),
        "fast zoom": _no_cuts([zoom(p, random) for p in one]),
        "somebody large passes": _no_cuts([passer(p, q, random) for p, q in zip(one, photos[pairs:], strict=True)]),
    }


def cost_ms(photo: Image) -> float:
    """Processor time of one 640x480 frame, the least of several runs."""
    frames = [np.asarray(cv2.resize(f, (640, 480)), np.uint8) for f in shot(photo, np.random.default_rng(3))]
    times = []
    for _ in range(20):
        watch, started = Watch(), time.process_time()
        for frame in frames * 5:
            watch.look(frame)
        times.append((time.process_time() - started) / (5 * len(frames)))
    return 1000 * min(times)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, default=Path("../shared/data/faces/val.parquet"))
    parser.add_argument("--pairs", type=int, default=250)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    photos = photographs(chosen.photographs, 2 * chosen.pairs)
    pairs = len(photos) // 2
    results = measure(photos[: 2 * pairs], pairs)
    print(f"{'':34} {'clips':>6} {'missed':>14} {'wrong cuts':>11} {'in clips':>9}")
    for name, row in results.items():
        missed = f"{row['missed']} ({row['missed'] / row['clips']:.1%})" if "missed" in row else ""
        print(f"{name:34} {row['clips']:6} {missed:>14} {row['wrong']:11} {row.get('clips_wrong', ''):>9}")
    cost = cost_ms(photos[0])
    print(f"one look at 640x480: {cost:.3f} ms of processor time")
    print(json.dumps({"benchmark": "video_cuts", "pairs": pairs, "look_ms": round(cost, 4), "results": results}))


if __name__ == "__main__":
    main()
