"""For PyInstaller, which finds this by the package's entry point: what of mien goes into a frozen program."""

from __future__ import annotations

from pathlib import Path

__all__ = ["get_hook_dirs"]


def get_hook_dirs() -> list[str]:
    """Folders with hooks; each hook is named for the package that it is about."""
    return [str(Path(__file__).parent)]
