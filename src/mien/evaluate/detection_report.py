"""What detectors did, as a folder for people: a page, precision against recall, reliability, missed and false faces.

The galleries show parts of the judged photographs, so the folder is as confidential as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.core.files import atomic_write, make_folder
from mien.core.text import counted
from mien.core.types import Image
from mien.data.faces import FacePicture, load_bgr
from mien.draw.page import facts, figure_png, page, section, table, write_page
from mien.draw.plotting import BLUE, GREEN, ORANGE, RED, SOFT, figure_of, png
from mien.evaluate.detection import Judgement, enlarged
from mien.evaluate.matching import Found, curve_of
from mien.evaluate.plots import reliability

__all__ = ["figure_rows", "write_detection_report"]

_PAGE, _JSON = "report.html", "detection.json"
_TILE, _COLUMNS, _MOST = 132, 8, 40  # px; tiles in a row and in a gallery
_AROUND = 1.0  # sides of a box that a tile shows on each side of it
_COLORS = (BLUE, ORANGE, GREEN, RED, SOFT)
_MISSED, _FALSE = (47, 122, 224), (91, 73, 209)  # BGR


def figure_rows(judgements: Sequence[Judgement]) -> dict[str, list[str]]:
    """The figures as text, row by row, one cell for each detector."""
    figures = [judged.figures for judged in judgements]
    rows = {
        "average precision": [f"{f.ap:.3f}" for f in figures],
        "precision": [_share(f.precision) for f in figures],
        "recall": [_share(f.recall) for f in figures],
        "recall of faces from 20 px": [_share(f.recall_20) for f in figures],
    }
    for i, group in enumerate(figures[0].by_size):
        size = f"from {group.smallest:.0f}" if group.largest is None else f"{group.smallest:.0f}-{group.largest:.0f}"
        title = f"  {size} px ({counted(group.faces, 'face')})"
        rows[title] = [_share(f.by_size[i].recall) for f in figures]
    for i, condition in enumerate(figures[0].by_condition):
        title = f"  {condition.condition} ({counted(condition.faces, 'face')})"
        rows[title] = [_share(f.by_condition[i].recall) for f in figures]
    rows["false faces per picture without one"] = [_share(f.false_per_empty_picture) for f in figures]
    rows["landmarks' error, faces from 40 px, in eye distances"] = [_share(f.landmark_error) for f in figures]
    rows["calibration error of the scores"] = [_share(f.calibration_error) for f in figures]
    rows["processor ms per picture"] = [f"{f.cpu_ms:.1f}" for f in figures]
    rows["ms per picture"] = [f"{f.ms:.1f}" for f in figures]
    return rows


def write_detection_report(
    judgements: Sequence[Judgement], pictures: Sequence[FacePicture], protocol: Mapping[str, Any], folder: Path
) -> Path:
    """Write `detection.json`, `report.html`, plots and galleries; returns the path of the page.

    Args:
        judgements: of the detectors, on the same pictures.
        pictures: the photographs, in the same order.
        protocol: how they were judged: source, detect_size, enlarged, iou.
        folder: where to; it is made if it is missing, and files of an earlier report are replaced.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DataError: a photograph cannot be read.
        OutputError: the folder or a file cannot be written.

    """
    side = protocol["detect_size"] if protocol["enlarged"] else None
    drawn = {"precision-recall": _curves(judgements)}
    for i, judged in enumerate(judgements):
        name = f"{i + 1}-{_plain(judged.figures.detector)}"
        if judged.figures.reliability:
            drawn[f"{name}-reliability"] = reliability(judged.figures.reliability, judged.figures.calibration_error)
        drawn[f"{name}-missed"] = _missed(judged.used, pictures, side)
        drawn[f"{name}-false"] = _false(judged.used, pictures, side)
    folder = make_folder(folder)
    for name, data in drawn.items():
        with atomic_write(folder / f"{name}.png") as file:
            file.write(data)
    body = {**protocol, "detectors": [judged.figures.to_dict() for judged in judgements]}
    with atomic_write(folder / _JSON) as file:
        file.write(json.dumps(body, allow_nan=False, indent=1).encode())
    write_page(folder / _PAGE, _page(judgements, protocol, drawn))
    return folder / _PAGE


def _page(judgements: Sequence[Judgement], protocol: Mapping[str, Any], drawn: Mapping[str, bytes]) -> str:
    first = judgements[0].figures
    names = [judged.figures.detector for judged in judgements]
    rows = [(title.strip(), *cells) for title, cells in figure_rows(judgements).items()]
    size = "full size" if protocol["detect_size"] is None else f"{protocol['detect_size']} px"
    how = [
        ("data", protocol["source"]),
        ("looked at", size + (", smaller pictures enlarged to it" if protocol["enlarged"] else "")),
        ("a box is right", f"when its IoU with a labelled face is at least {protocol['iou']}"),
        ("faces without a label", "count as false; compare detectors rather than read the figures as absolute"),
    ]
    curves = figure_png(drawn["precision-recall"], "Precision against recall of every detector; dots: own thresholds.")
    parts = [section("Figures", table(("", *names), rows), facts(how)), section("Precision and recall", curves)]
    for i, name in enumerate(names):
        parts.append(_detector(name, f"{i + 1}-{_plain(name)}", drawn))
    shown = f"{counted(first.pictures, 'photograph')}, {counted(first.faces, 'face')}"
    lead = f"{shown}, {first.empty_pictures} without a face."
    return page("Face detectors on " + str(protocol["source"]), lead, "".join(parts))


def _detector(name: str, key: str, drawn: Mapping[str, bytes]) -> str:
    captions = {
        "reliability": "Share of faces among the boxes of each score, from 0.05; on the diagonal a score is a chance.",
        "missed": "The largest faces that were not found, with their size in px.",
        "false": "The surest boxes that are no labelled face, with their score.",
    }
    found = [figure_png(drawn[f"{key}-{k}"], text, text) for k, text in captions.items() if f"{key}-{k}" in drawn]
    return section(name, *found)


def _curves(judgements: Sequence[Judgement]) -> bytes:
    """Precision against recall, and a dot at each detector's own threshold."""
    with figure_of(6.4, 4.6) as (figure, axes):
        for color, judged in zip(_COLORS * len(judgements), judgements, strict=False):
            figures = judged.figures
            scores, hits = (np.concatenate([getattr(f, part) for f in judged.curve]) for part in ("scores", "hits"))
            if not len(scores) or not figures.faces:
                continue
            precision, recall, _ = curve_of(scores, hits, figures.faces)
            axes.plot(recall, precision, color=color, label=f"{figures.detector}: AP {figures.ap:.3f}")
            if figures.precision is not None:
                axes.plot(figures.recall, figures.precision, "o", color=color)
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.set_title("Precision and recall")
        if axes.lines:
            axes.legend(loc="lower left")
        return png(figure)


