"""What is shown of a data set, as JSON: the format that `mien.data.shown` writes and the service reads.

A service that shows such a file needs nothing of `mien.data`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mien.core.errors import DataError
from mien.core.text import parse_json

__all__ = ["DATA_FORMAT", "read_shown"]

DATA_FORMAT = "mien-data/1"
"""Value of "format" in a file of this version."""

_KEYS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "pictures": int,
    "sha256": str,
    "labels": list,
    "colours": dict,
    "splits": list,
    "unlabelled": int,
    "unreadable": int,
    "sizes": (dict, type(None)),
    "grey": (int, float),
    "means": list,
    "faults": dict,
}


def read_shown(path: Path) -> dict[str, Any]:
    """A file that `mien data summary --json` wrote.

    Raises:
        DataError: it cannot be read, is no JSON, or is of another format.

    """
    try:
        body = parse_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON ({error}); write it with mien data summary --json.") from error
    if not isinstance(body, dict) or body.get("format") != DATA_FORMAT:
        raise DataError(f"{path} does not tell of a data set ({DATA_FORMAT}); write it with mien data summary --json.")
    odd = [key for key, kind in _KEYS.items() if not isinstance(body.get(key), kind)]
    if odd:
        raise DataError(f"{path}: {odd[0]!r} is missing or impossible; write it with mien data summary --json.")
    return body
