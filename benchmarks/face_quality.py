"""How far pose and quality flags of the time line can be trusted, on photographs with faces.

    python benchmarks/face_quality.py ../shared/data/faces/val.parquet ../shared/data/faces/train-0.parquet

Prints four tables and ends with one line of JSON. Roll: photographs are turned by known angles. Yaw: compared with the
face mesh of MediaPipe where that package is installed (`pip install mediapipe==0.10.14`, in an environment of its own),
else left out. Size, blur, darkness: how many labels stay what they were on the photograph as it is.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mien.core.types import Face
from mien.infer.classify import load_classifier
from mien.infer.crop import crop_faces
from mien.infer.detect import open_detector
from mien.media.quality import TURNED_FROM, measure, pose

_SIDE = 320  # px of the cut-out around a face
_LEAST = 60  # px; smaller faces have landmarks that are guesses
_ANGLES = (-30, -20, -10, 10, 20, 30)


def main() -> None:
    """Run the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path, help="Parquet with the column image (bytes).")
    parser.add_argument("--most", type=int, default=3000, help="Photographs per table.")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = open_detector("auto")
    faces = [(cut, detector.detect(cut)) for cut in _cuts(options.tables, options.most, detector)]
    found = [(cut, seen[0]) for cut, seen in faces if seen and seen[0].landmarks is not None]
    print(f"{len(found)} faces of {_LEAST} px or more")
    out = {"faces": len(found), "roll": _roll(found, detector), "yaw": _yaw(found), "labels": _labels(found)}
    print(json.dumps(out))


def _cuts(tables: list[Path], most: int, detector: Any) -> Iterator[Any]:
    import pyarrow.parquet as pq

    for table in tables:
        for row in pq.read_table(table, columns=["image"])["image"][:most]:
            picture = cv2.imdecode(np.frombuffer(row["bytes"].as_py(), np.uint8), cv2.IMREAD_COLOR)
            for face in detector.detect(picture):
                x1, y1, x2, y2 = face.box
                if min(x2 - x1, y2 - y1) >= _LEAST:
                    half = int(0.9 * max(x2 - x1, y2 - y1))
                    x, y = int((x1 + x2) / 2), int((y1 + y2) / 2)
                    wide = cv2.copyMakeBorder(picture, half, half, half, half, cv2.BORDER_REPLICATE)
                    part = wide[y : y + 2 * half, x : x + 2 * half]
                    if part.shape[0] == part.shape[1] == 2 * half:
                        yield cv2.resize(part, (_SIDE, _SIDE))


def _roll(found: list[tuple[Any, Face]], detector: Any) -> dict[str, Any]:
    print("\nroll: a photograph is turned by   mean error   95 % below   faces")
    out = {}
    for angle in _ANGLES:
        turn = cv2.getRotationMatrix2D((_SIDE / 2, _SIDE / 2), -angle, 1.0)
        errors = []
        for cut, face in found:
            again = detector.detect(cv2.warpAffine(cut, turn, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE))
            if again and again[0].landmarks is not None:
                error = pose(again[0].landmarks)[0] - pose(face.landmarks or ())[0] - angle
                errors.append(abs((error + 180) % 360 - 180))
        out[str(angle)] = {"mean": float(np.mean(errors)), "p95": float(np.percentile(errors, 95))}
        print(f"{angle:>31}  {np.mean(errors):>11.1f}  {np.percentile(errors, 95):>11.1f}  {len(errors):>6}")
    return out


def _yaw(found: list[tuple[Any, Face]]) -> dict[str, Any] | None:
    try:
        import mediapipe
    except ImportError:
        print("\nyaw: left out; MediaPipe is not installed")
        return None
    mesh = mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1)
    pairs = []
    for cut, face in found:
        answer = mesh.process(np.ascontiguousarray(cut[..., ::-1])).multi_face_landmarks
        if answer:
            a, b = answer[0].landmark[234], answer[0].landmark[454]  # beside the ears
            across = math.hypot(b.x - a.x, b.y - a.y)
            pairs.append((pose(face.landmarks or ())[1], math.degrees(math.atan2(b.z - a.z, across))))
    ours, mesh_yaw = np.array(pairs).T
    error = np.abs(ours - mesh_yaw)
    print("\nyaw of the mesh   mean error   95 % below   faces")
    out: dict[str, Any] = {}
    for low, high in ((0, 15), (15, 30), (30, 45), (45, 90), (0, 90)):
        inside = (np.abs(mesh_yaw) >= low) & (np.abs(mesh_yaw) < high)
        if inside.any():
            out[f"{low}-{high}"] = {"mean": float(error[inside].mean()), "faces": int(inside.sum())}
            p95 = np.percentile(error[inside], 95)
            print(f"{low:>7} to {high:>4}  {error[inside].mean():>11.1f}  {p95:>11.1f}  {inside.sum():>6}")
    turned, flagged = np.abs(mesh_yaw) >= TURNED_FROM, np.abs(ours) >= TURNED_FROM
    out["turned"] = {"mesh": int(turned.sum()), "flagged": int(flagged.sum()), "both": int((turned & flagged).sum())}
    print(f"turned by {TURNED_FROM:g} degrees: {out['turned']}")
    return out


def _labels(found: list[tuple[Any, Face]]) -> dict[str, Any]:
    classifier = load_classifier("fer2013", 1)
    plain = [(c, f) for c, f in found if (q := measure(c, f)).sharpness > 0.25 and 0.2 < q.exposure < 0.8]
    noise = np.random.default_rng(0).normal(0, 3, (_SIDE, _SIDE, 3))

    def read(change: Callable[[Any, Face], Any]) -> tuple[Any, float, float]:
        rows, seen = [], []
        for cut, face in plain:
            changed = change(cut, face)
            rows.append(classifier.classify(crop_faces(changed, [face], classifier.crop))[0].argmax())
            seen.append(measure(changed, face))
        return (
            np.array(rows),
            float(np.median([s.sharpness for s in seen])),
            float(np.median([s.exposure for s in seen])),
        )

    before, _, _ = read(lambda cut, _face: cut)
    print(f"\n{len(plain)} sharp, well-lit faces   same label   sharpness   exposure")
    out = {}
    changes: dict[str, Callable[[Any, Face], Any]] = {}
    for share in (0.01, 0.015, 0.02, 0.03, 0.04, 0.06):
        changes[f"blur {share:g} of width"] = lambda c, f, s=share: cv2.GaussianBlur(c, (0, 0), s * _width(f))
    for gain in (0.5, 0.25, 0.2, 0.15, 0.1):
        changes[f"light x {gain:g}"] = lambda c, _f, g=gain: np.clip(c * g + noise, 0, 255).astype(np.uint8)
    for px in (96, 64, 48, 32, 24, 16):
        changes[f"face of {px} px"] = lambda c, f, p=px: _shrunk(c, p / _width(f))
    for name, change in changes.items():
        after, sharpness, exposure = read(change)
        out[name] = {"same": float((after == before).mean()), "sharpness": sharpness, "exposure": exposure}
        print(f"{name:>26}   {(after == before).mean():>10.1%}   {sharpness:>9.2f}   {exposure:>8.2f}")
    return out


def _width(face: Face) -> float:
    return face.box[2] - face.box[0]


def _shrunk(cut: Any, scale: float) -> Any:
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)


if __name__ == "__main__":
    sys.exit(main())
