"""A folder or a zip archive as a list of names that can be opened; nothing is ever unpacked to disk.

Knows no layouts: only names, bytes and pictures.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from mien.core.errors import DataError
from mien.core.files import is_file
from mien.data.pictures import File, Member, Picture
from mien.pictures.listing import hidden

__all__ = ["Folder", "Tree", "Zip", "open_tree"]

MAX_RATIO = 200
"""A member of an archive that grows more than this when unpacked, and is large, is refused as a bomb."""
MAX_UNPACKED = 64 * 2**20
"""Bytes up to which a member may grow as it likes: a blank picture packs a thousandfold, and is harmless."""


class Tree(Protocol):
    """A set of files with names; folders in a name are separated by "/"."""

    @property
    def source(self) -> str:
        """What was opened, for messages."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files, sorted; hidden ones and an operating system's leavings are left out."""
        ...

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders, sorted, without the root."""
        ...

    def has(self, name: str) -> bool:
        """Whether a file of that name can be opened."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file for reading.

        Raises:
            DataError: there is no such file, or it cannot be read.

        """
        ...

    def picture(self, name: str) -> Picture:
        """A file as a picture; whether it is one shows when it is loaded."""
        ...


def open_tree(path: Path) -> Tree:
    """The folder, the archive, or the single file at a path, as a tree.

    Raises:
        DataError: the path does not exist, cannot be listed, or the archive is damaged or dangerous.

    """
    if not path.exists():
        raise DataError(f"No data set at {path}: the path does not exist.")
    if path.is_dir():
        return Folder.walk(path)
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return Zip(path)
    return Folder(path.parent, (path.name,), (), str(path))


class Folder:
    """Files on disk.

    Args:
        root: the folder.
        names: the files to look at; others below the root can still be opened.
        folders: the folders below the root.
        source: what was opened, for messages.

    """

    def __init__(self, root: Path, names: tuple[str, ...], folders: tuple[str, ...], source: str) -> None:
        self.root = root
        self.names = names
        self.folders = folders
        self.source = source

    @classmethod
    def walk(cls, root: Path) -> Folder:
        """Everything below a folder; links to folders are followed, each folder once.

        Raises:
            DataError: a folder cannot be listed.

        """
        names: list[str] = []
        folders: list[str] = []
        seen: set[tuple[int, int]] = set()
        try:
            for place, below, files in os.walk(root, followlinks=True, onerror=_raise):
                status = Path(place).stat()
                if (status.st_dev, status.st_ino) in seen:
                    below.clear()
                    continue
                seen.add((status.st_dev, status.st_ino))
                below[:] = [name for name in below if not hidden(name)]
                relative = Path(place).relative_to(root)
                names += [(relative / name).as_posix() for name in files if not hidden(name)]
                folders += [(relative / name).as_posix() for name in below]
        except OSError as error:
            raise DataError(f"{root}: cannot list the folder: {error.strerror or error}.") from error
        return cls(root, tuple(sorted(names)), tuple(sorted(folders)), str(root))

    def has(self, name: str) -> bool:
        """See `Tree.has`."""
        return is_file(self.root / name)

    def open(self, name: str) -> IO[bytes]:
        """See `Tree.open`."""
        try:
            return (self.root / name).open("rb")
        except OSError as error:
            raise DataError(f"{self.root / name}: cannot be read: {error.strerror or error}.") from error

    def picture(self, name: str) -> Picture:
        """See `Tree.picture`."""
        return File(self.root / name)


def _raise(error: OSError) -> None:
    raise error


class Zip:
    """Members of a zip archive, read in place.

    Args:
        path: the archive.

    Raises:
        DataError: the archive is damaged, names a file outside itself, is a bomb, or is encrypted.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = str(path)
        try:
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, IndexError, struct.error) as error:
            raise DataError(f"{path}: not a whole zip archive ({error}); download it again.") from error
        kept = [entry for entry in entries if not hidden(entry.filename)]
        for entry in entries:
            _check_entry(path, entry)
        self._entries = {entry.filename: entry for entry in kept if not entry.is_dir()}
        self.names = tuple(sorted(self._entries))
        parents = {str(parent) for name in self.names for parent in PurePosixPath(name).parents}
        named = {entry.filename.rstrip("/") for entry in kept if entry.is_dir()}
        self.folders = tuple(sorted((parents | named) - {".", ""}))

    def has(self, name: str) -> bool:
        """See `Tree.has`."""
        return name in self._entries

    def open(self, name: str) -> IO[bytes]:
        """See `Tree.open`."""
        if name not in self._entries:
            raise DataError(f"{self.path}: has no member {name}.")
        try:
            return _open_member(self.path, self._entries[name])
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise DataError(f"{self.path}: cannot read the member {name}: {error}.") from error

    def picture(self, name: str) -> Picture:
        """See `Tree.picture`."""
        entry = self._entries.get(name)
        if entry is None:
            return Member(self.path, name)
        return Member(
            self.path, name, entry.header_offset, entry.compress_size, entry.file_size, entry.compress_type, entry.CRC
        )


def _open_member(path: Path, entry: zipfile.ZipInfo) -> IO[bytes]:
    # ZipFile counts the members that are open, and lets go of the file when the last of them is closed.
    with zipfile.ZipFile(path) as archive:
        return archive.open(entry)


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or ":" in (parts[0] if parts else ""):
        raise DataError(f"{path}: refused, because the archive names a file outside itself: {name!r}.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError(f"{path}: refused, because the archive holds a link: {name!r}; pack the files themselves.")
    if entry.file_size > MAX_UNPACKED and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise DataError(
            f"{path}: refused as a decompression bomb: {name!r} would grow from {entry.compress_size:,} "
            f"to {entry.file_size:,} bytes."
        )
    if entry.flag_bits & 1:
        raise DataError(f"{path}: {name!r} is encrypted; unpack the archive and read the folder.")
