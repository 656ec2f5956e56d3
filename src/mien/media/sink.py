"""Where frames and readings go: the sinks' protocol, and a thread that feeds several of them.

The time line, the annotated video and the report are sinks of their own.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from mien.core.errors import VideoError
from mien.core.types import Frame, Reading

__all__ = ["BackgroundSinks", "Sink", "close_all"]

_POLL_S = 0.1

Item = tuple[Frame, Sequence[Reading]]


class Sink(Protocol):
    """Takes frames in order; what it makes exists when it is closed."""

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Take one frame with what was read from it."""
        ...

    def close(self) -> None:
        """Finish what it makes; called once, and not after `abort`."""
        ...

    def abort(self) -> None:
        """Give up: leave nothing behind."""
        ...


def close_all(sinks: Sequence[Sink]) -> None:
    """Finish every sink, also when one of them fails.

    Raises:
        The first error of a sink, after the others are finished.

    """
    errors: list[BaseException] = []
    for sink in sinks:
        try:
            sink.close()
        except BaseException as error:  # noqa: BLE001 (raised below)
            errors.append(error)
    if errors:
        raise errors[0]


class BackgroundSinks:
    """Feeds sinks in a thread of its own, so that writing and analysing overlap; a context manager.

    Leaving the block finishes the sinks. It also does so when a person stops the run (`KeyboardInterrupt`) or the
    source fails half-way (`VideoError`): what was read until then is whole. Any other error gives the sinks up.

    Args:
        sinks: fed in this order; owned by this object from now on.
        size: how many frames may wait; `write` blocks when they do.

    """

    def __init__(self, sinks: Sequence[Sink], *, size: int = 8) -> None:
        self._sinks = tuple(sinks)
        self._queue: queue.Queue[Item | None] = queue.Queue(size)
        self._error: BaseException | None = None
        self._failed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mien-write", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, KeyboardInterrupt | VideoError):
            self.close()
        else:
            self.abort()

    def write(self, frame: Frame, readings: Sequence[Reading]) -> None:
        """Hand one frame over.

        Raises:
            The error of a sink, on the first call after it happened.

        """
        self._put((frame, readings))
        self._raise()

    def close(self) -> None:
        """Wait until everything is written, then finish every sink, also when one of them fails.

        Raises:
            The first error of a sink; the other sinks are finished all the same.

        """
        try:
            self._put(None)
            self._thread.join()
        except KeyboardInterrupt:  # stopped again while the rest is being written
            self.abort()
            raise
        if self._error is not None:
            self._abort_all()
            self._raise()
        close_all(self._sinks)

    def abort(self) -> None:
        """Drop what waits and give every sink up."""
        self._failed.set()
        self._put(None)
        self._thread.join()
        self._abort_all()

    def _abort_all(self) -> None:
        for sink in self._sinks:
            sink.abort()

    def _put(self, item: Item | None) -> None:
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=_POLL_S)
                return

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._failed.is_set():
                continue
            try:
                for sink in self._sinks:
                    sink.write(*item)
            except BaseException as error:  # noqa: BLE001 (raised again by `write` or `close`)
                self._error = error
                self._failed.set()
