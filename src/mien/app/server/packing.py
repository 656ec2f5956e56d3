"""Compressed files of the page: which coding a client takes (RFC 9110, 12.5.3), and the bytes in each.

gzip is always there, Brotli (RFC 7932) where its package is (extra `brotli`).
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

__all__ = ["SUFFIXES", "Packed", "chosen_coding", "codings", "packed", "same_tag"]

_BROTLI_QUALITY = 11  # the best; 90 kB in the place of gzip's 103 for all texts of the page, in a third of a second
_BROTLI_LARGE = (1_000_000, 9)  # bytes from which on it would take too long, and the quality from there on
_GZIP_LEVEL = 6
_LEAST_BYTES = 256  # below this nothing is gained
_WORTH = ("text/", "application/json", "application/manifest+json", "image/svg+xml", "application/wasm")
"""Content types that become smaller; pictures, films and models are compressed already, or hardly can be."""

SUFFIXES = {"br": ".br", "gzip": ".gz"}
"""Endings of compressed twins on the disk, by coding, the better first."""

_ELEMENT = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$")


def codings() -> dict[str, Callable[[bytes], bytes]]:
    """How bytes are compressed, by coding, the better first."""
    plain: dict[str, Callable[[bytes], bytes]] = {"gzip": partial(gzip.compress, compresslevel=_GZIP_LEVEL, mtime=0)}
    try:
        import brotli
    except ImportError:
        return plain

    def brotli_of(data: bytes) -> bytes:
        quality = _BROTLI_QUALITY if len(data) < _BROTLI_LARGE[0] else _BROTLI_LARGE[1]
        packed: bytes = brotli.compress(data, quality=quality)
        return packed

    return {"br": brotli_of, **plain}


def chosen_coding(accepted: str, offered: Collection[str]) -> str | None:
    """The coding in which a client gets a file; None for the file as it is.

    Args:
        accepted: what its `Accept-Encoding` says; elements that cannot be understood count for nothing.
        offered: codings that there are, the better first.

    """
    weights = {}
    for element in accepted.split(","):
        found = _ELEMENT.match(element)
        if found is not None:
            weights[found[1].lower().removeprefix("x-")] = float(found[2] or 1)
    rest = weights.get("*", 0.0)
    wishes = {name: weights.get(name, rest) for name in offered}
    best = max(wishes.values(), default=0.0)
    if best <= 0 or best < weights.get("identity", 0.0):
        return None
    return next(name for name in offered if wishes[name] == best)


@dataclass(frozen=True)
class Packed:
    """A file in all its codings.

    Args:
        digest: of the file as it is.
        bodies: its bytes by coding, the better first.

    """

    digest: str
    bodies: Mapping[str, bytes]


@lru_cache(maxsize=128)
def packed(data: bytes, kind: str) -> Packed:
    """A file in all codings that are worth it for its content type."""
    digest = hashlib.sha256(data).hexdigest()[:24]
    if len(data) < _LEAST_BYTES or not kind.startswith(_WORTH):
        return Packed(digest, {})
    return Packed(digest, {name: pack(data) for name, pack in codings().items()})


def same_tag(known: str, tag: str) -> bool:
    """Whether a client that sends `If-None-Match` has this version.

    A tag may have become a weak one (`W/`) in a proxy that compresses.
    """
    tags = [one.strip().removeprefix("W/") for one in known.split(",")]
    return tag in tags or "*" in tags
