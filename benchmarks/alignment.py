"""Whether turning crops upright by the landmarks helps on tilted faces.

    python benchmarks/alignment.py [--fer ../shared/data/fer2013] [--faces ../shared/data/faces/val.parquet]
                                   [--model NAME] [--pictures 1200]

Two measures, each at several tilts to either side; faces are found by the packaged detector, and each is read from two
crops of the same box: as it stands, and turned until its eyes and mouth are upright. FER-2013: pictures of the
validation split, enlarged on a larger canvas whose ground repeats their edge, then turned; accuracy against the labels
over the faces that were found. Photographs: faces of 40 px and more, whose expressions nobody has labelled, are turned
with their photograph; how often the reading stays that of the upright photograph. For FER-2013 the accuracy is also
given for turning only the faces that look tilted by more than so many degrees. Prints tables and ends with one
line of JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.geometry import iou
from mien.core.types import Face, Image
from mien.data import read
from mien.data.faces import load_bgr, read_faces
from mien.infer.analyzer import Analyzer
from mien.infer.crop import crop_faces, tilt_of

TILTS = (0, 10, 20, 30, 45)  # degrees
LIMITS = (0, 5, 10, 15, 20, 25, 30)  # degrees of measured tilt from which a crop is turned
_SIDE = 144  # px of an enlarged picture of FER-2013
_CANVAS = 320  # px
_LEAST = 40  # px of a photograph's face

Floats = NDArray[np.float64]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fer", default="../shared/data/fer2013")
    parser.add_argument("--faces", default="../shared/data/faces/val.parquet")
    parser.add_argument("--model", default="fer2013")
    parser.add_argument("--pictures", type=int, default=1200)
    given = parser.parse_args()
    analyzer = Analyzer(given.model)
    rows = {"fer2013": _fer(analyzer, given.fer, given.pictures)}
    if Path(given.faces).exists():
        rows["photographs"] = _photographs(analyzer, given.faces)
    print(json.dumps({"model": analyzer.classifier.info.name, "sha256": analyzer.classifier.sha256, **rows}))


def _fer(analyzer: Analyzer, source: str, count: int) -> list[dict[str, Any]]:
    manifest = read(source).of_split("validation")
    random = np.random.default_rng(0)
    chosen = random.permutation(len(manifest))[:count]
    crops = manifest.crops(chosen, 48, "gray")
    names = [manifest.labels.names[i] for i in manifest.label[chosen]]
    truth = np.array([analyzer.labels.index(name) for name in names])
    sides = random.choice([-1, 1], len(chosen))
    rows = []
    print(f"FER-2013, validation split, {len(chosen)} pictures: accuracy of the faces that were found, per cent")
    print(
        f"{'tilt':>5} {'found':>6} {'as is':>7} {'upright':>8} {'difference':>16}   turned only beyond " + str(LIMITS)
    )
    for tilt in TILTS:
        pairs = [_read_one(analyzer, crop, tilt * side) for crop, side in zip(crops, sides, strict=True)]
        kept = [(i, *pair) for i, pair in enumerate(pairs) if pair is not None]
        rows.append(_fer_row(tilt, len(chosen), kept, truth))
    return rows


def _read_one(analyzer: Analyzer, crop: NDArray[np.uint8], angle: float) -> tuple[Floats, Floats, float] | None:
    """Probabilities from the crop as it stands and upright, and the measured tilt; None when the face is not found."""
    large = cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    edge = (_CANVAS - _SIDE) // 2
    canvas = cv2.copyMakeBorder(large, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    picture = _turned(cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR), angle)
    place = (edge, edge, edge + _SIDE, edge + _SIDE)
    faces = [face for face in analyzer.detector.detect(picture) if _overlap(face.box, place) >= 0.4]
    if not faces or faces[0].landmarks is None:
        return None
    return (*_both(analyzer, picture, faces[0]), tilt_of(faces[0].landmarks))


def _both(analyzer: Analyzer, picture: Image, face: Face) -> tuple[Floats, Floats]:
    spec = analyzer.classifier.crop
    crops = [
        crop_faces(picture, [face], replace(spec, align="none")),
        crop_faces(picture, [face], replace(spec, align="eyes", least_tilt=0.0)),
    ]
    plain, upright = analyzer.classifier.classify(np.concatenate(crops)).astype(np.float64)
    return plain, upright


def _fer_row(tilt: int, asked: int, kept: Sequence[tuple[int, Floats, Floats, float]], truth: Any) -> dict[str, Any]:
    label = truth[[i for i, *_ in kept]]
    plain = np.array([p.argmax() for _, p, _, _ in kept]) == label
    upright = np.array([p.argmax() for _, _, p, _ in kept]) == label
    measured = np.abs([angle for *_, angle in kept])
    gap, wide = _difference(plain, upright)
    beyond = {str(limit): float(np.where(measured > limit, upright, plain).mean()) for limit in LIMITS}
    print(
        f"{tilt:>4}° {len(kept) / asked:>6.1%} {plain.mean():>7.1%} {upright.mean():>8.1%} "
        f"{gap:>+8.1%} ± {wide:.1%}   " + "  ".join(f"{v:.1%}" for v in beyond.values())
    )
    return {
        "tilt": tilt, "found": len(kept) / asked, "as_is": float(plain.mean()), "upright": float(upright.mean()),
        "difference": gap, "half_width_95": wide, "beyond": beyond,
        "median_tilt": float(np.median(measured)), "tilt_90": float(np.quantile(measured, 0.9)),
    }  # fmt: skip


def _difference(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean of b - a over the same faces, and half the width of its 95 % interval (normal approximation)."""
    step = b.astype(float) - a.astype(float)
    return float(step.mean()), float(1.96 * step.std() / np.sqrt(len(step)))


