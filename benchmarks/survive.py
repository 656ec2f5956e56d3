"""What the service lives through: a crowd of idle and half-open sockets, bombs, kills, a full disk, long runs.

    python benchmarks/survive.py [--requests 20000] [--jobs 1000] [--only NAME ...]

Each trial starts from the same service (`mien serve --workers 2`, on loopback, with its usual limits but for
requests per minute) and ends with a check that it answers. Counts, memory and descriptors are told, and how long
`/healthz` took at most, which says little on a busy machine. Prints a table and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

_LIVE = (
    "GET /v1/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: mien.v1\r\n\r\n"
)


class Service:
    """A service in a process of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        command = [sys.executable, "-m", "mien", "serve", "--port", "0", "--workers", "2", *arguments]
        own = {**os.environ, "OMP_NUM_THREADS": "1", "MIEN_TOKEN": "", **environment}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=own)
        assert self.process.stderr is not None
        while not (found := re.search(r"localhost:(\d+)/", self.process.stderr.readline())):
            pass
        self.port = int(found[1])
        self.slowest_s = 0.0
        while self.ask("GET", "/readyz")[0] != 200:
            time.sleep(0.1)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body; status 0 where the connection broke."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            with contextlib.suppress(BrokenPipeError):  # it may be refused, and told so, before all is sent
                link.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = link.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            link.close()

    def healthy(self) -> bool:
        """Whether it says that it lives."""
        start = time.monotonic()
        status = self.ask("GET", "/healthz")[0]
        self.slowest_s = max(self.slowest_s, time.monotonic() - start)
        return status == 200

    def readers(self) -> list[psutil.Process]:
        """The processes that hold models."""
        return [p for p in psutil.Process(self.process.pid).children() if "spawn_main" in " ".join(p.cmdline())]

    def size(self) -> dict[str, int]:
        """Memory of all its processes in MB, and open descriptors of the first."""
        first = psutil.Process(self.process.pid)
        whole = [first, *self.readers()]
        return {"mb": round(sum(p.memory_info().rss for p in whole) / 1e6), "descriptors": first.num_fds()}

    def close(self) -> int:
        """End it; its status."""
        self.process.terminate()
        status = self.process.wait(60)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


def _picture() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 48), (90, 90, 90)).save(file, "png")
    return file.getvalue()


def _clip(frames: int = 20) -> bytes:
    import cv2
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip.avi"
        writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
        for level in range(frames):
            writer.write(np.full((48, 64, 3), 5 * level % 255, np.uint8))
        writer.release()
        return file.read_bytes()


@contextlib.contextmanager
def _sockets(service: Service, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        links = []
        for number in range(count):
            # Different addresses of loopback, so that the cap of one address is not all that is tried.
            link = socket.socket()
            stack.callback(link.close)
            link.bind((f"127.0.{number // 200 + 1}.{number % 200 + 1}", 0))
            with contextlib.suppress(OSError):
                link.connect(("127.0.0.1", service.port))
                link.sendall(sent)
                links.append(link)
        yield links


def idle(service: Service) -> dict[str, Any]:
    """2,000 connections that send nothing."""
    with _sockets(service, 2000, b"") as links:
        alive = service.healthy()
        return {"opened": len(links), "answered": alive, **service.size()}


def half_open(service: Service) -> dict[str, Any]:
    """2,000 connections that send half a head; afterwards all of them are gone."""
    with _sockets(service, 2000, b"GET /healthz HTTP/1.1\r\nHost: local") as links:
        alive = service.healthy()
        time.sleep(12)  # head_s is 10
        left = service.size()["descriptors"]
        return {"opened": len(links), "answered": alive, "descriptors_after_12_s": left}


def long_heads(service: Service) -> dict[str, Any]:
    """200 heads of 64 kB and 200 of 1 MB that never end."""
    found: Counter[str] = Counter()
    for size in (64_000, 1_000_000):
        for _ in range(200):
            with socket.create_connection(("127.0.0.1", service.port)) as link:
                link.settimeout(20)
                try:
                    link.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * size)
                    found[link.recv(100).split(b"\r\n")[0].decode() or "closed"] += 1
                except OSError:
                    found["closed"] += 1
    return {"answers": dict(found), **service.size()}


