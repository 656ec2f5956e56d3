"""Threads around a source of frames: the newest frame of a camera, and reading a file ahead.

A camera does not wait: whoever is slower than it must leave frames out, or the picture lags behind the world more
and more. A file does wait, and no frame of it may be lost.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from mien.core.errors import VideoError
from mien.core.types import Frame

__all__ = ["NewestFrames", "ReadAhead"]

_JOIN_S = 1.0  # a thread inside a driver's read cannot be stopped from outside; it is a daemon and ends with it
_POLL_S = 0.1


class _Pump:
    """A thread that reads frames until the source ends, fails, or the pump is closed."""

    def __init__(self, frames: Iterable[Frame], name: str) -> None:
        self._frames = frames
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        raise NotImplementedError

    def close(self) -> None:
        """Stop the thread and drop what it holds; may be called twice. The frames' source is not closed."""
        self._stop.set()
        self._release()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            for frame in self._frames:
                self._put(frame)
                if self._stop.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 (raised again where the frames are taken)
            self._error = error
        finally:
            self._finish()

    def _put(self, frame: Frame) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        raise NotImplementedError

    def _release(self) -> None:
        raise NotImplementedError

    def _end(self) -> BaseException:
        """What to raise once there are no more frames: the source's error, once, then the end."""
        error, self._error = self._error, None
        return error if error is not None else StopIteration()


class NewestFrames(_Pump):
    """The newest frame of a camera, each at most once; frames that nobody took in time are dropped.

    Args:
        frames: the camera's frames; read by a thread of this object from now on.
        timeout_s: a camera that sends nothing for so many seconds has stalled.

    Raises:
        VideoError: on `next`, when the camera stalled. An error of the source is raised on `next` as it is.

    """

    def __init__(self, frames: Iterable[Frame], *, timeout_s: float = 10.0) -> None:
        super().__init__(frames, "mien-camera")
        self.dropped = 0
        """How many frames were replaced by a newer one before anybody took them."""
        self.arrived_s = 0.0
        """When the frame that was taken last had come, on the clock of `time.monotonic`."""
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._newest_s = 0.0
        self._done = False
        self._thread.start()

    def __next__(self) -> Frame:
        with self._changed:
            if not self._changed.wait_for(lambda: self._newest is not None or self._done, self._timeout_s):
                raise VideoError(f"The camera sent no picture for {self._timeout_s:g} seconds; is it still on?")
            frame, self._newest = self._newest, None
            if frame is None:
                raise self._end()
            self.arrived_s = self._newest_s
            return frame

    def _put(self, frame: Frame) -> None:
        with self._changed:
            self.dropped += self._newest is not None
            self._newest, self._newest_s = frame, time.monotonic()
            self._changed.notify()

    def _finish(self) -> None:
        with self._changed:
            self._done = True
            self._changed.notify()

    def _release(self) -> None:
        with self._changed:
            self._newest = None
            self._done = True
            self._changed.notify()


class ReadAhead(_Pump):
    """Decodes a file a few frames ahead of whoever takes them, so that decoding and analysing overlap; loses none.

    Args:
        frames: the file's frames; read by a thread of this object from now on.
        size: how many frames to hold at most.

    Raises:
        An error of the source is raised on `next`, after the frames that came before it.

    """

    def __init__(self, frames: Iterable[Frame], *, size: int = 8) -> None:
        super().__init__(frames, "mien-decode")
        self._queue: queue.Queue[Frame | None] = queue.Queue(size)
        self._over = False
        self._thread.start()

    def __next__(self) -> Frame:
        while not (self._over or self._stop.is_set()):
            frame = self._queue.get()
            if frame is not None:
                return frame
            self._over = True
        raise self._end()

    def _put(self, frame: Frame | None) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put(frame, timeout=_POLL_S)
                return

    def _finish(self) -> None:
        self._put(None)

    def _release(self) -> None:
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                return
