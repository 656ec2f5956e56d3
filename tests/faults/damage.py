"""Seeded damage to files: bytes that flip, go missing or come twice, and values that no reader expects.

The same seed gives the same damage everywhere. Formats are touched only where something must be mended so that damage
gets past a checksum.
"""

from __future__ import annotations

import copy
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["corrupt", "mend_png", "odd_json"]

_NUMBERS = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\x00\x00", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff")
_WORDS = (
    *(b"-1", b"1e999", b"nan", b"inf", b"99999999999999999999", b"9" * 5000, b"\xc2\xb2", b"\xd9\xa3", b"\x00"),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b"\n", b"\r", b"\t", b";", b"[" * 3000, b"../../", b"\x1b[2J"),
)
_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**70, 10**400, 1e308, float("nan"), float("inf"), "", "\x00", "\x1b[2J", "\ud800"),
    *("x" * 100_000, [], {}, [[]], [None], {"": None}, "²", "happy", ["happy", "happy"], [1, 2]),
)


def corrupt(data: bytes, rng: random.Random, others: Sequence[bytes] = (), text: bool = False) -> bytes:
    """A damaged copy of a file: one of the ways below, now and then two or three.

    Args:
        data: the whole file.
        rng: where chance comes from.
        others: files of the same kind, to splice with.
        text: take words that trouble readers of text into the mixture.

    """
    ways: list[Callable[[bytes, random.Random], bytes]] = [_flip, _flip, _replace, _cut, _drop, _double, _zero, _number]
    if text:
        ways += [_word, _word, _swap_lines]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        splice = others and rng.random() < 0.05
        data = _splice(data, rng.choice(others), rng) if splice else rng.choice(ways)(data, rng)
    return data


def _at(data: bytes, rng: random.Random) -> int:
    """A position; every second one lies near the start, where headers are."""
    return rng.randrange(min(len(data), 64) if rng.random() < 0.5 else len(data)) if data else 0


def _put(data: bytes, at: int, new: bytes, instead_of: int) -> bytes:
    return data[:at] + new + data[at + instead_of :]


def _flip(data: bytes, rng: random.Random) -> bytes:
    at = _at(data, rng)
    return _put(data, at, bytes([data[at] ^ 1 << rng.randrange(8)]), 1) if data else data


def _replace(data: bytes, rng: random.Random) -> bytes:
    return _put(data, _at(data, rng), rng.randbytes(rng.choice((1, 1, 2, 4, 16))), rng.choice((1, 2, 4)))


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.3 else data[: len(data) - rng.randint(1, 8)]


def _drop(data: bytes, rng: random.Random) -> bytes:
    return _put(data, _at(data, rng), b"", rng.choice((1, 2, 7, 64, 1000)))


def _double(data: bytes, rng: random.Random) -> bytes:
    at, length = _at(data, rng), rng.choice((1, 4, 16, 100, 2000))
    return _put(data, at, data[at : at + length] * 2, length)


def _zero(data: bytes, rng: random.Random) -> bytes:
    length = rng.choice((1, 4, 32))
    return _put(data, _at(data, rng), bytes(length), length)


def _number(data: bytes, rng: random.Random) -> bytes:
    new = rng.choice(_NUMBERS)
    return _put(data, _at(data, rng), new, len(new))


def _word(data: bytes, rng: random.Random) -> bytes:
    return _put(data, _at(data, rng), rng.choice(_WORDS), rng.choice((0, 1, 3)))


def _swap_lines(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def _splice(data: bytes, other: bytes, rng: random.Random) -> bytes:
    return data[: _at(data, rng)] + other[_at(other, rng) :]


def mend_png(data: bytes) -> bytes:
    """The checksums of a PNG's chunks set right again, so that the damage reaches the decoder."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        if length > len(data):
            break
        out += data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(out) + data[at:]


def odd_json(body: Any, rng: random.Random) -> Any:
    """A copy of a JSON value in which one to three places hold something odd, or are missing."""
    body = copy.deepcopy(body)
    for _ in range(rng.randint(1, 3)):
        places = list(_places(body))
        if not places:
            return rng.choice(_ODD_VALUES)
        holder, key = rng.choice(places)
        if rng.random() < 0.15:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(rng.choice(_ODD_VALUES))
    return body


def _places(body: Any) -> Any:
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in list(items):
        yield body, key
        yield from _places(value)
