"""The detectors by name: one row each, which drives everything that names a detector.

A new detector is a file in this folder, with a class that is a `mien.core.types.Detector`, and a row here. A detector
is loaded only when it is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mien.infer.entries import Entry

if TYPE_CHECKING:
    from mien.core.types import Detector
    from mien.infer.options import DetectOptions

__all__ = ["AUTO", "DEFAULT_DETECTOR", "DETECTORS", "LOWEST_SCORE", "DetectorRow", "detector_row"]

AUTO = "auto"
"""The name that takes `DEFAULT_DETECTOR`."""

DEFAULT_DETECTOR = "mien-int8"
"""The detector that "auto" takes: the 8-bit copy, half the time at the same average precision (`docs/detector.md`)."""

LOWEST_SCORE = 0.0005
"""Where a detector's scores become so low that nearly all it finds is wrong, unless its row says otherwise."""


@dataclass(frozen=True)
class DetectorRow:
    """One detector.

    Args:
        name: as the command line spells it.
        summary: what help texts say of it, in a few words.
        opens: opens it from its file (None where it has none), with the options of the search.
        file: its model file; None where it has none.
        browsers: whether the page can run its file on the visitor's device.
        lowest_score: judging looks down to this score.
        sure_score: a track of a video whose mean score is lower is rarely a face (`docs/video.md`); 0 asks for nothing.

    """

    name: str
    summary: str
    opens: Callable[[Path | None, DetectOptions], Detector]
    file: Entry | None = None
    browsers: bool = False
    lowest_score: float = LOWEST_SCORE
    sure_score: float = 0.0


def _own(path: Path | None, options: DetectOptions) -> Detector:
    from mien.infer.detectors.own import OwnDetector

    return OwnDetector(cast(Path, path), options)


def _yunet(path: Path | None, options: DetectOptions) -> Detector:
    from mien.infer.detectors.yunet import YuNet

    return YuNet(cast(Path, path), options)


def _whole(_path: Path | None, _options: DetectOptions) -> Detector:
    from mien.infer.detectors.whole import WholePicture

    return WholePicture()


_SURE = 0.75  # of the project's own; to be measured again for another file: benchmarks/video_people.py

_ROWS = (
    DetectorRow(
        name="mien",
        summary="the project's own",
        opens=_own,
        file=Entry(
            name="mien",
            kind="detector",
            filename="face.onnx",
            summary="face detector trained by this project, faces from about 10 px, with landmarks",
            license="MIT",
            source="docs/detector.md",
        ),
        browsers=True,
        sure_score=_SURE,
    ),
    DetectorRow(
        name="mien-int8",
        summary="the same with 8-bit arithmetic",
        opens=_own,
        file=Entry(
            name="mien-int8",
            kind="detector",
            filename="face-int8.onnx",
            summary="the same detector with 8-bit arithmetic: less than a third of the size, about twice as fast",
            license="MIT",
            source="docs/detector.md",
        ),
        browsers=True,
        sure_score=_SURE,
    ),
    DetectorRow(
        name="yunet",
        summary="fetched once by `mien models pull yunet`",
        opens=_yunet,
        file=Entry(
            name="yunet",
            kind="detector",
            filename="face_detection_yunet_2023mar.onnx",
            summary="YuNet face detector (Wu et al. 2023), faces from about 10 px, with landmarks",
            license="MIT",
            source="opencv/opencv_zoo, models/face_detection_yunet",
            url=(
                "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"
                "face_detection_yunet_2023mar.onnx"
            ),
            sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            bytes=232_589,
        ),
    ),
    DetectorRow(name="none", summary="each picture is one face crop", opens=_whole),
)

DETECTORS: dict[str, DetectorRow] = {row.name: row for row in _ROWS}
"""All detectors by name, in the order in which help texts list them."""


def detector_row(name: str) -> DetectorRow | None:
    """The row of a name ("auto" stands for the default one), or None where the name is none of the table's."""
    return DETECTORS.get(DEFAULT_DETECTOR if name == AUTO else name)
