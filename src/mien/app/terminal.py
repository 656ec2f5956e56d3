"""What commands share on a terminal: the console, and progress on standard error."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mien.core.text import duration, printable

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["console", "notice", "progress"]

_EVERY_S = 60.0


def console() -> Console:
    """Console on standard output, for tables meant for people."""
    from rich.console import Console

    return Console(highlight=False)


def notice(text: str) -> None:
    """One line on standard error, whole and uncoloured."""
    print(printable(text), file=sys.stderr)


@contextlib.contextmanager
def progress(description: str, total: int | None, unit: str = "") -> Iterator[Callable[[int], None]]:
    """Progress bar on standard error with count, speed and time left; gives a function that advances it.

    Where standard error is not a terminal, a line says every minute how far it is.

    Args:
        description: what is going on.
        total: number of steps, or None when it is not known.
        unit: what a step is, such as "images".

    """
    if not sys.stderr.isatty():
        yield _line_per_minute(description, total, unit)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, rate="")

        def advance(steps: int) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f} {unit}/s" if speed else ""
            bar.update(task, advance=steps, rate=rate)

        yield advance


def _line_per_minute(description: str, total: int | None, unit: str) -> Callable[[int], None]:
    begun_s = shown_s = time.monotonic()
    done = 0

    def advance(steps: int) -> None:
        nonlocal shown_s, done
        done += steps
        now_s = time.monotonic()
        if now_s - shown_s < _EVERY_S:
            return
        shown_s, spent_s = now_s, now_s - begun_s
        left = f", about {duration(spent_s * (total - done) / done)} left" if total and done else ""
        notice(f"{description}: {done:,}{f' of {total:,}' if total else ''} {unit}{left}")

    return advance
