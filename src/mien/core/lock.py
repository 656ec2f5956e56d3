"""One process at a time: a lock that is a file, and that ends with the process that holds it.

Knows nothing of what it guards.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["locked"]

_POLL_S = 0.05


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of this name while the block lasts; others who ask for it wait.

    The file is removed at the end where the system allows it. On a file system without locks nobody waits.

    Raises:
        OSError: the file cannot be created.

    """
    handle = _take(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps files that are open
            path.unlink()
        os.close(handle)


def _take(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _wait_for(handle)
            if _is_still(path, handle):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # the one before removed the file while this one waited


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _wait_for(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        while True:
            with contextlib.suppress(OSError):
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
                return
            time.sleep(_POLL_S)
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
