"""Fields of a model file's metadata: each a value of the expected kind, or one sentence of what is wrong with it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

__all__ = [
    "FieldError",
    "choice",
    "degrees",
    "fraction",
    "number",
    "object_field",
    "positive",
    "text_field",
    "text_list",
    "whole",
]


class FieldError(ValueError):
    """A field is missing or impossible; the text says which, what was expected and what is there."""


def text_field(body: Mapping[str, Any], key: str) -> str:
    """A text of at least one letter, without control characters."""
    value = body.get(key)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise FieldError(f"{key!r} must be a text that can be shown, got {value!r}.")
    return value


def text_list(body: Mapping[str, Any], key: str) -> list[str]:
    """A list of at least one text."""
    value = body.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise FieldError(f"{key!r} must be a list of names, got {value!r}.")
    return value


def object_field(body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object; an empty one where the field is missing."""
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise FieldError(f"{key!r} must be an object, got {value!r}.")
    return value


def number(value: object, key: str) -> float:
    """A finite number; `key` names the field in errors, here and below."""
    if not isinstance(value, bool) and isinstance(value, int | float):
        with contextlib.suppress(OverflowError):
            found = float(value)
            if math.isfinite(found):
                return found
    raise FieldError(f"{key!r} must be a finite number, got {value!r}.")


def positive(value: object, key: str) -> float:
    """A number above 0."""
    found = number(value, key)
    if found <= 0:
        raise FieldError(f"{key!r} must be greater than 0, got {found}.")
    return found


def whole(value: object, key: str, low: int, high: int) -> int:
    """A whole number of pixels from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FieldError(f"{key!r} must be a whole number of pixels in {low}..{high}, got {value!r}.")
    return value


def fraction(value: object, key: str) -> float:
    """A number from 0 to 1."""
    found = number(value, key)
    if not 0 <= found <= 1:
        raise FieldError(f"{key!r} must be in 0..1, got {found}.")
    return found


def degrees(value: object, key: str) -> float:
    """A number of degrees from 0 to 180."""
    found = number(value, key)
    if not 0 <= found <= 180:
        raise FieldError(f"{key!r} must be in 0..180 degrees, got {found}.")
    return found


def choice(value: object, key: str, known: tuple[str, ...]) -> str:
    """One of the known texts."""
    if value not in known:
        raise FieldError(f"{key!r} must be one of {', '.join(known)}, got {value!r}.")
    return str(value)
