"""Members of zip and tar archives, read where they lie: nothing is unpacked to disk, so odd names harm nobody.

The caller decides which members are pictures, and what to do with one that cannot be read.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple, cast

__all__ = [
    "MAX_BYTES",
    "READ_ERRORS",
    "Stored",
    "is_archive",
    "is_tar",
    "member_problem",
    "open_tar",
    "read_slice",
    "read_stored",
    "stored",
    "tar_members",
    "tar_problem",
    "too_large",
    "zip_entries",
]

MAX_BYTES = 256 * 2**20
"""Largest image file that is read, packed or not."""
_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_BOMB_BYTES = 2**30
_BOMB_RATIO = 200
"""A tar that has grown past `_BOMB_BYTES`, by more than this factor, is a bomb: pictures hardly shrink at all."""

READ_ERRORS: tuple[type[Exception], ...] = (
    OSError, EOFError, ValueError, KeyError, TypeError, IndexError, RuntimeError, MemoryError, zlib.error,
    lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, csv.Error, struct.error,
)  # fmt: skip
"""What damaged archives and tables raise; pyarrow's errors are children of these."""


def is_tar(name: str) -> bool:
    """Whether a name is that of a tar archive, packed or not."""
    return name.lower().endswith(_TAR_ENDINGS)


def is_archive(name: str) -> bool:
    """Whether a name is that of an archive that can be read."""
    return is_tar(name) or name.lower().endswith(".zip")


def too_large(size: int) -> str:
    """Why an image file of so many bytes is not read, or ""."""
    return f"larger than the limit of {MAX_BYTES:,} bytes" if size > MAX_BYTES else ""


class Stored(NamedTuple):
    """Where the bytes of a zip archive's member lie, so that any process can read them at once.

    Attributes:
        offset: where the member's own header starts.
        packed: its size in the archive, in bytes.
        size: its size unpacked, in bytes; more is never unpacked.
        method: how it is packed; stored and deflated members are known.
        crc: CRC-32 of the unpacked bytes.

    """

    offset: int
    packed: int
    size: int
    method: int
    crc: int


def zip_entries(file: IO[bytes]) -> list[zipfile.ZipInfo]:
    """Directory of a zip archive, in its own order.

    Raises:
        READ_ERRORS: it is not a whole zip archive.

    """
    with zipfile.ZipFile(file) as archive:
        return archive.infolist()


def stored(entry: zipfile.ZipInfo) -> Stored:
    """Where a member lies."""
    return Stored(entry.header_offset, entry.compress_size, entry.file_size, entry.compress_type, entry.CRC)


def member_problem(entry: zipfile.ZipInfo) -> str:
    """Why a member of a zip archive cannot be read, or ""."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a link inside the archive; pack the file itself"
    if entry.flag_bits & 1:
        return "encrypted; unpack the archive and read the folder"
    return too_large(max(entry.file_size, entry.compress_size))


def read_stored(file: IO[bytes], at: Stored) -> bytes:
    """The bytes of a member, checked against its CRC; never more than it states.

    Raises:
        READ_ERRORS: it is damaged, or packed in a way that is not known.

    """
    file.seek(at.offset)
    # The local header's own name and extra field may differ in length from those in the directory.
    signature, name, extra = struct.unpack("<4s22xHH", file.read(30))
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile("damaged in the archive")
    file.seek(at.offset + 30 + name + extra)
    data = file.read(at.packed)
    if at.method == zipfile.ZIP_DEFLATED:
        data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, at.size + 1)
    elif at.method != zipfile.ZIP_STORED:
        raise zipfile.BadZipFile("packed in a way that is not known; pack the archive with deflate")
    if len(data) != at.size or zlib.crc32(data) != at.crc:
        raise zipfile.BadZipFile("damaged in the archive")
    return data


@contextmanager
def open_tar(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The unpacked stream of a tar archive; going forward in it is cheap, going back may start anew."""
    head = file.read(6)
    file.seek(0)
    if head[:2] == b"\x1f\x8b":
        stream: Any = gzip.GzipFile(fileobj=file)
    elif head[:3] == b"BZh":
        stream = bz2.BZ2File(file)
    elif head == b"\xfd7zXZ\x00":
        stream = lzma.LZMAFile(file)  # noqa: SIM115 (closed below)
    else:
        yield file
        return
    with stream:
        yield stream


def tar_members(stream: IO[bytes], packed: int) -> Iterator[tarfile.TarInfo]:
    """Members of a tar archive, in its own order, none of which is remembered.

    Args:
        stream: the unpacked archive.
        packed: size of its file in bytes.

    Raises:
        READ_ERRORS: it is damaged after the members that came, cut off, or a decompression bomb.

    """
    with tarfile.open(fileobj=stream, mode="r:", errors="surrogateescape") as archive:
        while (member := archive.next()) is not None:
            cast("Any", archive).members = []  # or the archive would remember every member
            if member.offset_data > max(_BOMB_BYTES, _BOMB_RATIO * packed):
                raise tarfile.TarError("refused as a decompression bomb")
            yield member
        end = archive.offset
    stream.seek(end)
    if stream.read(tarfile.BLOCKSIZE).strip(b"\0"):  # tarfile takes any nonsense for the end
        raise tarfile.TarError("no member begins where one should")


def tar_problem(member: tarfile.TarInfo) -> str:
    """Why a member of a tar archive cannot be read, or ""."""
    if not member.isreg() or member.issparse():
        return "a link or special file inside the archive; pack the file itself"
    return too_large(member.size)


def read_slice(stream: IO[bytes], offset: int, size: int) -> bytes:
    """Bytes of a stream.

    Raises:
        READ_ERRORS: it is damaged or ends before.

    """
    stream.seek(offset)
    data = stream.read(size)
    if len(data) != size:
        raise EOFError("cut off in the archive")
    return data
