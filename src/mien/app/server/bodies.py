"""What a request's body holds: one picture as it is, a form of several, or JSON with base64. Decodes no picture."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from mien.app.server.problems import Problem
from mien.app.server.settings import Limits

__all__ = ["LONGEST_NAME", "RAW_KINDS", "Sent", "pictures_of"]

RAW_KINDS = ("", "application/octet-stream", "application/x-www-form-urlencoded")
"""Content types of a raw body that says nothing of what it is; the last is what curl sends unless told otherwise."""
LONGEST_NAME = 200
"""Characters of a picture's name."""

_KEYS = ("image", "img")
_IGNORED = ("enforce_detection", "silent", "anti_spoofing", "align")
"""Keys that clients of DeepFace's API send and that change nothing here."""


@dataclass(frozen=True)
class Sent:
    """One picture of a request: what to call it, and its bytes or why there are none."""

    name: str
    data: bytes = b""
    problem: str = ""


async def pictures_of(request: Request, name: str, limits: Limits) -> tuple[list[Sent], bool]:
    """The pictures that a request carries, and whether it is a list.

    Args:
        request: not read yet.
        name: what to call a picture that has no name of its own.
        limits: of the service.

    Raises:
        Problem: 400, 413, 415 or 422: the body is empty, too many pictures, of another kind, or not what it says.

    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _form(request, limits), True
    if kind == "application/json":
        return _json(await request.body(), name, limits)
    if not kind.startswith("image/") and kind not in RAW_KINDS:
        raise Problem(415, f"Send a picture (image/...), multipart/form-data or application/json, not {kind[:80]}.")
    data = await request.body()
    if not data:
        raise Problem(400, "The body is empty; send the bytes of a picture.")
    return [Sent(_tidy(name), data)], False


async def _form(request: Request, limits: Limits) -> list[Sent]:
    parser = _InMemory(request.headers, request.stream(), max_files=limits.images, max_fields=limits.images)
    parser.spool_max_size = limits.body_bytes + 1
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Problem(400, f"The form cannot be read: {error.message}") from error
    except (KeyError, ValueError) as error:
        raise Problem(400, "The form cannot be read: it has no usable boundary.") from error
    except BaseException:
        for unfinished in getattr(parser, "_files_to_close_on_error", ()):  # Starlette closes them on errors of its own
            unfinished.close()
        raise
    try:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if not files:
            raise Problem(400, "The form holds no file; send each picture as a file with a name.")
        return [Sent(_tidy(file.filename or "picture"), await file.read()) for file in files]
    finally:
        await form.close()


class _InMemory(MultiPartParser):
    """Starlette's parser; `spool_max_size` is raised so that no part ever reaches the disk."""


def _json(body: bytes, name: str, limits: Limits) -> tuple[list[Sent], bool]:
    """`{"image": TEXT}` or `{"image": [TEXT, {"name", "data"}, ...]}`; `img` as DeepFace's API calls it will do."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "The body is not JSON.") from error
    if not isinstance(asked, dict):
        raise Problem(422, 'Expected a JSON object such as {"image": "BASE64"}.')
    _check_keys(asked)
    given = asked.get("image", asked.get("img"))
    if isinstance(given, list):
        if not 0 < len(given) <= limits.images:
            raise Problem(422, f"image: expected 1 to {limits.images} pictures, got {len(given)}.")
        return [_picture(item, f"{name}-{i + 1}") for i, item in enumerate(given)], True
    sent = _picture(given, name)
    if sent.problem:
        raise Problem(422, f"The picture {sent.problem}")
    return [sent], False


def _check_keys(asked: Mapping[str, Any]) -> None:
    if not any(key in asked for key in _KEYS):
        raise Problem(422, 'The JSON holds no picture; send {"image": "BASE64"}.')
    unknown = [key for key in asked if key not in {*_KEYS, *_IGNORED, "actions"}]
    if unknown:
        raise Problem(422, f"Unknown key {unknown[0][:80]!r}; expected image (or img), with base64 in it.")
    actions = asked.get("actions", ["emotion"])
    if list(actions if isinstance(actions, Sequence) and not isinstance(actions, str) else [actions]) != ["emotion"]:
        raise Problem(422, 'actions: this service reads expressions only; leave it out, or send ["emotion"].')


def _picture(item: object, name: str) -> Sent:
    if isinstance(item, dict) and set(item) <= {"name", "data"}:
        name, item = str(item.get("name", name)), item.get("data")
    name = _tidy(name)
    if not isinstance(item, str):
        return Sent(name, problem="is no text; send its bytes as base64.")
    text = item.partition(",")[2] if item.startswith("data:") else item
    if item.startswith(("http://", "https://")):
        return Sent(name, problem="is an address, which the service does not fetch; send its bytes as base64.")
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return Sent(name, problem="is not base64.")
    return Sent(name, data) if data else Sent(name, problem="is empty; send its bytes as base64.")


def _tidy(name: str) -> str:
    """A client's name for a picture: its last part, printable, not too long. It is shown back, and used for nothing."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:LONGEST_NAME] or "picture"
