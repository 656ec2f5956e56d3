"""True times in an MP4 file: replaces the constant frame rate that OpenCV writes by the time of every frame.

OpenCV's writer gives each frame the same duration. In an MP4 file the durations stand in a small table apart from
the pictures (ISO/IEC 14496-12, 8.6.1.2 `stts`), so they can be put right afterwards without encoding anything again.
Handles only files with one track whose index follows the pictures, which is what OpenCV's FFmpeg writes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import IO

from mien.core.errors import OutputError

__all__ = ["set_frame_times"]

_TICKS_PER_S = 10_000  # 0.1 ms; 32 bits then hold a recording of 119 hours
_NOTHING = -1  # media time of an empty edit
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"})


def set_frame_times(path: Path, times_s: Sequence[float], last_s: float, lead_s: float = 0.0) -> None:
    """Give frame i of an MP4 file the presentation time `lead_s + times_s[i] - times_s[0]`, in place.

    Args:
        path: file as OpenCV's VideoWriter closed it, with one video track of `len(times_s)` frames.
        times_s: times in seconds, increasing.
        last_s: how long the last frame is shown, in seconds.
        lead_s: how long nothing is shown before the first frame (an empty edit, 8.6.6), in seconds.

    Raises:
        OutputError: the file is not laid out as expected; it is then left as it was.

    """
    ticks = [round((time_s - times_s[0]) * _TICKS_PER_S) for time_s in times_s]
    shown = [max(1, later - now) for now, later in pairwise(ticks)]
    shown.append(max(1, round(last_s * _TICKS_PER_S)))
    with path.open("r+b") as file:
        start, index = _read_index(file, path)
        if index.count(b"trak") != 1 or b"ctts" in index:
            raise _unexpected(path)
        rewritten = _rewrite(index, _changes(shown, round(lead_s * _TICKS_PER_S)))
        file.seek(start)
        file.truncate()
        file.write(rewritten)


def _read_index(file: IO[bytes], path: Path) -> tuple[int, bytes]:
    """Place and content of the index (the whole `moov` box), which must be the last box of the file."""
    end = file.seek(0, 2)
    start = 0
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            size = struct.unpack(">Q", file.read(8))[0]
        if kind == b"moov" and start + size == end:
            file.seek(start)
            return start, file.read(size)
        if size < 8:
            break
        start += size
    raise _unexpected(path)


def _unexpected(path: Path) -> OutputError:
    return OutputError(f"Cannot set the frame times of {path}: the MP4 file is not laid out as expected.")


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Boxes between two places: (kind, start, end, start of the body)."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        if size < 8:  # 0 means "to the end"; 64-bit sizes do not occur inside an index
            size = end - start
        yield kind, start, start + size, start + 8
        start += size


def _rewrite(data: bytes, changes: dict[bytes, Callable[[bytes], bytes]]) -> bytes:
    """The boxes of `data` with the bodies of some kinds replaced, at any depth."""
    out = b""
    for kind, start, end, body in _boxes(data, 0, len(data)):
        content = data[body:end]
        if kind in _CONTAINERS:
            content = _rewrite(content, changes)
        elif kind in changes:
            content = changes[kind](content)
        else:
            out += data[start:end]
            continue
        out += struct.pack(">I4s", 8 + len(content), kind) + content
    return out


def _changes(shown: Sequence[int], lead: int) -> dict[bytes, Callable[[bytes], bytes]]:
    total = sum(shown)
    movie_scale = 1000

    def in_movie(ticks: int) -> int:
        return ticks * movie_scale // _TICKS_PER_S

    def movie_header(body: bytes) -> bytes:
        nonlocal movie_scale
        at = 20 if body[0] else 12  # version 1 has 64-bit dates
        movie_scale = _TICKS_PER_S
        scaled = body[:at] + struct.pack(">I", movie_scale) + body[at + 4 :]
        return _put_duration(scaled, at + 4, in_movie(lead + total))

    def track_header(body: bytes) -> bytes:
        return _put_duration(body, 28 if body[0] else 20, in_movie(lead + total))

    def edit_list(body: bytes) -> bytes:
        # The first and only edit of OpenCV's file, behind an empty one where there is a lead.
        media_time = struct.unpack_from(">q" if body[0] else ">i", body, 16 if body[0] else 12)[0]
        edits = [(in_movie(lead), _NOTHING)] * (lead > 0) + [(in_movie(total), media_time)]
        return struct.pack(">II", 1 << 24, len(edits)) + b"".join(struct.pack(">QqI", *edit, 1 << 16) for edit in edits)

    def media_header(body: bytes) -> bytes:
        at = 20 if body[0] else 12
        scaled = body[:at] + struct.pack(">I", _TICKS_PER_S) + body[at + 4 :]
        return _put_duration(scaled, at + 4, total)

    def sample_times(_body: bytes) -> bytes:
        runs = [(len(list(group)), length) for length, group in groupby(shown)]
        return struct.pack(">II", 0, len(runs)) + b"".join(struct.pack(">II", *run) for run in runs)

    return {
        b"mvhd": movie_header,
        b"tkhd": track_header,
        b"elst": edit_list,
        b"mdhd": media_header,
        b"stts": sample_times,
    }


def _put_duration(body: bytes, at: int, value: int) -> bytes:
    code = ">Q" if body[0] else ">I"
    return body[:at] + struct.pack(code, value) + body[at + struct.calcsize(code) :]
