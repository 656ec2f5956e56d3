"""Facts from the index of an MP4 or MOV file (ISO/IEC 14496-12): start, display matrix, codec. Changes nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from mien.media.facts import Facts

__all__ = ["read_mp4"]

_LARGEST_INDEX = 256 * 1024 * 1024  # bytes
_MOST_BOXES = 100_000  # at the top of a file, and fragments of it
_EMPTY = -1  # media time of an edit that shows nothing

Box = tuple[bytes, int, int]
"""Kind, start and end of the body."""


def read_mp4(file: IO[bytes]) -> Facts:
    """Facts about the first video track.

    Raises:
        ValueError, struct.error, IndexError: the file is damaged.

    """
    size = file.seek(0, 2)
    places: dict[bytes, tuple[int, int]] = {}
    cut = False
    for kind, start, end in _top(file, size):
        places.setdefault(kind, (start, end))
        cut = cut or end > size
    if b"moov" not in places:
        return Facts(cut=cut)
    index = _read(file, *places[b"moov"])
    movie = _find(index, (0, len(index)), b"mvhd")
    for kind, start, end in _boxes(index, 0, len(index)):
        if kind == b"trak" and _is_video(index, (start, end)):
            fragment = _read(file, *places[b"moof"]) if b"moof" in places else b""
            return _track(index, (start, end), movie, fragment, cut)
    return Facts(cut=cut)


def _track(data: bytes, trak: tuple[int, int], movie: tuple[int, int], fragment: bytes, cut: bool) -> Facts:
    movie_scale = _scale(data, movie)
    mdia = _find(data, trak, b"mdia")
    scale = _scale(data, _find(data, mdia, b"mdhd"))
    stbl = _find(data, _find(data, mdia, b"minf"), b"stbl")
    entry = _find(data, stbl, b"stsd")[0] + 8
    edits = _edits(data, trak)
    empty = 0
    while edits and edits[0][1] == _EMPTY:
        empty += edits.pop(0)[0]
    lead = round(empty * scale / movie_scale)
    tkhd = _find(data, trak, b"tkhd")[0]
    number = struct.unpack_from(">I", data, tkhd + (20 if data[tkhd] else 12))[0]
    if _count(data, stbl):
        # An edit begins with the first picture that it shows: FFmpeg moves the others up to it.
        first = 0 if edits else _first_offset(data, stbl)
    else:
        first = _fragment_start(fragment, number) - (edits[0][1] if edits else 0)
    shown = sum(duration for duration, _ in edits) / movie_scale
    return Facts(
        (lead + first) / scale,
        codec=data[entry + 4 : entry + 8].decode("latin-1").strip(),
        turn=_turn(data, tkhd, movie[0]),
        counted=bool(_count(data, stbl)),
        shown_s=shown or None,
        cut=cut,
    )


def _top(file: IO[bytes], size: int) -> Iterator[Box]:
    start = 0
    for _ in range(_MOST_BOXES):
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        length, kind = struct.unpack_from(">I4s", head)
        body = start + 8
        if length == 1:
            length, body = struct.unpack_from(">Q", head, 8)[0], start + 16
        end = start + length if length else size
        if end < body:
            return
        yield kind, body, end
        start = end


def _read(file: IO[bytes], start: int, end: int) -> bytes:
    if end - start > _LARGEST_INDEX:
        raise ValueError(f"an index of {end - start} bytes")
    file.seek(start)
    return file.read(end - start)


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        size = size if size >= 8 else end - start
        yield kind, start + 8, min(start + size, end)
        start += size


def _find(data: bytes, within: tuple[int, int], wanted: bytes) -> tuple[int, int]:
    """Body of the first box of a kind."""
    for kind, start, end in _boxes(data, *within):
        if kind == wanted:
            return start, end
    raise ValueError(f"no {wanted!r}")


def _has(data: bytes, within: tuple[int, int], wanted: bytes) -> bool:
    return any(kind == wanted for kind, _, _ in _boxes(data, *within))


def _is_video(data: bytes, trak: tuple[int, int]) -> bool:
    start = _find(data, _find(data, trak, b"mdia"), b"hdlr")[0]
    return data[start + 8 : start + 12] == b"vide"


def _scale(data: bytes, header: tuple[int, int]) -> int:
    """Ticks per second of a movie or media header."""
    start = header[0]
    return max(1, int(struct.unpack_from(">I", data, start + (20 if data[start] else 12))[0]))


def _edits(data: bytes, trak: tuple[int, int]) -> list[tuple[int, int]]:
    """(Duration in ticks of the movie, media time in ticks of the media) of each edit."""
    if not _has(data, trak, b"edts"):
        return []
    start, end = _find(data, _find(data, trak, b"edts"), b"elst")
    code, step = (">Qq", 20) if data[start] else (">Ii", 12)
    count = min(struct.unpack_from(">I", data, start + 4)[0], (end - start - 8) // step)
    return [struct.unpack_from(code, data, start + 8 + step * i)[:2] for i in range(count)]


def _count(data: bytes, stbl: tuple[int, int]) -> int:
    """Number of runs in the table of durations; none in a file of fragments."""
    return int(struct.unpack_from(">I", data, _find(data, stbl, b"stts")[0] + 4)[0])


def _first_offset(data: bytes, stbl: tuple[int, int]) -> int:
    """By how much the first picture is shown after it is decoded."""
    if not _has(data, stbl, b"ctts"):
        return 0
    return int(struct.unpack_from(">i", data, _find(data, stbl, b"ctts")[0] + 12)[0])


def _fragment_start(data: bytes, track: int) -> int:
    """Presentation time of the first picture of a movie fragment, in ticks of the media."""
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"traf" or struct.unpack_from(">I", data, _find(data, (start, end), b"tfhd")[0] + 4)[0] != track:
            continue
        decoded = _find(data, (start, end), b"tfdt")[0]
        time = int(struct.unpack_from(">Q" if data[decoded] else ">I", data, decoded + 4)[0])
        run = _find(data, (start, end), b"trun")[0]
        flags = struct.unpack_from(">I", data, run)[0] & 0xFFFFFF
        if not flags & 0x800:  # no offsets
            return time
        at = run + 8 + 4 * sum(bool(flags & bit) for bit in (0x1, 0x4, 0x100, 0x200, 0x400))
        return time + int(struct.unpack_from(">i", data, at)[0])
    raise ValueError("no fragment of the video")


def _turn(data: bytes, tkhd: int, mvhd: int) -> tuple[int, int, int, int] | None:
    """Signs of the track's matrix times the movie's, where that is a turn by quarters with or without a flip."""
    track, movie = _matrix(data, tkhd, 40), _matrix(data, mvhd, 36)
    a, b, c, d = (
        track[0] * movie[0] + track[1] * movie[2],
        track[0] * movie[1] + track[1] * movie[3],
        track[2] * movie[0] + track[3] * movie[2],
        track[2] * movie[1] + track[3] * movie[3],
    )
    straight, turned = abs(a * d), abs(b * c)
    if straight == turned or min(straight, turned) > 1e-3 * max(straight, turned):
        return None
    if straight > turned:
        b = c = 0.0
    else:
        a = d = 0.0
    return (_sign(a), _sign(b), _sign(c), _sign(d))


def _matrix(data: bytes, start: int, at: int) -> tuple[float, float, float, float]:
    """The matrix of a header, `at` bytes into its body, or 12 later in version 1, which has 64-bit times."""
    a, b, _, c, d = struct.unpack_from(">5i", data, start + at + (12 if data[start] else 0))
    return (a / 65536, b / 65536, c / 65536, d / 65536)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