def _missed(used: Sequence[Found], pictures: Sequence[FacePicture], side: int | None) -> bytes:
    wanted = [(f.sizes[k], i, k) for i, f in enumerate(used) for k in np.flatnonzero(np.isnan(f.matched))]
    tiles = []
    for size, i, k in sorted(wanted, key=lambda row: -row[0])[:_MOST]:
        image, factor = enlarged(load_bgr(pictures[i]), side)
        tiles.append(_tile(image, pictures[i].boxes[k] * factor, f"{size:.0f} px", _MISSED))
    return _gallery(tiles)


def _false(used: Sequence[Found], pictures: Sequence[FacePicture], side: int | None) -> bytes:
    wanted = [(f.scores[k], i, k) for i, f in enumerate(used) for k in np.flatnonzero(~f.hits)]
    tiles = []
    for score, i, k in sorted(wanted, key=lambda row: -row[0])[:_MOST]:
        image, _ = enlarged(load_bgr(pictures[i]), side)
        tiles.append(_tile(image, used[i].boxes[k], f"{score:.2f}", _FALSE))
    return _gallery(tiles)


def _tile(image: Image, box: NDArray[np.float32], text: str, color: tuple[int, int, int]) -> Image:
    """Square around a box with the box drawn in it; what lies outside the picture is light grey."""
    x1, y1, x2, y2 = (float(v) for v in box)
    side = max(x2 - x1, y2 - y1, 1.0) * (1 + 2 * _AROUND)
    scale = _TILE / side
    left, top = (x1 + x2) / 2 - side / 2, (y1 + y2) / 2 - side / 2
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    tile = cv2.warpAffine(image, matrix, (_TILE, _TILE), flags=cv2.INTER_AREA, borderValue=(226, 223, 217))
    corners = [(round((x - left) * scale), round((y - top) * scale)) for x, y in ((x1, y1), (x2, y2))]
    cv2.rectangle(tile, corners[0], corners[1], color, 1, cv2.LINE_AA)
    for shade, line in (((255, 255, 255), 3), (color, 1)):
        cv2.putText(tile, text, (4, _TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, shade, line, cv2.LINE_AA)
    return np.asarray(tile, np.uint8)


def _gallery(tiles: Sequence[Image]) -> bytes:
    """Tiles in rows as one PNG; one grey tile where there are none."""
    shown = list(tiles) or [np.full((_TILE, _TILE, 3), 240, np.uint8)]
    columns = min(_COLUMNS, len(shown))
    shown += [np.full((_TILE, _TILE, 3), 255, np.uint8)] * (-len(shown) % columns)
    rows = [np.concatenate(shown[i : i + columns], 1) for i in range(0, len(shown), columns)]
    return bytes(cv2.imencode(".png", np.concatenate(rows))[1])


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
