"""A web service of its own on loopback, and clients that keep it busy for a bounded time.

Knows the command `mien serve` and its routes; knows no model.
"""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO

from mien.core.errors import MienError

__all__ = ["Answers", "live_frames", "pictures", "running"]

_START_S = 60.0  # longest start
_STOP_S = 15.0
_ANSWER_S = 30.0  # longest wait for one answer
_ADDRESS = "http://localhost:"


@dataclass(frozen=True)
class Answers:
    """What came back: seconds of each answer, how many requests were refused or failed, and the time of the whole."""

    times_s: Sequence[float]
    failed: int
    seconds: float


@contextlib.contextmanager
def running(options: Sequence[str]) -> Iterator[int]:
    """A service on a free port of this machine, in a process of its own; gives the port once it is ready.

    Args:
        options: further options of `mien serve`.

    Raises:
        MienError: the service ended or was not ready in time; its own message is passed on.

    """
    command = [sys.executable, "-m", "mien", "serve", "--host", "127.0.0.1", "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    drain = threading.Thread(target=process.stderr.read, daemon=True)  # so that its pipe never fills
    try:
        port = _port(process.stderr)
        drain.start()
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if drain.ident is not None:
            drain.join()
        process.stderr.close()


def _port(lines: IO[str]) -> int:
    said: list[str] = []
    for line in lines:
        said.append(line.strip())
        if _ADDRESS in line:
            return int(line.partition(_ADDRESS)[2].partition("/")[0])
    raise MienError(f"The service did not start: {' '.join(said).removeprefix('Error: ') or 'it said nothing'}")


def _wait(process: subprocess.Popen[str], port: int) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), _opener().open(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return
        time.sleep(0.05)
    raise MienError(f"The service was not ready within {_START_S:.0f} seconds.")


def _opener() -> urllib.request.OpenerDirector:
    """Requests that no proxy of the environment sees: the service is on this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def pictures(port: int, picture: bytes, clients: int, requests: int, seconds: float) -> Answers:
    """Clients that send a JPEG again as soon as they were answered.

    Args:
        port: of the service.
        picture: what is sent.
        clients: how many ask at the same time.
        requests: together, at most.
        seconds: no request is begun after so long.

    """
    counter = _Counter(requests, seconds)

    def client() -> tuple[list[float], int]:
        times: list[float] = []
        failed = 0
        opener = _opener()
        url, headers = f"http://127.0.0.1:{port}/v1/analyze", {"Content-Type": "image/jpeg"}
        while counter.next():
            start = time.perf_counter()
            try:
                with opener.open(urllib.request.Request(url, picture, headers), timeout=_ANSWER_S) as answer:
                    answer.read()
                times.append(time.perf_counter() - start)
            except (urllib.error.URLError, OSError):
                failed += 1
        return times, failed

    return _together(client, clients)


def live_frames(port: int, picture: bytes, connections: int, frames: int, seconds: float) -> Answers:
    """Live connections, each with one frame on its way; arguments as `pictures`."""
    counter = _Counter(frames, seconds)

    def connection() -> tuple[list[float], int]:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        times: list[float] = []
        try:
            with connect(f"ws://127.0.0.1:{port}/v1/live", proxy=None, compression=None) as socket:
                socket.recv(_ANSWER_S)
                number = 0
                while counter.next():
                    number += 1
                    start = time.perf_counter()
                    socket.send(struct.pack("<Id", number, start) + picture)
                    while json.loads(socket.recv(_ANSWER_S)).get("id") != number:
                        pass
                    times.append(time.perf_counter() - start)
        except (WebSocketException, OSError):
            return times, 1
        return times, 0

    return _together(connection, connections)


class _Counter:
    """Hands out a bounded number of turns in a bounded time, to several threads."""

    def __init__(self, turns: int, seconds: float) -> None:
        self._left, self._end = turns, time.monotonic() + seconds
        self._lock = threading.Lock()

    def next(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0 and time.monotonic() < self._end


def _together(client: Callable[[], tuple[list[float], int]], count: int) -> Answers:
    start = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        found = [future.result() for future in [pool.submit(client) for _ in range(count)]]
    times = [t for part, _ in found for t in part]
    return Answers(times, sum(failed for _, failed in found), time.perf_counter() - start)
