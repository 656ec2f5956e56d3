"""Keeps the warnings of picture libraries from the terminal, in several threads at once. Knows no formats."""

from __future__ import annotations

import threading
import warnings
from types import TracebackType

__all__ = ["Quiet"]


class Quiet:
    """While one thread or more is inside, warnings that Pillow's own modules raise are dropped, and no others.

    `warnings.catch_warnings` belongs to the whole process: threads that leave it in another order than they entered
    would leave its filters behind. So the first thread in sets the filter, and the last one out takes it back.
    """

    def __init__(self, module: str = r"PIL\.") -> None:
        self._module = module
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=self._module)
            self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(kind, error, trace)
