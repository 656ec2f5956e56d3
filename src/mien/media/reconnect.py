"""A live source that comes back after a break: opened again and again for a while; its times go on with the clock.

The caller gives the function that opens the source.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from mien.core.errors import VideoError
from mien.core.types import Image
from mien.media.readers import Reader

__all__ = ["ReconnectingReader"]

_BETWEEN_S = 1.0  # tries to open it


class ReconnectingReader:
    """A reader whose source may break off; a file or a source that ends by itself is not meant.

    Args:
        open_reader: opens the source, and raises `VideoError` where it cannot.
        patience_s: for how long after a break it is tried.

    Raises:
        VideoError: it cannot be opened the first time.

    """

    live = True

    def __init__(self, open_reader: Callable[[], Reader], patience_s: float) -> None:
        self._open = open_reader
        self._patience_s = patience_s
        self._closed = threading.Event()
        self._reader = open_reader()
        self._offset_s = 0.0
        self._last_s: float | None = None
        self._came_s = time.monotonic()
        self.name, self.fps = self._reader.name, self._reader.fps
        self.frame_count: int | None = None
        self.gap_s = 0.0
        """How long nothing came before the picture that was grabbed last."""
        self._breaks: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What was not as it should be."""
        return [*self._reader.notes, *self._breaks]

    @property
    def start_s(self) -> float:
        """Time of the first picture."""
        return self._reader.start_s

    @property
    def clock_s(self) -> float:
        """Time at which players begin to count."""
        return self._reader.clock_s

    def grab(self) -> float | None:
        """Go to the next picture: its time, or None after `close`.

        Raises:
            VideoError: it broke off and did not come back in time.

        """
        self.gap_s = 0.0
        try:
            time_s = self._reader.grab()
            problem = (self.name, "ended.")
        except VideoError as error:
            time_s, problem = None, (error.subject or self.name, error.reason)
        if self._closed.is_set():
            return None
        if time_s is None:
            time_s = self._again(problem)
        if time_s is not None:
            self._last_s, self._came_s = time_s + self._offset_s, time.monotonic()
        return self._last_s if time_s is not None else None

    def picture(self) -> Image | None:
        """The picture that was grabbed last, or None when it is damaged."""
        return self._reader.picture()

    def place(self) -> str:
        """Time of the picture that was grabbed last."""
        return f"{self._last_s or 0:.2f} s"

    def seek(self, time_s: float) -> None:
        """Do nothing: what is live has no past."""

    def close(self) -> None:
        """Let go of the source; may be called twice."""
        self._closed.set()
        self._reader.close()

    def _again(self, problem: tuple[str, str]) -> float | None:
        """Time that the first picture after the break states, or None when it was closed meanwhile."""
        self._reader.close()
        broke_s, until_s = self._last_s or 0.0, time.monotonic() + self._patience_s
        while not self._closed.is_set() and time.monotonic() < until_s:
            try:
                self._reader = self._open()
                time_s = self._reader.grab()
            except VideoError:
                time_s = None
            if time_s is None:
                self._reader.close()
                self._closed.wait(min(_BETWEEN_S, max(0.0, until_s - time.monotonic())))
                continue
            self.gap_s = time.monotonic() - self._came_s
            self._offset_s = broke_s + self.gap_s - time_s
            self._breaks.append(
                f"The source broke off at {broke_s:.1f} s and came back at {broke_s + self.gap_s:.1f} s."
            )
            return time_s
        if self._closed.is_set():
            return None
        subject, reason = problem
        told = f"{reason} It did not come back within {self._patience_s:g} seconds."
        raise VideoError(subject, told, code="unreadable")