def _photographs(analyzer: Analyzer, source: str) -> list[dict[str, Any]]:
    same: dict[int, list[tuple[bool, bool, float, float]]] = {tilt: [] for tilt in TILTS}
    for picture, face in _upright_faces(analyzer, source):
        first, _ = _both(analyzer, picture, face)
        for tilt in TILTS:
            for angle in {tilt, -tilt}:
                found = _found_again(analyzer, picture, face, angle)
                if found is not None:
                    plain, upright = found
                    gaps = [float(np.abs(p - first).sum() / 2) for p in (plain, upright)]
                    same[tilt].append((plain.argmax() == first.argmax(), upright.argmax() == first.argmax(), *gaps))
    print("\nPhotographs: how often the reading is that of the upright photograph; and the mean change of probability")
    print(f"{'tilt':>5} {'faces':>6} {'as is':>7} {'upright':>8} {'as is':>7} {'upright':>8}")
    rows = []
    for tilt, found in same.items():
        plain, upright, moved, moved_upright = (float(v) for v in np.mean(np.array(found, float), axis=0))
        print(f"{tilt:>4}° {len(found):>6} {plain:>7.1%} {upright:>8.1%} {moved:>7.3f} {moved_upright:>8.3f}")
        rows.append({"tilt": tilt, "faces": len(found), "as_is": plain, "upright": upright,
                     "moved": moved, "moved_upright": moved_upright})  # fmt: skip
    return rows


def _upright_faces(analyzer: Analyzer, source: str) -> Iterator[tuple[Image, Face]]:
    """Faces that are upright already, with their photographs."""
    for item in read_faces(source):
        if not len(item.boxes) or (item.boxes[:, 2:] - item.boxes[:, :2]).min(1).max() < _LEAST:
            continue
        picture = load_bgr(item)
        for face in analyzer.detector.detect(picture):
            large = min(face.box[2] - face.box[0], face.box[3] - face.box[1]) >= _LEAST
            if large and face.landmarks is not None and abs(tilt_of(face.landmarks)) <= 5:
                yield picture, face


def _found_again(analyzer: Analyzer, picture: Image, face: Face, angle: float) -> tuple[Floats, Floats] | None:
    cx, cy = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    turned = _turned(picture, angle, (cx, cy))
    faces = [other for other in analyzer.detector.detect(turned) if _overlap(other.box, face.box) >= 0.4]
    return _both(analyzer, turned, faces[0]) if faces else None


def _turned(picture: Image, angle: float, centre: tuple[float, float] | None = None) -> Image:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(centre or ((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    out = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    return float(iou(np.array([a], np.float32), np.array([b], np.float32))[0, 0])


if __name__ == "__main__":
    main()
