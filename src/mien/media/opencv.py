"""What this room needs from OpenCV's video part: silence on standard error, and whether it can open windows.

A failure is told once, by the error that is raised, not by FFmpeg's own lines.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import cv2

__all__ = ["has_windows", "mute", "quiet"]

_LOG: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 4.10 has the functions at the top
_SILENT = 0  # LOG_LEVEL_SILENT
_FFMPEG_QUIET = "-8"  # AV_LOG_QUIET


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV and its FFmpeg from printing while a file is opened; the level is put back afterwards."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _FFMPEG_QUIET)
    before = _LOG.getLogLevel()
    _LOG.setLogLevel(_SILENT)
    try:
        yield
    finally:
        _LOG.setLogLevel(before)


@contextlib.contextmanager
def mute() -> Iterator[None]:
    """Drop what is written to file descriptor 2 for a moment.

    Opening a WebM writer makes OpenCV print a line about a tag straight to it, though all is well.
    """
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def has_windows() -> bool:
    """Whether the installed OpenCV can show pictures in a window (the headless packages cannot)."""
    for line in cv2.getBuildInformation().splitlines():
        name, _, value = line.strip().partition(":")
        if name == "GUI":
            return value.strip().upper() not in {"", "NONE", "NO"}
    return False
