"""What the tests of the service share: a running service, and things to send to it."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A running service."""

    port: int
    app: Any

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 30, **headers: str) -> Answer:
        """One request; underscores in the names of headers stand for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def raw(self, data: bytes, timeout: float = 30) -> bytes:
        """Send bytes as they are; everything that comes back until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as link:
            link.sendall(data)
            parts = []
            while part := link.recv(65536):
                parts.append(part)
            return b"".join(parts)


@contextmanager
def running(**settings: Any) -> Iterator[Served]:
    """Serve with some settings while the block lasts."""
    import uvicorn

    from mien.app.server.app import create_app
    from mien.app.server.http import config_of
    from mien.app.server.settings import Settings

    app = create_app(Settings(**settings))
    listener = socket.create_server(("127.0.0.1", 0))
    config = config_of(app, app.state.service)
    config.log_config = None
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield Served(listener.getsockname()[1], app)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def form(*files: tuple[str, bytes]) -> tuple[bytes, str]:
    """Body and content type of a multipart form with files."""
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="image"; filename="'
        + name.encode()
        + b'"\r\nContent-Type: image/png\r\n\r\n'
        + data
        + b"\r\n"
        for name, data in files
    ]
    return b"".join(parts) + b"--edge--\r\n", "multipart/form-data; boundary=edge"


def png(width: int, height: int, mode: str = "L") -> bytes:
    """A picture of one colour as PNG."""
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, (width, height), 1).save(file, "png")
    return file.getvalue()


def drawn_set(folder: Any, counts: Any = (("joy", 24), ("gloom", 21), ("rare", 4))) -> Any:
    """A data set of noise pictures in two splits and two sizes, so many per class in training; gives its folder."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for split, part in (("train", 1.0), ("test", 0.25)):
        for label, count in counts:
            place = folder / split / label
            place.mkdir(parents=True)
            for number in range(round(count * part)):
                side = (40, 90)[number % 2]
                noise = rng.integers(0, 255, (side, side), np.uint8)
                Image.fromarray(noise).save(place / f"{number}.png")
    return folder
