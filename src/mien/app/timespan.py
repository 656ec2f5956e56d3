"""Times on the command line: seconds (7.5), minutes (1:05) or hours (1:02:05)."""

from __future__ import annotations

import math

import click

__all__ = ["seconds"]


def seconds(text: str) -> float:
    """Type of a click option that takes a time and gives seconds.

    Raises:
        click.BadParameter: the text is not a time.

    """
    try:
        numbers = [float(part) for part in text.split(":")]
    except ValueError:
        numbers = []
    total = sum(number * 60**i for i, number in enumerate(reversed(numbers)))
    if not 1 <= len(numbers) <= 3 or min(numbers) < 0 or not math.isfinite(total):
        raise click.BadParameter(f"{text!r} is not a time: give seconds (7.5), minutes (1:05) or hours (1:02:05).")
    return float(total)
