"""The other side of `mien.app.server.work.homes.Apart`: a process that opens the models and does what it is sent."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from mien.core.errors import MienError

__all__ = ["Done", "Failed", "Item", "Stream", "attend"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # meant for the service, which ends us when its work is done


@dataclass(frozen=True)
class Stream:
    """A longer piece of work about a file: `path`, or the handle that follows."""

    work: Callable[[Any, str], Iterator[Any]]
    path: str | None


@dataclass(frozen=True)
class Item:
    """Something that a longer piece of work gives."""

    value: Any


@dataclass(frozen=True)
class Done:
    """The end of a piece of work, with its result."""

    value: Any = None


@dataclass(frozen=True)
class Failed:
    """The end of a piece of work that failed."""

    error: BaseException


def attend(link: Connection, make: Callable[[], Any]) -> None:
    """Do what comes over the link until its other end is closed, be it by the death of the service.

    Args:
        link: brings pieces of work (see `mien.app.server.work.homes`), takes `Item`, `Done` and `Failed`.
        make: opens the models.

    """
    for name in _SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        try:
            models = make()
        except MienError as error:
            link.send(Failed(error))
            return
        link.send(Done())
        while True:
            work = link.recv()
            if work is not None:  # None stops a stream, and may come after its end
                _answer(link, models, work)


def _answer(link: Connection, models: Any, work: Any) -> None:
    try:
        if isinstance(work, Stream):
            _stream(link, models, work)
            link.send(Done())
        else:
            link.send(Done(work(models)))
    except (EOFError, OSError):
        raise
    except BaseException as error:  # noqa: BLE001 - raised again where the work was asked for
        link.send(Failed(_portable(error)))


def _stream(link: Connection, models: Any, work: Stream) -> None:
    handle = reduction.recv_handle(link) if work.path is None else None
    path = work.path if handle is None else f"{_open_files()}/{handle}"
    try:
        for item in work.work(models, str(path)):
            link.send(Item(item))
            if link.poll():
                link.recv()
                return
    finally:
        if handle is not None:
            os.close(handle)


def _open_files() -> str:
    return "/proc/self/fd" if Path("/proc/self/fd").is_dir() else "/dev/fd"


def _portable(error: BaseException) -> BaseException:
    """The error itself, with the way to it as a note, if it survives the journey; else one that tells its type."""
    if not isinstance(error, MienError):
        error.add_note("".join(traceback.format_tb(error.__traceback__)))
    try:
        pickle.loads(pickle.dumps(error))
    except (pickle.PicklingError, TypeError, AttributeError, ValueError):
        return RuntimeError(f"{type(error).__name__} in the process of a worker.")
    return error
