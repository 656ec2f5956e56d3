"""A folder, a zip or a tar archive as a list of names that can be opened; nothing is ever unpacked to disk.

Which file means what is decided by the readers in `mien.data.formats`.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from mien.core.errors import DataError
from mien.core.files import is_file
from mien.data.pictures import File, Member, Picture, Slice
from mien.pictures import archives
from mien.pictures.archives import is_tar
from mien.pictures.listing import hidden

__all__ = ["Folder", "Tar", "Tree", "Zip", "open_tree"]

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
    if is_tar(path.name):
        return Tar(path)
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


class _Archive:
    """Members of an archive by name; what `Zip` and `Tar` share."""

    def __init__(self, path: Path, names: Iterable[str], folders: Iterable[str]) -> None:
        self.path = path
        self.source = str(path)
        self.names = tuple(sorted(names))
        parents = {str(parent) for name in self.names for parent in PurePosixPath(name).parents}
        self.folders = tuple(sorted((parents | set(folders)) - {".", ""}))
        self._known = frozenset(self.names)

    def has(self, name: str) -> bool:
        """See `Tree.has`."""
        return name in self._known

    def _need(self, name: str) -> None:
        if name not in self._known:
            raise DataError(f"{self.path}: has no member {name}.")


class Zip(_Archive):
    """Members of a zip archive, read in place.

    Args:
        path: the archive.

    Raises:
        DataError: the archive is damaged, names a file outside itself, is a bomb, or is encrypted.

    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                entries = archives.zip_entries(file)
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, IndexError, struct.error) as error:
            raise DataError(f"{path}: not a whole zip archive ({error}); download it again.") from error
        for entry in entries:
            _check_entry(path, entry)
        kept = [entry for entry in entries if not hidden(entry.filename)]
        self._entries = {entry.filename: entry for entry in kept if not entry.is_dir()}
        super().__init__(path, self._entries, (entry.filename.rstrip("/") for entry in kept if entry.is_dir()))

    def open(self, name: str) -> IO[bytes]:
        """See `Tree.open`."""
        self._need(name)
        try:
            return _open_member(self.path, self._entries[name])
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise DataError(f"{self.path}: cannot read the member {name}: {error}.") from error

    def picture(self, name: str) -> Picture:
        """See `Tree.picture`."""
        entry = self._entries.get(name)
        return Member(self.path, name, None if entry is None else archives.stored(entry))


def _open_member(path: Path, entry: zipfile.ZipInfo) -> IO[bytes]:
    # ZipFile counts the members that are open, and lets go of the file when the last of them is closed.
    with zipfile.ZipFile(path) as archive:
        return archive.open(entry)


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    name = entry.filename
    _check_name(path, name)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError(f"{path}: refused, because the archive holds a link: {name!r}; pack the files themselves.")
    if entry.file_size > MAX_UNPACKED and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise DataError(
            f"{path}: refused as a decompression bomb: {name!r} would grow from {entry.compress_size:,} "
            f"to {entry.file_size:,} bytes."
        )
    if entry.flag_bits & 1:
        raise DataError(f"{path}: {name!r} is encrypted; unpack the archive and read the folder.")


def _check_name(path: Path, name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or ":" in (parts[0] if parts else ""):
        raise DataError(f"{path}: refused, because the archive names a file outside itself: {name!r}.")


class Tar(_Archive):
    """Members of a tar archive that is not packed, read in place.

    Args:
        path: the archive.

    Raises:
        DataError: the archive is damaged or packed, holds a link, or names a file outside itself.

    """

    def __init__(self, path: Path) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        folders: list[str] = []
        try:
            with path.open("rb") as file, archives.open_tar(file) as stream:
                if stream is not file:
                    raise DataError(
                        f"{path}: a packed tar can only be read from front to back; unpack it, or pack it as a zip."
                    )
                for member in archives.tar_members(stream, path.stat().st_size):
                    self._add(path, member, folders)
        except archives.READ_ERRORS as error:
            raise DataError(f"{path}: not a whole tar archive ({error}); download it again.") from error
        super().__init__(path, self._places, folders)

    def _add(self, path: Path, member: tarfile.TarInfo, folders: list[str]) -> None:
        _check_name(path, member.name)
        name = str(PurePosixPath(member.name))
        if hidden(name):
            return
        if member.isdir():
            folders.append(name)
            return
        if not member.isreg() or member.issparse():
            raise DataError(f"{path}: refused, because the archive holds a link: {name!r}; pack the files themselves.")
        self._places[name] = (member.offset_data, member.size)

    def open(self, name: str) -> IO[bytes]:
        """See `Tree.open`."""
        self._need(name)
        return io.BytesIO(Slice(self.path, name, *self._places[name]).encoded())

    def picture(self, name: str) -> Picture:
        """See `Tree.picture`."""
        place = self._places.get(name)
        return Member(self.path, name) if place is None else Slice(self.path, name, *place)
