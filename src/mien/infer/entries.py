"""What is known of one model file: its name, its file, where it comes from. Only the form; the rows are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Entry"]


@dataclass(frozen=True)
class Entry:
    """One known model file.

    `url` is None for a file inside the package; then `sha256` and `bytes` are None too, since the file
    travels with the code and is not fetched.
    """

    name: str
    kind: Literal["expression", "detector"]
    filename: str
    summary: str
    license: str
    source: str
    url: str | None = None
    sha256: str | None = None
    bytes: int | None = None
