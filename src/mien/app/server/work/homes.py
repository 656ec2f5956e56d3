"""Where models live: in the service's own process (`Here`), or in a process of their own (`Apart`).

A piece of work is a function that takes the models; for `Apart` it can be pickled. A process that ends, however it
ends, is started again; the piece of work that it had in hand ends in an error with the code `ended_process`.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import threading
from collections.abc import Callable, Generator, Iterator
from multiprocessing import reduction
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, Protocol, TypeVar, final

from mien.app.server.work.apart import Done, Failed, Item, Stream, attend
from mien.app.server.work.reading import Models
from mien.app.server.work.uploads import Upload
from mien.core.errors import ServiceError
from mien.infer.options import AnalyzerOptions

__all__ = ["ENDED", "Apart", "Here", "Home"]

_T = TypeVar("_T")
ENDED: Final = "ended_process"
"""Code of the error when a process ended while it had work in hand."""

_LOOK_S = 1.0  # between two looks whether an idle process still lives
_END_S = 5.0  # for a process to finish what it does


class Home(Protocol):
    """Where models live; used by one thread at a time."""

    @property
    def look_s(self) -> float | None:
        """Seconds after which an idle worker should `look_after` it; None for never."""

    def look_after(self) -> None:
        """Open the models where they are not open."""

    def do(self, work: Callable[[Any], _T]) -> _T:
        """Result of a piece of work."""

    def stream(self, work: Callable[[Any, str], Iterator[Any]], upload: Upload) -> Generator[Any, None, None]:
        """What a longer piece of work gives from time to time, about a file; closing it stops the work."""

    def close(self) -> None:
        """Let the models go; may be called twice."""


@final
class Here:
    """Models in this process.

    Args:
        make: opens them.

    """

    look_s = None

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._models: Any = None

    def look_after(self) -> None:
        """Open the models, once."""
        if self._models is None:
            self._models = self._make()

    def do(self, work: Callable[[Any], _T]) -> _T:
        """See `Home`."""
        self.look_after()
        return work(self._models)

    def stream(self, work: Callable[[Any, str], Iterator[Any]], upload: Upload) -> Generator[Any, None, None]:
        """See `Home`."""
        self.look_after()
        yield from work(self._models, upload.path)

    def close(self) -> None:
        """See `Home`."""
        self._models = None


@final
class Apart:
    """Models in a process of their own, which ends with this one, however this one ends.

    Args:
        options: how pictures are read.
        on_restart: told when the process had ended and was started again.

    """

    look_s = _LOOK_S

    def __init__(self, options: AnalyzerOptions, on_restart: Callable[[], None] = lambda: None) -> None:
        self._options = options
        self._on_restart = on_restart
        self._process: BaseProcess | None = None
        self._link: Connection | None = None
        self._lock = threading.Lock()
        self._broken = False
        """Whether the link told that the process ended, which the system may say a moment later."""

    @property
    def pid(self) -> int | None:
        """Number of the process, while there is one."""
        return None if self._process is None else self._process.pid

    def look_after(self) -> None:
        """Start the process where it does not live.

        Raises:
            OptionError, ModelError, StoreError: the models cannot be opened.
            ServiceError: it ended before it had opened them.

        """
        if self._process is not None and not self._broken and self._process.is_alive():
            return
        again = self._process is not None
        self.close()
        self._start()
        if again:
            self._on_restart()

    def do(self, work: Callable[[Any], _T]) -> _T:
        """See `Home`.

        Raises:
            ServiceError: the process ended before it had answered.

        """
        self.look_after()
        try:
            self._send(work)
        except ServiceError:  # it had ended before, so nothing has begun
            self.look_after()
            self._send(work)
        answer = self._receive()
        if isinstance(answer, Failed):
            raise answer.error
        result: _T = answer.value
        return result

    def stream(self, work: Callable[[Any, str], Iterator[Any]], upload: Upload) -> Generator[Any, None, None]:
        """See `Home`.

        Raises:
            ServiceError: the process ended before the work.

        """
        self.look_after()
        self._send(Stream(work, None if upload.handle is not None else upload.path))
        if upload.handle is not None:
            self._send_handle(upload.handle)
        answer: Any = None
        try:
            while isinstance(answer := self._receive(), Item):
                yield answer.value
        finally:
            if isinstance(answer, Item):  # nobody wants the rest
                with contextlib.suppress(ServiceError):
                    self._send(None)
                    while isinstance(self._receive(), Item):
                        pass
        if isinstance(answer, Failed):
            raise answer.error

    def close(self) -> None:
        """End the process after what it is doing."""
        with self._lock:
            process, link, self._process, self._link = self._process, self._link, None, None
        atexit.unregister(self.close)
        if link is not None:
            link.close()
        if process is not None:
            process.join(_END_S)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=attend, args=(theirs, _Make(self._options)), name="mien-reader", daemon=True)
        process.start()
        theirs.close()
        self._process, self._link, self._broken = process, ours, False
        atexit.register(self.close)  # before multiprocessing's own end, which would wait for the process
        answer = self._receive()
        if isinstance(answer, Failed):
            self.close()
            raise answer.error

    def _send(self, message: object) -> None:
        try:
            self._open().send(message)
        except OSError as error:
            self._broken = True
            raise _ended() from error

    def _send_handle(self, handle: int) -> None:
        try:
            reduction.send_handle(self._open(), handle, self.pid)
        except OSError as error:
            self._broken = True
            raise _ended() from error

    def _receive(self) -> Done | Failed | Item:
        try:
            answer: Done | Failed | Item = self._open().recv()
        except (EOFError, OSError) as error:
            self._broken = True
            raise _ended() from error
        return answer

    def _open(self) -> Connection:
        if self._link is None:
            raise _ended()
        return self._link


@final
class _Make:
    """Opens the models in the other process."""

    def __init__(self, options: AnalyzerOptions) -> None:
        self._options = options

    def __call__(self) -> Models:
        return Models(self._options)


def _ended() -> ServiceError:
    return ServiceError("The process that read this ended unexpectedly.", code=ENDED)
