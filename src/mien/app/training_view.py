"""Where a training run is, inside an epoch: one moving line on a terminal, elsewhere a line per minute."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mien.app.terminal import notice
from mien.core.text import duration

if TYPE_CHECKING:
    from mien.learn.progress import Moment

__all__ = ["training_view"]

_EVERY_S = 60.0


@contextlib.contextmanager
def training_view() -> Iterator[Callable[[Moment], None]]:
    """Gives a function that shows a moment of a run on standard error."""
    if sys.stderr.isatty():
        with _moving_line() as show:
            yield show
    else:
        yield _line_per_minute()


def text_of(moment: Moment) -> str:
    """One moment in words."""
    left = "" if moment.left_s is None else f", about {duration(moment.left_s)} left"
    return (
        f"epoch {moment.epoch} of {moment.epochs}, {moment.share:.0%}: loss {moment.loss:.3f}, accuracy "
        f"{moment.accuracy:.3f} in training{left}"
    )


def _line_per_minute() -> Callable[[Moment], None]:
    shown_s = time.monotonic()

    def show(moment: Moment) -> None:
        nonlocal shown_s
        if time.monotonic() - shown_s >= _EVERY_S:
            shown_s = time.monotonic()
            notice(text_of(moment))

    return show


@contextlib.contextmanager
def _moving_line() -> Iterator[Callable[[Moment], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0, visible=False)

        def show(moment: Moment) -> None:
            bar.update(task, completed=moment.share, description=text_of(moment), visible=True)

        yield show
