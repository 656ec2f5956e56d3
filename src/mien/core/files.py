"""Writing files so that a name that exists always holds a whole file.

The one piece of file handling that every room shares.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mien.core.errors import OutputError

__all__ = ["atomic_path", "atomic_write", "copy_file", "is_file", "is_folder", "make_folder", "read_at_most"]

_BLOCK, _LARGEST_BLOCK = 1 << 16, 1 << 24  # bytes


@contextlib.contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `target` to write to; on success it is renamed to `target`, else removed.

    The temporary name keeps the suffix of `target`, for writers that choose a format by it.

    Raises:
        OutputError: the folder is missing or not writable, or the disk is full.

    """
    target = Path(target)
    if target.is_dir():
        raise OutputError(f"Cannot write {target}: it is a folder; name a file in it.")
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {_reason(error, target)}") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_write(target: Path | str, mode: str = "wb", **options: Any) -> Iterator[IO[Any]]:
    """Open a file for writing that appears under `target` only when the block ends without an error.

    Args:
        target: the final path.
        mode: "wb" or "w"; text is UTF-8 unless `encoding` says otherwise, and what UTF-8 cannot say (odd bytes in
            names of files) becomes an escape.
        options: passed to `open`.

    Raises:
        OutputError: as `atomic_path`.

    """
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
        options.setdefault("errors", "backslashreplace")
    with atomic_path(target) as temporary, temporary.open(mode, **options) as file:
        yield file


def copy_file(source: Path | str, target: Path | str) -> Path:
    """Copy the bytes of a file so that the target appears whole; gives its path (also for `shutil.copytree`).

    Raises:
        OutputError: as `atomic_path`.

    """
    with atomic_write(target) as file, Path(source).open("rb") as data:
        shutil.copyfileobj(data, file)
    return Path(target)


def read_at_most(stream: IO[bytes], limit: int) -> bytes:
    """The bytes of a stream up to a limit, and one more where there are more.

    Asked for all of them in one call, Python would first make room for as many as the limit says.
    """
    parts, left, block = [], limit + 1, _BLOCK
    while left > 0 and (part := stream.read(min(block, left))):
        parts.append(part)
        left -= len(part)
        block = min(4 * block, _LARGEST_BLOCK)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def is_file(path: Path) -> bool:
    """Whether a path names a file; one that the system refuses (too long, a zero byte, no permission) names none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a path names a folder; one that the system refuses names none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def make_folder(path: Path | str) -> Path:
    """Create a folder with its parents; an existing one is fine.

    Raises:
        OutputError: a file stands in the way, or the place is not writable.

    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot create the folder {folder}: {_reason(error, folder)}") from error
    return folder


def _reason(error: OSError, target: Path) -> str:
    if isinstance(error, FileNotFoundError) and not target.parent.is_dir():
        return f"the folder {target.parent} does not exist."
    return f"{error.strerror or error}."
