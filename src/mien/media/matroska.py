"""Facts from a Matroska or WebM file (RFC 9559): when the first picture is shown, and its codec. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from mien.media.facts import Facts

__all__ = ["read_matroska"]

_MOST_ELEMENTS = 50_000
_SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_SCALE, _TRACK, _NUMBER, _TYPE, _CODEC, _DELAY = 0x2AD7B1, 0xAE, 0xD7, 0x83, 0x86, 0x56AA
_TIME, _SIMPLE_BLOCK, _GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_INSIDE = frozenset({_SEGMENT, _INFO, _TRACKS, _CLUSTER, _GROUP})  # their elements are looked at
_VIDEO = 1
_LARGEST_NUMBER = 1 << 16  # bytes of an element that is read whole


def read_matroska(file: IO[bytes]) -> Facts:
    """Facts about the first video track."""
    size = file.seek(0, 2)
    scale_ns, cluster = 1_000_000, 0
    track: dict[int, bytes] = {}
    cut = False
    for element, body, end in _walk(file, size):
        if element == _SEGMENT:
            cut = end is not None and end > size
        elif element == _SCALE:
            scale_ns = _number(_content(file, body, end))
        elif element == _TRACK and not track:
            track = _track(file, body, end or size)
        elif element == _TIME:
            cluster = _number(_content(file, body, end))
        elif element in (_SIMPLE_BLOCK, _BLOCK) and track:
            file.seek(body)
            number, at = _vint(file.read(12), 0)
            if number != _number(track.get(_NUMBER, b"")):
                continue
            file.seek(body + at)
            ticks = cluster + int.from_bytes(file.read(2), "big", signed=True)
            start_s = (ticks * scale_ns - _number(track.get(_DELAY, b""))) / 1e9
            return Facts(start_s, codec=_codec(track), cut=cut)
    return Facts(codec=_codec(track), cut=cut)


def _codec(track: dict[int, bytes]) -> str | None:
    return track[_CODEC].rstrip(b"\0").decode("latin-1") if _CODEC in track else None


def _walk(file: IO[bytes], size: int) -> Iterator[tuple[int, int, int | None]]:
    """Elements in the order of the file: (id, start of the body, its end or None where that is not known)."""
    at = 0
    for _ in range(_MOST_ELEMENTS):
        if at >= size:
            return
        file.seek(at)
        head = file.read(12)
        width = 9 - head[0].bit_length()
        element = int.from_bytes(head[:width], "big")
        length, after = _vint(head, width)
        body = at + after
        known = length != (1 << 7 * (after - width)) - 1
        end = body + length if known else None
        yield element, body, end
        if element in _INSIDE:
            at = body
        elif end is None:
            return
        else:
            at = end


def _track(file: IO[bytes], body: int, end: int) -> dict[int, bytes]:
    """Fields of a video track; nothing for other tracks."""
    data = _content(file, body, end)
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        width = 9 - data[at].bit_length()
        element = int.from_bytes(data[at : at + width], "big")
        length, at = _vint(data, at + width)
        fields[element] = data[at : at + length]
        at += length
    return fields if _number(fields.get(_TYPE, b"")) == _VIDEO else {}


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """A number whose first set bit says how many bytes it has (1 to 8), and the place behind it."""
    width = 9 - data[at].bit_length()
    return int.from_bytes(data[at : at + width], "big") - (1 << 7 * width), at + width


def _content(file: IO[bytes], body: int, end: int | None) -> bytes:
    if end is None or end - body > _LARGEST_NUMBER:
        raise ValueError("an element of unknown or improbable length")
    file.seek(body)
    return file.read(end - body)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
