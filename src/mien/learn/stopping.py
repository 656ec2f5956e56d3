"""Ctrl-C and `kill` as a flag that a training loop checks, so that it ends in order; the second one ends at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, final

__all__ = ["Stop", "announce", "heeding_signals"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@final
class Stop:
    """Whether a signal has asked the program to stop.

    Args:
        tell: is called with the signal's name, in its handler, when the first one comes.

    """

    def __init__(self, tell: Callable[[str], None] = lambda _name: None) -> None:
        self.signal = 0
        self._tell = tell
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.signal != 0

    def listen(self) -> None:
        """Take the signals over, also from a library that has taken them meanwhile; ignored ones stay ignored."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            handler = signal.getsignal(number) if number is not None else None
            if number is None or handler in (signal.SIG_IGN, self._heed):
                continue
            self._before.setdefault(number, handler)
            signal.signal(number, self._heed)

    def let_go(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _heed(self, number: int, _frame: FrameType | None) -> None:
        if self.signal:
            self.let_go()
            os.kill(os.getpid(), number)
            return
        self.signal = number
        self._tell(signal.Signals(number).name)


def announce(_name: str) -> None:
    """Say on standard error what the first signal does; safe in a signal's handler."""
    with contextlib.suppress(OSError):
        os.write(2, b"\nStopping: the best epoch so far is finished as a model. Once more ends at once.\n")


@contextlib.contextmanager
def heeding_signals(tell: Callable[[str], None] = lambda _name: None) -> Iterator[Stop]:
    """Signals that would end the program are a wish while the block lasts; see `Stop`."""
    stop = Stop(tell)
    stop.listen()
    try:
        yield stop
    finally:
        stop.let_go()
