"""How calm the shown label is, and how soon a real change shows.

    python benchmarks/video_flicker.py [--model NAME]

Three measures. Synthetic probabilities: seven labels, two of them close, with noise on the logits from frame to frame,
for undecided and for clear faces, at 30 and at 12 frames per second. Synthetic pictures: the crops of two photographs
(scikit-image's astronaut, matplotlib's Grace Hopper) with strong camera noise and a trembling box, through the model;
the change is from the one to the other. Truth: in how many frames the shown label trails the most probable one by more
than 0.1, for a face that wanders between all labels, and for one whose label falls while two others take turns.
Prints a table and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.app.scenes import two_heads
from mien.core.types import Face, Image
from mien.infer.analyzer import Analyzer
from mien.infer.crop import crop_faces
from mien.infer.smooth import Smoother

_K = 7
_SECONDS = 60
_RUNS = 20

Values = NDArray[np.float64]


def _steady(values: Values, fps: float) -> NDArray[np.int64]:
    smoother = Smoother()
    return np.array([smoother.update(1, row, i / fps)[1] for i, row in enumerate(values)])


def _changes(labels: NDArray[np.int64]) -> int:
    return int((np.diff(labels) != 0).sum())


def _made(first: int, lead: float, second: float, seconds: float, fps: float, noise: float, seed: int) -> Values:
    """Probabilities (frames, 7) around `lead` for the label `first` and `second` for its neighbour."""
    random = np.random.default_rng(seed)
    mean = np.full(_K, (1 - lead - second) / (_K - 2))
    mean[first], mean[(first + 1) % _K] = lead, second
    logits = np.log(mean) + random.normal(0, noise, (round(seconds * fps), _K))
    values = np.exp(logits)
    return values / values.sum(1, keepdims=True)


def _made_row(name: str, lead: float, second: float, noise: float, fps: float) -> dict[str, object]:
    values = _made(0, lead, second, _SECONDS, fps, noise, 0)
    raw, steady = _changes(values.argmax(1)), _changes(_steady(values, fps))
    delays = []
    for seed in range(_RUNS):
        after = _made(3, 0.7, 0.1, 2, fps, noise, seed + 100)
        labels = _steady(np.concatenate([_made(0, 0.7, 0.1, 2, fps, noise, seed), after]), fps)
        shown = np.flatnonzero(labels[round(2 * fps) :] == 3)
        delays.append(shown[0] / fps if len(shown) else float("inf"))
    return _row(f"{name}, {fps:g} fps", raw / _SECONDS, steady / _SECONDS, delays)


def _wandering(spread: float, seconds_apart: float, fps: float) -> Values:
    """Ten minutes of a face whose logits wander around equal ones, as fast as `seconds_apart` says."""
    random = np.random.default_rng(7)
    keep = np.exp(-1 / (fps * seconds_apart))
    logits = np.zeros((round(600 * fps), _K))
    for i in range(1, len(logits)):
        logits[i] = keep * logits[i - 1] + spread * np.sqrt(1 - keep**2) * random.normal(0, 1, _K)
    values = np.exp(logits)
    return values / values.sum(1, keepdims=True)


def _taking_turns(fps: float) -> Values:
    """Two seconds of one label; afterwards it is at 2 % and two others lead in turns, for 0.15 s each."""
    rows = np.full((round(22 * fps), _K), 0.02)
    for i, row in enumerate(rows):
        since_s = i / fps - 2
        leads = 3 if since_s < 0 else 4 + int(since_s / 0.15) % 2
        row[leads] = 1 - 0.02 * (_K - 1)
    return rows


def _trailing_row(name: str, values: Values, fps: float) -> dict[str, object]:
    smoother = Smoother()
    lead, longest, since = [], 0.0, 0
    for i, row in enumerate(values):
        smooth, label = smoother.update(1, row, i / fps)
        lead.append(max(smooth) - smooth[label] > 0.1)
        since = i if not lead[-1] else since
        longest = max(longest, (i - since) / fps)
    return {"case": name, "trailing": round(float(np.mean(lead)), 4), "longest_trailing_s": round(longest, 2)}


def _row(name: str, raw: float, steady: float, delays: Sequence[float]) -> dict[str, object]:
    fall = 1 - steady / raw if raw else None
    delay = float(np.median(delays)) if delays else None
    longest = float(np.max(delays)) if delays else None
    return {
        "case": name,
        "raw_per_s": round(raw, 2),
        "steady_per_s": round(steady, 3),
        "fall": None if fall is None else round(fall, 4),
        "delay_s": None if delay is None else round(delay, 3),
        "longest_delay_s": None if longest is None else round(longest, 3),
    }


def _pictures(analyzer: Analyzer, image: Image, face: Face, seconds: float, fps: float, seed: int) -> Values:
    """Probabilities of one face through noise of 40 grey levels and a box that trembles by 4 % of its side."""
    random = np.random.default_rng(seed)
    rows = []
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    box = np.array(face.box) / 2
    for _ in range(round(seconds * fps)):
        noisy = np.clip(small + random.normal(0, 40, small.shape), 0, 255).astype(np.uint8)
        shaken = box + random.normal(0, 0.04 * (box[2] - box[0]), 4)
        crops = crop_faces(noisy, [Face(tuple(shaken), 1.0)], analyzer.classifier.crop)
        rows.append(analyzer.classifier.classify(crops)[0])
    return np.array(rows, np.float64)


def _picture_rows(analyzer: Analyzer) -> list[dict[str, object]]:
    heads = two_heads(analyzer.detector)
    if heads is None:
        raise SystemExit("The pictures need scikit-image: pip install scikit-image.")
    fps, rows = 30.0, []
    shown = [_pictures(analyzer, head.image, Face(head.face, 1.0), 20, fps, i) for i, head in enumerate(heads)]
    for name, values in zip(("astronaut", "hopper"), shown, strict=False):
        rows.append(_row(f"{name}, noisy", _changes(values.argmax(1)) / 20, _changes(_steady(values, fps)) / 20, []))
    ends = [int(values.mean(0).argmax()) for values in shown]
    if len(set(ends)) == 2:
        cut = round(5 * fps)
        delays = []
        for i in range(4):
            labels = _steady(
                np.concatenate([shown[0][i * cut : (i + 1) * cut], shown[1][i * cut : (i + 1) * cut]]), fps
            )
            seen = np.flatnonzero(labels[cut:] == ends[1])
            delays.append(seen[0] / fps if len(seen) else float("inf"))
        rows.append(_row("astronaut to hopper", 0.0, 0.0, delays))
    return rows


def main() -> None:
    """Run from the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="fer2013")
    options.add_argument("--detector", default="auto")
    given = options.parse_args()
    cases = (("undecided", 0.40, 0.36, 0.6), ("very noisy", 0.40, 0.36, 1.0), ("leaning", 0.50, 0.32, 0.6))
    rows = [_made_row(*case, fps) for fps in (30.0, 12.0) for case in cases]
    rows += _picture_rows(Analyzer(given.model, given.detector))
    trailing = [
        _trailing_row("two others take turns", _taking_turns(30.0), 30.0),
        _trailing_row("wandering slowly", _wandering(1.5, 1.0, 30.0), 30.0),
        _trailing_row("wandering quickly", _wandering(2.0, 0.2, 30.0), 30.0),
        _trailing_row("wandering quickly, 12 fps", _wandering(2.0, 0.2, 12.0), 12.0),
        _trailing_row("one frame per 2 s", _wandering(1.5, 1.0, 0.5), 0.5),
    ]
    for row in rows:
        print(
            f"{row['case']:24} raw {row['raw_per_s']:>6}/s  shown {row['steady_per_s']:>6}/s  fall {row['fall']}"
            f"  delay {row['delay_s']} s (longest {row['longest_delay_s']})"
        )
    for row in trailing:
        print(f"{row['case']:28} trails in {row['trailing']:.1%} of frames, longest {row['longest_trailing_s']} s")
    print(json.dumps({"benchmark": "video_flicker", "model": given.model, "rows": rows + trailing}))


if __name__ == "__main__":
    main()
