"""Praat's TextGrid files (long and short text form): tiers in and out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.core.errors import DataError
from mien.core.files import atomic_write
from mien.study.intervals import Interval, Tier

__all__ = ["read_textgrid", "write_textgrid"]

_TOKEN = re.compile(r'"((?:[^"]|"")*)"|<(exists|absent)>|(?<![\w.\[])([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])')


def write_textgrid(path: Path, tiers: Sequence[Tier], end_s: float) -> None:
    """Write tiers in the long text form; stretches without a label become intervals with an empty text.

    Args:
        path: the file, UTF-8.
        tiers: the intervals of one do not overlap.
        end_s: where the video ends; a grid begins at 0.

    Raises:
        OutputError: it cannot be written there.

    """
    end_s = max([end_s, *(i.end_s for tier in tiers for i in tier.intervals)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end_s!r}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, tier in enumerate(tiers, 1):
        filled = _without_gaps(tier.intervals, end_s)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(tier.name)}"]
        lines += ["        xmin = 0", f"        xmax = {end_s!r}", f"        intervals: size = {len(filled)}"]
        for i, interval in enumerate(filled, 1):
            lines += [f"        intervals [{i}]:", f"            xmin = {interval.start_s!r}"]
            lines += [f"            xmax = {interval.end_s!r}", f"            text = {_quoted(interval.text)}"]
    with atomic_write(path, "w") as file:
        file.write("\n".join(lines) + "\n")


def read_textgrid(path: Path) -> list[Tier]:
    """Tiers of a TextGrid; the points of a point tier are intervals without length, empty intervals are left out.

    Raises:
        DataError: it is missing or damaged.

    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.") from error
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        tokens = _tokens(text)
        return _tiers(tokens)
    except (ValueError, StopIteration) as error:
        why = str(error) or "it ends too early"
        raise DataError(f"{path} is not a TextGrid in Praat's text form: {why}.") from error


def _tiers(tokens: Iterator[Token]) -> list[Tier]:
    if _text(tokens) != "ooTextFile" or _text(tokens) != "TextGrid":
        raise ValueError("it does not begin as one")
    _number(tokens), _number(tokens)
    if next(tokens) != "<exists>":
        return []
    return [_tier(tokens) for _ in range(int(_number(tokens)))]


def _without_gaps(intervals: Sequence[Interval], end_s: float) -> list[Interval]:
    filled: list[Interval] = []
    at_s = 0.0
    for interval in intervals:
        if interval.start_s > at_s:
            filled.append(Interval(at_s, interval.start_s, ""))
        filled.append(interval)
        at_s = interval.end_s
    if at_s < end_s or not filled:
        filled.append(Interval(at_s, end_s, ""))
    return filled


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


Token = str | float


def _tokens(text: str) -> Iterator[Token]:
    """Texts (marked by a leading quote), flags and numbers; names and [numbers] around them are for people."""
    for quoted, flag, number in _TOKEN.findall(text):
        if flag:
            yield f"<{flag}>"
        elif number:
            yield float(number)
        else:
            yield '"' + quoted.replace('""', '"')


def _text(tokens: Iterator[Token]) -> str:
    token = next(tokens)
    if isinstance(token, float) or not token.startswith('"'):
        raise ValueError(f"expected a text, got {token}")
    return token[1:]


def _number(tokens: Iterator[Token]) -> float:
    token = next(tokens)
    return float(token)  # a text begins with a quote, so it is none


def _tier(tokens: Iterator[Token]) -> Tier:
    kind, name = _text(tokens), _text(tokens)
    _number(tokens), _number(tokens)
    intervals = []
    for _ in range(int(_number(tokens))):
        start_s = _number(tokens)
        end_s = start_s if kind == "TextTier" else _number(tokens)
        text = _text(tokens).strip()
        if text:
            intervals.append(Interval(start_s, end_s, text))
    return Tier(name, tuple(intervals))
