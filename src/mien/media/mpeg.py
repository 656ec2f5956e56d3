"""Facts from MPEG transport and program streams (ISO/IEC 13818-1): the time stamps of the first packets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from mien.media.facts import Facts

__all__ = ["WRAP_S", "read_program_stream", "read_transport_stream"]

WRAP_S = 2**33 / 90_000
"""Time stamps begin again after so many seconds."""

_SYNC = 0x47
_PACKET = 188
_LARGEST_SEARCH = 16 * 1024 * 1024  # bytes
_ENOUGH_AFTER = 2 * 1024 * 1024  # bytes after the first picture in which sound with an earlier time may begin
_VIDEO = frozenset({*range(0xE0, 0xF0), 0xFD})
_TIMED = _VIDEO | {*range(0xC0, 0xE0), 0xBD}  # pictures and sound


def read_transport_stream(file: IO[bytes], head: bytes) -> Facts:
    """Facts about a file of 188-byte packets, also with the 4 bytes that cameras (.m2ts) put before each."""
    for step, offset in ((_PACKET, 0), (192, 4), (204, 0)):
        if len(head) > 4 * step and all(head[offset + i * step] == _SYNC for i in range(4)):
            return _facts(_transport_packets(file.read(_LARGEST_SEARCH), step, offset))
    return Facts()


def read_program_stream(file: IO[bytes]) -> Facts:
    """Facts about a file as DVDs have it."""
    return _facts(_program_packets(file.read(_LARGEST_SEARCH)))


def _facts(packets: Iterator[tuple[int, int, bytes]]) -> Facts:
    """Facts from (place, id of the stream, beginning of the packet)."""
    first: dict[int, float] = {}
    start_s: float | None = None
    found = 0
    for place, stream, packet in packets:
        time_s = _time_s(packet) if stream in _TIMED and stream not in first else None
        if time_s is not None:
            first[stream] = time_s
            if start_s is None and stream in _VIDEO:
                start_s, found = time_s, place
        if start_s is not None and place > found + _ENOUGH_AFTER:
            break
    return Facts(start_s, clock_s=min(first.values(), default=0.0))


def _transport_packets(data: bytes, step: int, offset: int) -> Iterator[tuple[int, int, bytes]]:
    for at in range(offset, len(data) - _PACKET, step):
        if data[at] != _SYNC:
            return
        if not data[at + 1] & 0x40:  # no packet begins here
            continue
        control = data[at + 3] >> 4 & 3
        body = at + 4 + (1 + data[at + 4] if control & 2 else 0)
        if control & 1 and data[body : body + 3] == b"\0\0\1":
            yield at, data[body + 3], data[body : body + 32]


def _program_packets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = data.find(b"\0\0\1")
    while at >= 0 and at + 4 < len(data):
        yield at, data[at + 3], data[at : at + 32]
        at = data.find(b"\0\0\1", at + 4)


def _time_s(packet: bytes) -> float | None:
    """Presentation time of an elementary packet of MPEG-2, or of MPEG-1 (11172-1, 2.4.3.3), which .mpg files hold."""
    at = 6
    if len(packet) > at and packet[at] >> 6 == 2:
        if not packet[7] & 0x80:
            return None
        at = 9
    else:
        while at < len(packet) and packet[at] == 0xFF:
            at += 1
        at += 2 if at < len(packet) and packet[at] >> 6 == 1 else 0
        if at >= len(packet) or packet[at] >> 4 not in (2, 3):
            return None
    if len(packet) < at + 5:
        return None
    a, b, c, d, e = packet[at : at + 5]
    return ((a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1) / 90_000
