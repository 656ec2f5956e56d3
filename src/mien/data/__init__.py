"""Data sets as tables: formats, manifest, audit, splits, summary."""

from mien.data.formats import read
from mien.data.manifest import NO_LABEL, SPLITS, Manifest

__all__ = ["NO_LABEL", "SPLITS", "Manifest", "read"]
