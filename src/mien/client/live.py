"""A live connection to `mien serve`: frames there, readings back."""

from __future__ import annotations

import contextlib
import json
import struct
from functools import partial
from typing import TYPE_CHECKING, Self

from mien.client.wire import bytes_of, reading, told
from mien.core.errors import ImageError, MissingExtraError, ServiceError
from mien.core.types import Reading

if TYPE_CHECKING:
    from mien.pictures.decode import ImageSource

__all__ = ["LiveClient"]


class LiveClient:
    """Frames to a service and readings back, one after the other; a context manager. `Client.live` opens it."""

    def __init__(self, address: str, token: str | None) -> None:
        try:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect
        except ImportError as error:
            raise MissingExtraError("mien.Client.live", "websockets", "client") from error
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._address, self._below, self._number = address, 0.0, 0
        self._lost = (OSError, WebSocketException)
        self._stack = contextlib.ExitStack()
        self._connect = partial(connect, address, additional_headers=headers, proxy=None, compression=None)
        self.labels: tuple[str, ...] = ()
        """The labels of the readings, known from the start of the block on."""

    def __enter__(self) -> Self:
        try:
            self._socket = self._stack.enter_context(self._connect())
            hello = json.loads(self._socket.recv())
            self.labels, self._below = tuple(hello["labels"]), float(hello["uncertain_below"])
        except self._lost as error:
            self._stack.close()
            answer = getattr(error, "response", None)  # of a service that refused before the connection was open
            if answer is not None and (said := told(answer.body)) is not None:
                raise ServiceError(said[1]) from error
            raise ServiceError(f"The service at {self._address} cannot be reached: {error}.") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, frame: ImageSource, time_s: float) -> list[Reading]:
        """Readings of a frame, with their tracks and smoothed probabilities.

        Args:
            frame: JPEG bytes, a path, (H, W, 3) uint8 BGR array or Pillow image.
            time_s: when it was taken, in seconds; must not run backwards.

        Raises:
            ImageError: the frame cannot be read.
            ServiceError: the connection is lost.

        """
        self._number += 1
        try:
            self._socket.send(struct.pack("<Id", self._number, time_s) + bytes_of(frame)[1])
            answer = json.loads(self._socket.recv())
        except self._lost as error:
            raise ServiceError(f"The live connection is lost: {error}.") from error
        if answer["type"] == "error":
            raise ImageError("", answer["message"], code="unusable")
        return [reading(face, self._below) for face in answer["faces"]]
