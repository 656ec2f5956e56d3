"""What a video file's container says and OpenCV keeps to itself: when the pictures begin, how they are turned.

OpenCV counts time from the first picture, rounds a display matrix to a rotation, and estimates lengths from the sound.
Reads the outer structure of MP4 (and MOV), Matroska (and WebM), MPEG-TS and MPEG-PS files; decodes no picture.
"""

from __future__ import annotations

import struct
from pathlib import Path

from mien.media.facts import Facts

__all__ = ["read_facts"]


def read_facts(path: Path) -> Facts:
    """Facts about a video file; empty ones where it has another format or is damaged."""
    from mien.media.matroska import read_matroska
    from mien.media.mp4_head import read_mp4
    from mien.media.mpeg import read_program_stream, read_transport_stream

    try:
        with path.open("rb") as file:
            head = file.read(1024)
            file.seek(0)
            if head[:4] == b"\x1a\x45\xdf\xa3":
                return read_matroska(file)
            if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot"):
                return read_mp4(file)
            if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
                return Facts(0.0, counted=True)
            if head[:4] == b"\x00\x00\x01\xba":
                return read_program_stream(file)
            return read_transport_stream(file, head)
    except (OSError, ValueError, IndexError, struct.error, OverflowError):
        return Facts()
