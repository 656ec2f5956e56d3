"""Covering faces in pictures that are kept: the video and the thumbnails, also between detections.

A face that the detector finds in one frame was there a moment before and is there a moment after, so frames are held
back for half a second and covered with the faces of their neighbours as well. Boxes are given by the caller.
A face that is never found stays uncovered; no detector finds all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from mien.core.types import Box, Frame, Image, Reading
from mien.media.sink import Sink, close_all

__all__ = ["AnonymizingSink", "cover"]

_CELLS = 5  # averages across a covered face: no feature of it survives
_MARGIN = 1.35  # of the box: chin, ears and hair
_GUESS_MARGIN = 1.7  # where the face was not found in this very frame
_MOST_BYTES = 512 * 1024 * 1024  # of pictures that are held back; fewer frames are held when they are very large


def cover(image: Image, boxes: Iterable[Box], margin: float = _MARGIN) -> Image:
    """Copy of a picture (H, W, 3) in which the faces are blotches of a few mean colours.

    Args:
        image: the picture.
        boxes: xyxy px.
        margin: side of the covered area in sides of the box.

    """
    out = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in boxes:
        dx, dy = (margin - 1) / 2 * (x2 - x1), (margin - 1) / 2 * (y2 - y1)
        left, right = max(0, int(x1 - dx)), min(width, int(np.ceil(x2 + dx)))
        top, bottom = max(0, int(y1 - dy)), min(height, int(np.ceil(y2 + dy)))
        if right - left < 1 or bottom - top < 1:
            continue
        cells = cv2.resize(image[top:bottom, left:right], (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
        out[top:bottom, left:right] = cv2.resize(cells, (right - left, bottom - top), interpolation=cv2.INTER_CUBIC)
    return out


class AnonymizingSink:
    """Passes frames on with every face covered, half a second late.

    Args:
        sinks: get the covered frames; owned by this object from now on.
        around_s: a face that was seen within so many seconds of a frame is covered in it.

    """

    def __init__(self, sinks: Sequence[Sink], around_s: float = 0.5) -> None:
        self._sinks = tuple(sinks)
        self._around_s = around_s
        self._waiting: deque[tuple[Frame, Sequence[Reading]]] = deque()
        self._seen: deque[tuple[float, dict[int, Box]]] = deque()  # time, boxes by track

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Take one frame in; frames whose neighbourhood is complete go on."""
        self._waiting.append((frame, readings))
        boxes = {-i if r.track is None else r.track: r.box for i, r in enumerate(readings, start=1)}
        self._seen.append((frame.time_s, boxes))
        most = max(1, _MOST_BYTES // max(1, frame.image.nbytes))
        while self._waiting and (
            self._waiting[0][0].time_s < frame.time_s - self._around_s or len(self._waiting) > most
        ):
            self._pass_on()

    def close(self) -> None:
        """Pass on what waits and finish the sinks."""
        while self._waiting:
            self._pass_on()
        close_all(self._sinks)

    def abort(self) -> None:
        """Give the sinks up."""
        self._waiting.clear()
        for sink in self._sinks:
            sink.abort()

    def _pass_on(self) -> None:
        frame, readings = self._waiting.popleft()
        while self._seen[0][0] < frame.time_s - self._around_s:
            self._seen.popleft()
        covered = cover(frame.image, [reading.box for reading in readings])
        covered = cover(covered, self._guesses(frame.time_s, readings), _GUESS_MARGIN)
        for sink in self._sinks:
            sink.write(replace(frame, image=covered), readings)

    def _guesses(self, time_s: float, readings: Sequence[Reading]) -> list[Box]:
        """Where faces of the neighbouring frames may be that were not found in this one: their nearest places."""
        here = {reading.track for reading in readings}
        before: dict[int, Box] = {}
        after: dict[int, Box] = {}
        for seen_s, boxes in self._seen:
            if seen_s > time_s + self._around_s:
                break
            for track, box in boxes.items():
                if track in here:
                    continue
                if seen_s <= time_s:
                    before[track] = box  # the last one stays
                else:
                    after.setdefault(track, box)  # the first one stays
        return [_around(before.get(key), after.get(key)) for key in before.keys() | after.keys()]


def _around(a: Box | None, b: Box | None) -> Box:
    """The box that holds both."""
    known = [box for box in (a, b) if box is not None]
    corners = np.array(known)  # (1 or 2, 4)
    x1, y1 = corners[:, :2].min(0)
    x2, y2 = corners[:, 2:].max(0)
    return (float(x1), float(y1), float(x2), float(y2))
