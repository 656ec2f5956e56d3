"""`.gitattributes` of a repository on the hub: which files go by Git LFS.

The hub refuses plain files of more than 10 MiB, and files that are not text.
"""

from __future__ import annotations

from pathlib import Path

from mien.core.files import atomic_write

__all__ = ["LARGEST_PLAIN", "write_attributes"]

LARGEST_PLAIN = 10 * 1024 * 1024
"""Largest plain file in bytes."""

_FILE = ".gitattributes"
_LOOKED_AT = 8000  # bytes; what git itself looks at to tell text from other data


def write_attributes(folder: Path) -> Path:
    """Write `.gitattributes` for the files that a folder holds, so that every large or binary one goes by LFS.

    Raises:
        OutputError: the file cannot be written.

    """
    files = [path for path in folder.rglob("*") if path.is_file()]
    patterns = {_pattern(path, folder) for path in files if _goes_by_lfs(path)}
    with atomic_write(folder / _FILE, "w") as file:
        file.writelines(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in sorted(patterns))
    return folder / _FILE


def _goes_by_lfs(path: Path) -> bool:
    if path.stat().st_size > LARGEST_PLAIN:
        return True
    with path.open("rb") as data:
        return b"\0" in data.read(_LOOKED_AT)


def _pattern(path: Path, folder: Path) -> str:
    """All files of its kind, where the kind is binary; a text, which is rarely large, by its own name."""
    if path.suffix and path.suffix not in (".json", ".txt", ".md", ".mjs", ".js", ".py", ".csv", ".html"):
        return f"*{path.suffix}"
    return path.relative_to(folder).as_posix().replace(" ", "[[:space:]]")
