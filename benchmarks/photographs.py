"""How steady readings of colour photographs are: what a harmless change of the picture does to them.

    python benchmarks/photographs.py ../shared/data/faces [--faces 1000]

No photograph here has a label for its expression, so nothing is said about who is right: a face is read twice, in the
photograph as it is and in a changed copy, through the whole chain (detector, crop, classifier), and the two answers are
compared. Writes docs/photographs.json and the tables in docs/judging.md. Needs the extra `train`. The expression
models have seen none of these photographs; the detector learnt from the files train-*, so the share of faces that it
finds again is given for val alone.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pages import replace_part, table

from mien.core.labels import concept
from mien.core.types import Image, Reading
from mien.data.faces import load_bgr, read_faces
from mien.evaluate.records import percent
from mien.infer.analyzer import Analyzer

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODELS = ("wild-int8", "wild-small", "fer2013")
SMALLEST = 60  # px of the box's shorter side, so that there is something to take away
Matrix = NDArray[np.float64]
Change = Callable[[Image, Reading], tuple[Image, Matrix]]
SAME = np.eye(2, 3)


def main() -> None:
    """Read, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="Folder with val.parquet and train-*.parquet.")
    parser.add_argument("--faces", type=int, default=1000, help="At most so many.")
    options = parser.parse_args()
    result = {"date": date.today().isoformat(), "smallest_px": SMALLEST, "models": {}}
    for model in MODELS:
        analyzer = Analyzer(model)
        rows = [compared(analyzer, *shown) for shown in photographs(analyzer, options.source, options.faces)]
        result["models"][model] = summary(rows)
        print(model, json.dumps(result["models"][model]), flush=True)
    (DOCS / "photographs.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    for name, text in parts(result).items():
        replace_part(DOCS / "judging.md", name, text)


def photographs(analyzer: Analyzer, source: Path, limit: int) -> Iterator[tuple[Image, Reading, bool]]:
    """Photograph, reading of its largest face, and whether the detector has never seen it; val comes first."""
    count = 0
    for path in (source / "val.parquet", *sorted(source.glob("train-*.parquet"))):
        for item in read_faces(path):
            if count == limit:
                return
            image = load_bgr(item)
            readings = [r for r in analyzer.analyze(image) if _side(r) >= SMALLEST]
            if readings:
                count += 1
                yield image, max(readings, key=_side), path.name == "val.parquet"


def _side(reading: Reading) -> float:
    x1, y1, x2, y2 = reading.box
    return min(x2 - x1, y2 - y1)


def resized(image: Image, reading: Reading, side: int) -> tuple[Image, Matrix]:
    """The whole photograph made so small that the face's box is `side` px."""
    scale = side / _side(reading)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small, SAME * (small.shape[1] / image.shape[1])


def turned(image: Image, _reading: Reading, degrees: float) -> tuple[Image, Matrix]:
    """Turned about the middle of a canvas that holds all of it."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = int(width * cos + height * sin), int(width * sin + height * cos)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), matrix


def mirrored(image: Image, _reading: Reading) -> tuple[Image, Matrix]:
    """Left and right swapped."""
    return image[:, ::-1].copy(), np.array([[-1, 0, image.shape[1] - 1], [0, 1, 0]], np.float64)


def lit(image: Image, _reading: Reading, gamma: float) -> tuple[Image, Matrix]:
    """Darker (gamma above 1) or brighter."""
    curve = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return cv2.LUT(image, curve), SAME


def grey(image: Image, _reading: Reading) -> tuple[Image, Matrix]:
    """Without colour."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), SAME


def packed(image: Image, _reading: Reading, quality: int) -> tuple[Image, Matrix]:
    """Through JPEG."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR), SAME


CHANGES: dict[str, Change] = {
    "mirrored": mirrored,
    "without colour": grey,
    "JPEG quality 30": partial(packed, quality=30),
    "JPEG quality 10": partial(packed, quality=10),
    "darker (gamma 2.2)": partial(lit, gamma=2.2),
    "brighter (gamma 0.45)": partial(lit, gamma=0.45),
    "turned by 10 degrees": partial(turned, degrees=10),
    "turned by 20 degrees": partial(turned, degrees=20),
    "turned by 30 degrees": partial(turned, degrees=30),
    "face of 40 px": partial(resized, side=40),
    "face of 32 px": partial(resized, side=32),
    "face of 24 px": partial(resized, side=24),
}


def compared(analyzer: Analyzer, image: Image, before: Reading, unseen: bool) -> dict[str, Any]:
    """The reading of a face, and for every change the reading of the same face, or None where it is not found."""
    after: dict[str, Reading | None] = {}
    x1, y1, x2, y2 = before.box
    for name, change in CHANGES.items():
        picture, matrix = change(image, before)
        middle = matrix @ np.array([(x1 + x2) / 2, (y1 + y2) / 2, 1])
        around = [r for r in analyzer.analyze(picture) if _holds(r, middle)]
        after[name] = max(around, key=_side, default=None)
    return {"before": before, "after": after, "unseen": unseen}


def _holds(reading: Reading, point: NDArray[np.float64]) -> bool:
    x1, y1, x2, y2 = reading.box
    return bool(x1 <= point[0] <= x2 and y1 <= point[1] <= y2)


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures of one model."""
    before = [row["before"] for row in rows]
    return {
        "faces": len(rows),
        "faces_unseen": sum(row["unseen"] for row in rows),
        "certain": float(np.mean([not r.uncertain for r in before])),
        "answers": dict(Counter(concept(r.emotion) for r in before).most_common()),
        "mean_confidence": float(np.mean([r.confidence for r in before])),
        "changes": {name: _change(rows, name) for name in CHANGES},
    }


def _change(rows: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    pairs = [(row["before"], row["after"][name]) for row in rows if row["after"][name] is not None]
    certain = [(a, b) for a, b in pairs if not a.uncertain]
    return {
        "found_unseen": float(np.mean([row["after"][name] is not None for row in rows if row["unseen"]])),
        "same": float(np.mean([a.emotion == b.emotion for a, b in pairs])),
        "same_certain": float(np.mean([a.emotion == b.emotion for a, b in certain])),
        "distance": float(np.mean([np.abs(np.subtract(a.values, b.values)).sum() / 2 for a, b in pairs])),
    }


def parts(result: dict[str, Any]) -> dict[str, str]:
    """Tables for the page."""
    models = result["models"]
    first = models[MODELS[0]]
    header = ["change", "found again", *(f"`{name}`" for name in MODELS)]
    rows = []
    for name in CHANGES:
        found = [models[m]["changes"][name] for m in MODELS]
        answers = [f"{percent(change['same_certain'], 0)} ({percent(change['same'], 0)})" for change in found]
        rows.append([name, percent(found[0]["found_unseen"], 0), *answers])
    labels = list(dict.fromkeys(label for m in MODELS for label in models[m]["answers"]))
    shares = [[f"`{m}`", *(percent(models[m]["answers"].get(n, 0) / models[m]["faces"], 0) for n in labels),
               percent(models[m]["certain"], 0)] for m in MODELS]  # fmt: skip
    steady, shown = table(header, rows), table(["model", *labels, "certain"], shares)
    note = f"{first['faces']:,} faces, {first['faces_unseen']} of them in val; {result['date']}."
    return {"steadiness": f"{steady}\n\n{note}", "answers": shown}


if __name__ == "__main__":
    main()
