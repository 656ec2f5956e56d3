"""A client of `mien serve`: the calls of `mien.Analyzer`, answered by a service, with the same values.

Pictures are sent as the bytes of their files (arrays and Pillow images as PNG, which loses nothing).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from mien.client.live import LiveClient
from mien.client.wire import bytes_of, reading, refuse
from mien.core.errors import ImageError, MissingExtraError, OptionError, ServiceError
from mien.core.types import Analysis, Reading

if TYPE_CHECKING:
    from mien.pictures.decode import ImageSource

__all__ = ["Client", "LiveClient"]

_LONGEST_WAIT_S = 30.0


class Client:
    """A service at an address; a context manager.

    Args:
        url: of the service, such as "http://localhost:8000" (with the path under which a proxy offers it).
        token: what the service asks for, or None; `MIEN_TOKEN` of the environment is not read.
        model: a packaged model that the service uses for these requests instead of its own.
        timeout_s: longest silence of the service.
        tries: how often a request that the service answers with 429 or 503 is sent; it waits as long as `Retry-After`
            says, at most 30 s each time.
        transport: of httpx, for tests and special networks.

    Raises:
        OptionError: the url is no http address.
        MissingExtraError: httpx is not installed (extra `client`).

    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        model: str | None = None,
        timeout_s: float = 30.0,
        tries: int = 4,
        transport: Any = None,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise MissingExtraError("mien.Client", "httpx", "client") from error
        if not url.startswith(("http://", "https://")):
            raise OptionError(f"The address of a service looks like http://localhost:8000, got {url[:80]!r}.")
        self._url, self._token, self._model, self._tries = url.rstrip("/"), token, model, max(tries, 1)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=self._url, headers=headers, timeout=timeout_s, transport=transport, trust_env=False
        )
        self._below: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def model(self) -> dict[str, Any]:
        """What the service reads with: labels, crop, training data, figures, SHA-256, as `/v1/model` tells.

        Raises:
            ServiceError: the service refuses or cannot be reached.

        """
        body: dict[str, Any] = self._ask("GET", "/v1/model")
        return body

    def analyze(self, image: ImageSource) -> list[Reading]:
        """Readings of all faces of a picture, best face first, as `mien.analyze` gives them.

        Args:
            image: path, bytes, (H, W, 3) uint8 BGR array or Pillow image.

        Raises:
            ImageError: the picture cannot be read.
            ServiceError: the service refuses or cannot be reached.

        """
        return list(self.report(image).faces)

    def report(self, image: ImageSource) -> Analysis:
        """One picture as a record that also tells its size, the detector and the model.

        Raises:
            ImageError, ServiceError: as `analyze`.

        """
        name, data = bytes_of(image)
        query = {"name": name} | ({"model": self._model} if self._model else {})
        kind = {"Content-Type": "application/octet-stream"}
        return self._analysis(self._ask("POST", "/v1/analyze", params=query, content=data, headers=kind))

    def reports(self, images: Iterable[ImageSource]) -> Iterator[Analysis]:
        """Records of many pictures, in order; one that cannot be read becomes a record with `error`.

        Raises:
            ServiceError: the service refuses or cannot be reached.

        """
        for image in images:
            try:
                yield self.report(image)
            except ImageError as error:
                name = str(image) if isinstance(image, str | os.PathLike) else "picture"
                yield Analysis(name, None, None, None, None, error=str(error))

    def video(self, path: str | os.PathLike[str], *, every_s: float = 0.1) -> Iterator[dict[str, Any]]:
        """Rows of a video's time line as they come, one per face and frame; docs/video.md describes the columns.

        The video is deleted by the service when it has been read, the rows when the iteration ends.

        Args:
            path: of the video file.
            every_s: at most one frame per so many seconds.

        Raises:
            ServiceError: the video cannot be read, or the service refuses or cannot be reached.

        """
        with Path(path).open("rb") as file:
            kind = {"Content-Type": "application/octet-stream"}
            job = self._ask("POST", "/v1/analyze/video", params={"every_s": every_s}, content=file, headers=kind)
        at = f"/v1/analyze/video/{job['id']}"
        try:
            yield from self._rows(f"{at}/events")
        finally:
            with contextlib.suppress(ServiceError):  # it may have been forgotten already
                self._ask("DELETE", at)

    def live(self) -> LiveClient:
        """A live connection, for frames of a camera; a context manager, which connects at the start of its block.

        Raises:
            ServiceError: the service refuses or cannot be reached.
            MissingExtraError: websockets is not installed (extra `client`).

        """
        query = f"?{urlencode({'model': self._model})}" if self._model else ""
        return LiveClient("ws" + self._url.removeprefix("http") + f"/v1/live{query}", self._token)

    def _rows(self, address: str) -> Iterator[dict[str, Any]]:
        name = ""
        with self._reached(), self._http.stream("GET", address) as answer:
            if answer.is_error:
                answer.read()
                refuse(answer)
            for line in answer.iter_lines():
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data" and name == "rows":
                    yield from json.loads(value)
                elif key == "data" and name == "state" and (error := json.loads(value)["error"]):
                    raise ServiceError(error)

    def _analysis(self, body: Mapping[str, Any]) -> Analysis:
        below = self._threshold(body["model"])
        faces = tuple(reading(face, below) for face in body["faces"])
        named = {key: body[key] for key in ("source", "width", "height", "detector", "model", "error")}
        return Analysis(**named, faces=faces)

    def _threshold(self, model: str | None) -> float:
        """Confidence below which readings are uncertain; asked once per model."""
        key = model or ""
        if key not in self._below:
            query = {"model": self._model} if self._model else {}
            self._below[key] = float(self._ask("GET", "/v1/model", params=query)["uncertain_below"])
        return self._below[key]

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise ServiceError(f"The service at {self._url} cannot be reached: {why}.") from error

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        for left in reversed(range(self._tries)):
            with self._reached():
                answer = self._http.request(method, path, **options)
            if answer.status_code not in (429, 503) or not left:
                break
            time.sleep(_wait_s(answer.headers.get("retry-after", "")))
            if hasattr(options.get("content"), "seek"):
                options["content"].seek(0)
        if answer.is_error:
            refuse(answer)
        return answer.json() if answer.content else None


def _wait_s(text: str) -> float:
    return min(float(text), _LONGEST_WAIT_S) if text.isdigit() else 1.0
