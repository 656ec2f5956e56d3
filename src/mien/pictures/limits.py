"""How large a picture may be. Numbers only, so that help texts can name them without loading a decoder."""

from __future__ import annotations

__all__ = ["MAX_PIXELS"]

MAX_PIXELS = 100_000_000
"""Largest picture that is decoded, in pixels, unless the caller says otherwise (300 MB once decoded)."""