def bomb(service: Service) -> dict[str, Any]:
    """50 WebSockets that send 1 GB of zeros as a compressed message, which was not agreed on."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1024)) + packer.flush(zlib.Z_SYNC_FLUSH)
    frame = b"\xc2" + b"\xff" + struct.pack(">Q", len(body)) + bytes(4) + body
    codes: Counter[str] = Counter()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", service.port)) as link:
            link.settimeout(20)
            link.sendall(_LIVE.encode())
            greeting = link.recv(4096)
            codes["compression agreed on"] += b"permessage-deflate" in greeting
            with contextlib.suppress(OSError):
                link.sendall(frame)
            rest = greeting.partition(b"\r\n\r\n")[2]
            with contextlib.suppress(OSError):
                while part := link.recv(65536):
                    rest += part
            at = rest.rfind(b"\x88")
            codes[str(struct.unpack(">H", rest[at + 2 : at + 4])[0]) if at >= 0 else "cut off"] += 1
    return {"bytes_sent_each": len(frame), "closed_with": dict(codes), **service.size()}


def jobs(service: Service, count: int) -> dict[str, Any]:
    """Videos, two of three deleted while they wait or are read, or after."""
    clip, found = _clip(), Counter[str]()
    sizes = [service.size()]
    for number in range(count):
        status, body = service.ask("POST", "/v1/analyze/video", clip, Content_Type="video/x-msvideo")
        found[f"sent: {status}"] += 1
        if status == 202 and number % 3:
            path = f"/v1/analyze/video/{json.loads(body)['id']}"
            found[f"deleted: {service.ask('DELETE', path)[0]}"] += 1
        if (number + 1) % max(count // 5, 1) == 0:
            sizes.append(service.size())
    return {**found, "mb": [s["mb"] for s in sizes], "descriptors": [s["descriptors"] for s in sizes]}


def kills(service: Service) -> dict[str, Any]:
    """20 times a worker is killed while pictures come."""
    from concurrent.futures import ThreadPoolExecutor

    picture = _picture()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            answers = [pool.submit(service.ask, "POST", "/v1/analyze", picture) for _ in range(10)]
            readers = service.readers()
            if readers:
                readers[0].kill()
            found = Counter(answer.result()[0] for answer in answers)
            _TOTAL.update({f"status {status}": count for status, count in found.items()})
    shown = service.ask("GET", "/metrics")[1].decode()
    again = re.search(r"^mien_worker_restarts_total (\d+)", shown, re.MULTILINE)
    return {**_TOTAL, "restarts": int(again[1]) if again else 0}


_TOTAL: Counter[str] = Counter()


def full_disk(_service: Service) -> dict[str, Any]:
    """A video that does not fit the disk (a limit of 4 MB on files); pictures go on."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, limit[1]))
    try:
        small = Service(*_ARGUMENTS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    try:
        body = _clip()[:512] + bytes(8_000_000)
        status, told = small.ask("POST", "/v1/analyze/video", body, Content_Type="video/x-msvideo")
        after = small.ask("POST", "/v1/analyze", _picture())[0]
        return {"video": status, "told": told.decode()[:120], "picture": after}
    finally:
        small.close()


def long_run(service: Service, requests: int) -> dict[str, Any]:
    """Requests in a row; memory and descriptors after each tenth of them."""
    picture, found = _picture(), Counter[int]()
    link = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    sizes = []
    for number in range(requests):
        link.request("POST", "/v1/analyze", picture)
        answer = link.getresponse()
        answer.read()
        found[answer.status] += 1
        if (number + 1) % max(requests // 10, 1) == 0:
            sizes.append(service.size())
    link.close()
    return {"status": dict(found), "mb": [s["mb"] for s in sizes], "descriptors": [s["descriptors"] for s in sizes]}


_ARGUMENTS = ("--limit", "requests_per_minute=1000000000")


def main() -> None:
    """Try everything and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    trials: dict[str, Callable[[Service], dict[str, Any]]] = {
        "idle": idle, "half_open": half_open, "long_heads": long_heads, "bomb": bomb,
        "jobs": lambda service: jobs(service, given.jobs), "kills": kills, "full_disk": full_disk,
        "long_run": lambda service: long_run(service, given.requests),
    }  # fmt: skip
    rows: dict[str, Any] = {"load_average": os.getloadavg()[0], "descriptors_allowed_before": soft}
    for name in given.only or trials:
        service = Service(*_ARGUMENTS)
        try:
            row = trials[name](service)
            row["lives"] = service.healthy() and service.process.poll() is None
            row["slowest_healthz_s"] = round(service.slowest_s, 2)
        finally:
            row["exit"] = service.close()
        rows[name] = row
        print(f"{name:<12}{json.dumps(row)}", flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
