"""Whether the encoder wrote a video file to its end: OpenCV does not tell of a full disk.

Every container states how long it is, and FFmpeg puts that in when it finishes the file. A file that is shorter than
it says, or that never came to say it, is not whole. Reads the outer structure only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["is_whole"]

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067


def is_whole(path: Path) -> bool:
    """Whether an MP4, AVI or Matroska (WebM) file is as long as it says, and has its index.

    MP4: the boxes (ISO/IEC 14496-12, 4.2) fill the file, and `moov` is one of them. AVI: the RIFF chunks fill it.
    Matroska: the segment (RFC 9559, 5.1) ends where the file does.

    Raises:
        OSError: the file cannot be read.

    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head[:4] == b"RIFF":
            return _ends(_chunks(file), size)
        if int.from_bytes(head[:4], "big") == _EBML:
            return _ends(_elements(file), size)
        return _ends(_boxes(file), size, b"moov")


def _ends(parts: Iterator[tuple[bytes, int]], size: int, needed: bytes = b"") -> bool:
    """Whether parts, given as name and end, go on to the end of a file, with the needed one among them."""
    end, names = 0, set()
    for name, end in parts:
        names.add(name)
        if end >= size:
            break
    return end == size > 0 and (not needed or needed in names)


def _boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    start = 0
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < 8:
            return
        start += length
        yield name, start
        file.seek(start)


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    start = 0
    while len(head := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", head)
        start += 8 + length + length % 2
        yield name, start
        file.seek(start)


def _elements(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """The two elements at the top of a Matroska file."""
    start = 0
    for wanted in (_EBML, _SEGMENT):
        head = file.read(12)
        if len(head) < 5 or int.from_bytes(head[:4], "big") != wanted or head[4] == 0:
            return
        width = 9 - head[4].bit_length()  # a number of 1 to 8 bytes, whose first set bit says how many
        length = int.from_bytes(head[4 : 4 + width], "big") - (1 << 7 * width)
        start += 4 + width + length
        yield head[:4], start
        file.seek(start)
