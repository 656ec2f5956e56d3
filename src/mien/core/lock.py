"""One process at a time: a lock that is a file, and that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["claimed", "locked"]

_POLL_S = 0.05
_LOCKED_BYTE = 1 << 30
"""Windows locks bytes, and nobody else can read those; this one lies behind all that is written."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of this name while the block lasts; others who ask for it wait.

    The file is removed at the end where the system allows it. On a file system without locks nobody waits.

    Raises:
        OSError: the file cannot be created.

    """
    handle = _take(path, _wait_for)
    assert handle is not None  # who waits gets it
    with _released(path, handle):
        yield


@contextlib.contextmanager
def claimed(path: Path, refusal: Callable[[str], Exception]) -> Iterator[None]:
    """Hold the lock of this name while the block lasts; nobody waits for it.

    It ends with the process, however that ends, and the file says who holds it. On a file system without locks nobody
    is refused.

    Args:
        path: the lock's file; its folder exists.
        refusal: the error for who comes second; it is given the holder, such as "process 12 on host (since 09:30 UTC)".

    Raises:
        OSError: the file cannot be created.

    """
    handle = _take(path, _try_lock)
    if handle is None:
        raise refusal(_holder(path))
    with _released(path, handle):
        since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()} (since {since})".encode())
        yield


def _holder(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")[:200] or "another process"
    except OSError:
        return "another process"


@contextlib.contextmanager
def _released(path: Path, handle: int) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps files that are open
            path.unlink()
        os.close(handle)


def _take(path: Path, lock: Callable[[int], bool]) -> int | None:
    """The open and locked file, or None where `lock` gives up."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            taken = lock(handle)
            if taken and _is_still(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if not taken:
            return None
        # The one before removed the file while this one waited: once more, with the new file.


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _wait_for(handle: int) -> bool:
    if sys.platform == "win32":
        while not _try_lock(handle):
            time.sleep(_POLL_S)
        return True
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    return True


def _try_lock(handle: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        os.lseek(handle, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
