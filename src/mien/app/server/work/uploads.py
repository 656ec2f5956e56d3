"""A video that was sent: a temporary file that cannot be left behind.

Where the system offers open files under a path (Linux, macOS), the file has no name from the start: the system frees
it when the process ends, however it ends. Elsewhere it has a name, is deleted when closed, and what a crash left is
deleted when the next service starts.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

__all__ = ["KNOWN_CONTAINERS", "Upload", "is_container", "sweep"]

_PREFIX = "mien-video-"
_STALE_S = 86_400  # a file that is older belongs to a service that has crashed
_OPEN_FILES = ("/proc/self/fd", "/dev/fd")

KNOWN_CONTAINERS = "MP4, MOV, WebM, Matroska, AVI or MPEG"


class Upload:
    """A temporary file; a context manager that deletes it."""

    def __init__(self) -> None:
        folder = next((f for f in _OPEN_FILES if Path(f).is_dir()), None)
        self._name: Path | None = None
        self._file: IO[bytes]
        self.handle: int | None = None
        """Of the open file, where it has no name."""
        if folder is not None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by this object
            self.handle = self._file.fileno()
            self.path = f"{folder}/{self.handle}"
        else:
            handle, self.path = tempfile.mkstemp(prefix=_PREFIX)
            self._file = os.fdopen(handle, "w+b")
            self._name = Path(self.path)

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._file.write(data)

    def head(self) -> bytes:
        """The first bytes, after everything has been written."""
        self._file.flush()
        self._file.seek(0)
        return self._file.read(512)

    def close(self) -> None:
        """Delete the file; may be called twice."""
        with contextlib.suppress(OSError):  # what a full disk did not take is not wanted any more
            self._file.close()
        if self._name is not None:
            self._name.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sweep() -> None:
    """Delete what a crashed service left behind, on systems where that can happen."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()


def is_container(head: bytes) -> bool:
    """Whether bytes begin a known video container.

    Others are refused before FFmpeg sees them: a playlist, for one, can name other files and addresses to open.
    """
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):  # MP4, MOV
        return True
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return True
    if head[:4] in (b"\x1aE\xdf\xa3", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"):  # Matroska and WebM, MPEG
        return True
    return head[:1] == b"G" and head[188:189] == b"G"  # MPEG transport stream
