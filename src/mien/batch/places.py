"""Where inputs are and results go: folders of this machine, and object stores by their address (s3://, gs://, ...).

Addresses go through pyarrow's filesystems, and through fsspec for those that pyarrow does not know.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Protocol, cast
from urllib.parse import unquote, urlsplit

from mien.core.errors import InputError, MissingExtraError, OutputError
from mien.core.files import atomic_write, make_folder
from mien.core.lock import claimed

__all__ = [
    "LOCK",
    "Folder",
    "absolute",
    "filesystem",
    "is_address",
    "join",
    "local_path",
    "open_binary",
    "open_folder",
    "stamp",
]

LOCK = ".job.lock"
"""File in a result folder that is there while a job writes into it."""


def is_address(text: str) -> bool:
    """Whether a text is the address of an object store; `file://` is a path of this machine."""
    return "://" in text and not text.startswith("file://")


def local_path(text: str) -> Path:
    """Path of a text that is not an address."""
    return Path(unquote(urlsplit(text).path)) if text.startswith("file://") else Path(text)


def absolute(text: str) -> str:
    """Absolute path of a path, without "..", links unresolved; an address is absolute already."""
    return text if is_address(text) else os.path.abspath(local_path(text))  # noqa: PTH100


def join(base: str, name: str) -> str:
    """Path or address of `name` below `base`; an empty name is `base` itself."""
    return base if not name else f"{base.rstrip('/')}/{name}" if is_address(base) else os.path.join(base, name)  # noqa: PTH118


@lru_cache(maxsize=16)
def filesystem(address: str) -> tuple[Any, str]:
    """Filesystem (of pyarrow) of an address, and the path in it.

    Raises:
        InputError: nobody knows such an address, or the store does not answer.
        MissingExtraError: pyarrow is not installed.

    """
    try:
        import pyarrow as pa
        from pyarrow import fs
    except ImportError as error:
        raise MissingExtraError("Reading from an object store", "pyarrow", "scale") from error
    try:
        found, path = fs.FileSystem.from_uri(address)
    except (pa.ArrowException, OSError) as error:
        found, path = _by_fsspec(address, error)
    return found, str(path)


def _by_fsspec(address: str, before: Exception) -> tuple[Any, str]:
    from pyarrow import fs

    try:
        fsspec = importlib.import_module("fsspec")
        found, path = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError, OSError) as error:
        raise InputError(
            f"{address}: neither pyarrow ({_line(before)}) nor fsspec ({_line(error)}) can open this address; "
            "check it, or install the package that knows it."
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(found)), path


def _line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__


def open_binary(base: str, name: str = "") -> IO[bytes]:
    """A file for reading, which can seek.

    Raises:
        OSError: there is no such file, or it cannot be read.

    """
    if is_address(base):
        found, root = filesystem(base)
        return cast("IO[bytes]", found.open_input_file(f"{root.rstrip('/')}/{name}" if name else root))
    return open(join(base, name), "rb")  # noqa: PTH123 (called for every input: a Path takes as long as the file)


def stamp(base: str) -> tuple[int, int]:
    """Size in bytes and time of the last change in nanoseconds (0 where the store tells none) of a file.

    Raises:
        OSError: there is no such file.

    """
    if is_address(base):
        found, path = filesystem(base)
        info = found.get_file_info(path)
        if info.size is None:
            raise FileNotFoundError(f"there is no file {base}")
        return int(info.size), int(info.mtime_ns or 0)
    status = Path(base).stat()
    return status.st_size, status.st_mtime_ns


class Folder(Protocol):
    """Where results go: names below one folder, whose parts are separated by "/"."""

    @property
    def text(self) -> str:
        """The path or address."""
        ...

    def create(self, name: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """A file for writing, which appears under its name when the block ends without an error.

        Raises:
            OutputError: it cannot be written.

        """
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file for reading; OSError when there is none."""
        ...

    def names(self, below: str = "") -> list[str]:
        """Names of the files and folders in the folder (or the one `below`), sorted; empty when it does not exist."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; none is fine."""
        ...

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        """Be the only process that writes here while the block lasts; an object store cannot tell who else does.

        Raises:
            OutputError: another process does, or the folder cannot be made.

        """
        ...


def open_folder(text: str) -> Folder:
    """The folder at a path or address; nothing is made yet."""
    return _RemoteFolder(text.rstrip("/")) if is_address(text) else _LocalFolder(Path(absolute(text)))


class _LocalFolder:
    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def text(self) -> str:
        return str(self._root)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        target = self._root / name
        make_folder(target.parent)
        with atomic_write(target) as file:
            yield file

    def open(self, name: str) -> IO[bytes]:
        return (self._root / name).open("rb")

    def names(self, below: str = "") -> list[str]:
        folder = self._root / below
        try:
            return sorted(entry.name for entry in os.scandir(folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"Cannot use the folder {folder}: {error.strerror or error}.") from error

    def remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            (self._root / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        new = [path for path in (self._root, *self._root.parents) if not path.exists()]
        make_folder(self._root)
        try:
            with ExitStack() as stack:
                try:
                    stack.enter_context(claimed(self._root / LOCK, self._refusal))
                except OSError as error:
                    raise OutputError(f"Cannot write in {self._root}: {error.strerror or error}.") from error
                yield
        finally:
            with contextlib.suppress(OSError):  # a job that never began leaves no folder
                for path in new:
                    path.rmdir()

    def _refusal(self, holder: str) -> OutputError:
        return OutputError(
            f"{self._root} is being written by {holder}; wait until it ends, or stop it, and go on with --resume."
        )


class _RemoteFolder:
    """An object appears whole, when its upload ends; so no temporary name is needed."""

    def __init__(self, address: str) -> None:
        self.text = address
        self._files, self._root = filesystem(address)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        target = f"{self._root}/{name}"
        try:
            # Closing an upload that failed half-way would finish it, so the bytes wait until they are whole.
            with io.BytesIO() as whole:
                yield whole
                self._files.create_dir(target.rpartition("/")[0], recursive=True)
                with self._files.open_output_stream(target) as stream:
                    stream.write(whole.getvalue())
        except OSError as error:
            raise OutputError(f"Cannot write {self.text}/{name}: {error}.") from error

    def open(self, name: str) -> IO[bytes]:
        return cast("IO[bytes]", self._files.open_input_file(f"{self._root}/{name}"))

    def names(self, below: str = "") -> list[str]:
        from pyarrow import fs

        selector = fs.FileSelector(f"{self._root}/{below}".rstrip("/"), allow_not_found=True)
        return sorted(info.base_name for info in self._files.get_file_info(selector))

    def remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            self._files.delete_file(f"{self._root}/{name}")

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()
