"""Front matter of a README on the hub: a small part of YAML, written without a library.

Texts are written as JSON, of which YAML 1.2 is a superset, so any name is safe.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mien.core.text import printable

__all__ = ["front_matter"]

_PLAIN = re.compile(r"[a-z][a-z0-9_-]*")
_NOT_TEXTS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def front_matter(fields: Mapping[str, Any]) -> str:
    """Fields between two lines of dashes.

    Args:
        fields: values are texts, numbers, truth values, lists or mappings of these; keys are plain words.

    """
    return "---\n" + "".join(f"{line}\n" for line in _mapping(fields)) + "---\n"


def _mapping(fields: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in fields.items():
        if _is_nested(value):
            lines += [f"{key}:", *(f"  {line}" for line in _nested(value))]
        else:
            lines.append(f"{key}: {_scalar(value)}")
    return lines


def _nested(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return _mapping(value)
    lines: list[str] = []
    for item in value:
        first, *rest = _nested(item) if _is_nested(item) else [_scalar(item)]
        lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


def _is_nested(value: Any) -> bool:
    return bool(value) and isinstance(value, Mapping | Sequence) and not isinstance(value, str)


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _NOT_TEXTS:
        return value
    shown = printable(value) if isinstance(value, str) else value
    return json.dumps(shown, ensure_ascii=False, allow_nan=False)
