"""Keeps the warnings of picture libraries from the terminal, in several threads at once."""

from __future__ import annotations

import os
import re
import tempfile
import threading
import warnings
from contextlib import suppress
from types import TracebackType
from typing import IO

__all__ = ["QUIET", "Quiet", "QuietTiff"]

_STDERR = 2
_LIBTIFF = re.compile(
    rb"^\w*(TIFF|Decode|Fax|LZW|ZIP|JPEG|PackBits|Predict|PixarLog|LogL|LogLuv|LERC|LZMA|ZSTD|tempfile)[\w.]*: .*\n?",
    re.MULTILINE,
)
"""Lines as libtiff's own handlers write them: the function, a colon, a sentence."""


class Quiet:
    """While one thread or more is inside, warnings that Pillow's own modules raise are dropped, and no others.

    `warnings.catch_warnings` belongs to the whole process: threads that leave it in another order than they entered
    would leave its filters behind. So the first thread in sets the filter, and the last one out takes it back.
    """

    def __init__(self, module: str = r"PIL\.") -> None:
        self._module = module
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=self._module)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(kind, error, trace)


QUIET = Quiet()
"""What decoding uses; who reads many pictures enters it once around all of them, which costs less."""


class QuietTiff:
    """While one thread or more is inside, what libtiff writes to standard error by itself is dropped, nothing else.

    It has no way to be told, so file descriptor 2 leads into a file meanwhile; lines that are not libtiff's follow
    when the last thread leaves.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._kept = -1
        self._told: IO[bytes] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._start()
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._told is not None:
                self._end(self._told)

    def _start(self) -> None:
        try:
            self._kept = os.dup(_STDERR)
        except OSError:  # there is no standard error
            return
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
        os.dup2(self._told.fileno(), _STDERR)

    def _end(self, told: IO[bytes]) -> None:
        os.dup2(self._kept, _STDERR)
        os.close(self._kept)
        told.seek(0)
        others = _LIBTIFF.sub(b"", told.read())
        told.close()
        self._told = None
        if others:
            with suppress(OSError):
                os.write(_STDERR, others)
