"""Live pictures over a WebSocket: JPEG frames in, readings out; the newest frame wins.

A message from the client is 4 bytes (frame number, unsigned), 8 bytes (capture time in seconds, float), both little
endian, then the picture. An answer is JSON; it counts for its frame and all earlier ones, which were left out.
`docs/serving.md` specifies it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import struct
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, final

from starlette.websockets import WebSocket, WebSocketDisconnect

from mien.app.server.guard import SUBPROTOCOL, subprotocols_of
from mien.app.server.problems import Problem, response_to, sentence_of
from mien.app.server.service import Service
from mien.app.server.watch.stages import note_stages
from mien.app.server.work.reading import LiveFrame, Spoken, end_stream, read_frame, spoken_of
from mien.core.errors import ImageError, ServiceError, unknown_name

__all__ = ["LiveConnection"]

_HEADER = struct.Struct("<Id")
_MOST_BAD = 20  # frames in a row that are no pictures: then the client is at fault
_BURST_S = 4.0  # seconds' worth of frames that may come at once


@dataclass(frozen=True)
class _Sent:
    number: int
    time_s: float
    picture: bytes


class _Refused(Exception):  # noqa: N818 - not a fault of the program
    """The client does what it must not; the connection is closed with a code of RFC 6455."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@final
class LiveConnection:
    """One live connection from its handshake to its end.

    Args:
        socket: not yet accepted.
        service: whose worker reads the frames, how large and how many they may be, where they are counted.

    """

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self._socket = socket
        self._service = service
        self._worker = service.pool.pin()
        self._limits = service.settings.limits
        self._metrics = service.metrics
        self._stream = secrets.token_hex(8)
        self._newest: _Sent | None = None
        self._came = asyncio.Event()
        self._bad = 0
        self._model: str | None = None

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        try:
            hello = await self._hello()
        except Problem as problem:
            self._metrics.count("mien_refused_total", reason=problem.reason)
            await self._socket.send_denial_response(response_to(problem))
            return
        asked = subprotocols_of(self._socket.scope)
        await self._socket.accept(SUBPROTOCOL if SUBPROTOCOL in asked else None)
        await self._socket.send_json(hello)
        tasks = {asyncio.create_task(part()) for part in (self._receive, self._answer, self._retire)}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _Refused as refused:
            await self._close(refused)
        except (WebSocketDisconnect, RuntimeError):
            return  # the client went away, perhaps while an answer was being sent
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(Problem, ServiceError):
                await self._worker.run(partial(end_stream, stream=self._stream), "live")

    async def _hello(self) -> dict[str, Any]:
        """The greeting, once the model is known.

        Raises:
            Problem: 422, an unknown model or parameter; 503, the models are not loaded yet.

        """
        asked = self._socket.query_params
        for name in asked:
            if name != "model":
                raise Problem(422, unknown_name("parameter", name, ["model"]))
        self._model = self._service.chosen(asked.get("model"))
        facts = self._service.facts
        spoken = Spoken(facts.labels, facts.model, facts.told["uncertain_below"])
        if self._model is not None:
            try:
                spoken = await self._worker.run(partial(spoken_of, model=self._model), "live")
            except ServiceError as error:
                told = "The process that opened this model ended; try again in a moment."
                raise Problem(503, told, {"Retry-After": "1"}, code=error.code) from error
        return {"type": "hello", "detector": facts.detector, **asdict(spoken)}

    async def _retire(self) -> None:
        """End when another service has taken the place of this one."""
        await self._service.retired.wait()
        raise _Refused(1012, "The service was given other settings; connect again.")

    async def _close(self, refused: _Refused) -> None:
        self._metrics.count("mien_frames_total", result="refused")
        try:
            await self._socket.close(refused.code, refused.reason)
        except RuntimeError:
            return  # closed already

    async def _receive(self) -> None:
        """Take frames as they come; only the newest is kept."""
        rate = self._limits.frames_per_s
        level, then = rate * _BURST_S, time.monotonic()
        while True:
            try:
                data = await asyncio.wait_for(self._socket.receive(), self._limits.idle_s)
            except TimeoutError:
                raise _Refused(1000, "No frame came for a while.") from None
            if data["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            now = time.monotonic()
            level, then = min(rate * _BURST_S, level + (now - then) * rate) - 1, now
            if level < 0:
                raise _Refused(1008, "Too many frames.")
            if self._newest is not None:
                self._metrics.count("mien_frames_total", result="left_out")
            self._newest = self._parse(data.get("bytes"))
            self._came.set()

    def _parse(self, data: bytes | None) -> _Sent:
        if data is None:
            raise _Refused(1003, "Frames are binary messages.")
        if len(data) <= _HEADER.size:
            raise _Refused(1003, "A frame is 12 bytes of header and a picture.")
        if len(data) > self._limits.frame_bytes + _HEADER.size:
            raise _Refused(1009, "The frame is too large.")
        number, time_s = _HEADER.unpack_from(data)
        if not math.isfinite(time_s):
            raise _Refused(1003, "The capture time must be a finite number of seconds.")
        return _Sent(number, time_s, data[_HEADER.size :])

    async def _answer(self) -> None:
        """Read the newest frame, again and again."""
        while True:
            await self._came.wait()
            self._came.clear()
            sent, self._newest = self._newest, None
            if sent is None:
                continue
            await self._socket.send_json(await self._read(sent))

    async def _read(self, sent: _Sent) -> dict[str, Any]:
        start = time.perf_counter()
        try:
            read = await self._worker.run(partial(read_frame, frame=self._frame(sent)), "live")
        except ImageError as error:
            self._bad += 1
            self._metrics.count("mien_frames_total", result="bad")
            if self._bad >= _MOST_BAD:
                raise _Refused(1007, "Too many frames that are no pictures.") from error
            return {"type": "error", "id": sent.number, "message": sentence_of(error)}
        except ServiceError:
            self._metrics.count("mien_frames_total", result="lost")
            told = "The process that read this frame ended; the next frames begin anew."
            return {"type": "error", "id": sent.number, "message": told}
        size, readings = read.value
        self._bad = 0
        whole = time.perf_counter() - start
        note_stages(self._metrics, None, "live", {**read.stages, "whole": whole})
        self._metrics.count("mien_frames_total", result="read")
        self._metrics.count("mien_faces_total", len(readings), kind="live")
        return {
            "type": "reading",
            "id": sent.number,
            "time_s": sent.time_s,
            "width": size[0],
            "height": size[1],
            "faces": [reading.to_dict() for reading in readings],
            "server_ms": whole * 1e3,
        }

    def _frame(self, sent: _Sent) -> LiveFrame:
        limits = self._limits
        own = (self._stream, sent.number, sent.time_s, sent.picture)
        return LiveFrame(*own, limits.frame_pixels, limits.faces, self._model)
