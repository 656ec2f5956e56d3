"""Reading what people and files write, whole numbers and JSON, and showing it."""

from __future__ import annotations

import json
import math
from numbers import Integral, Real
from typing import Any, NoReturn

__all__ = ["brief", "counted", "duration", "is_number", "is_whole", "parse_json", "printable", "whole_number"]

_MOST_DIGITS = 18  # fits 64 bits


def whole_number(text: str) -> int | None:
    """The whole number from 0 that a text writes in ASCII digits (at most 18), or None.

    `str.isdigit` alone also takes texts such as "²", which `int` refuses.
    """
    tidy = text.strip()
    return int(tidy) if tidy.isascii() and tidy.isdigit() and len(tidy) <= _MOST_DIGITS else None


def is_whole(value: object, least: int, most: float = math.inf) -> bool:
    """Whether a value of a caller is a whole number (of Python or NumPy) in least..most."""
    return isinstance(value, Integral) and least <= int(value) <= most


def is_number(value: object, least: float, most: float = math.inf) -> bool:
    """Whether a value of a caller is a finite number (of Python or NumPy) in least..most."""
    return isinstance(value, Real) and math.isfinite(value) and least <= float(value) <= most


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun, such as "1 face" or "1,200 faces"; `many` where the plural has more than an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text; strict, and with one kind of error for everything that may be wrong with a file.

    Raises:
        ValueError: not JSON, not UTF-8, nested too deeply, or with NaN and infinities, which JSON does not have.

    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def brief(text: str, most: int = 80) -> str:
    """Shorten a text to at most `most` characters by leaving out its middle.

    For messages that quote input of any length. Twice as much is kept of the end as of the beginning, since the end of
    a path says more.
    """
    if len(text) <= most:
        return text
    end = (most - 3) * 2 // 3
    return f"{text[: most - 3 - end]}...{text[-end:]}"


def printable(text: str) -> str:
    r"""The text on one line, with control characters and lone surrogates as escapes such as \x1b."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return " " if character in "\n\r\t" else character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number of JSON")


def duration(seconds: float) -> str:
    """A time to wait, as people say it: "40 s", "12 min", "3 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
