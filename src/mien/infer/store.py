"""From the name of a model to a verified file on this machine.

The network is touched by `fetch` alone, and only when a person asks for it. A file appears in the store under its
final name only after its SHA-256 was right.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from mien.core.errors import MienError, ModelError, OptionError, OutputError, StoreError, unknown_name
from mien.core.files import atomic_write, make_folder
from mien.infer.hub import is_hub_name, pulled_file
from mien.infer.registry import ENTRIES, Entry, entries

__all__ = [
    "cache_folder",
    "entry",
    "entry_path",
    "fetch",
    "find",
    "import_file",
    "is_stored",
    "problem",
    "resolve_model",
    "verify",
]


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Folder of fetched files: `MIEN_CACHE`, else the platform's cache folder with `mien` in it.

    Raises:
        StoreError: there is no home folder, as in some containers, and none of the variables names a folder.

    """
    try:
        return _cache_folder(environ)
    except RuntimeError as error:
        raise StoreError("This user has no home folder; set MIEN_CACHE to a folder for model files.") from error


def _cache_folder(environ: Mapping[str, str]) -> Path:
    if environ.get("MIEN_CACHE"):
        return Path(environ["MIEN_CACHE"]).expanduser()
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mien"


def entry(name: str) -> Entry:
    """The registry's entry of a name.

    Raises:
        OptionError: unknown name.

    """
    if name not in ENTRIES:
        raise OptionError(unknown_name("model", name, ENTRIES))
    return ENTRIES[name]


def entry_path(known: Entry) -> Path:
    """Where the file of an entry is, or would be, on this machine."""
    if known.url is None:
        return Path(str(resources.files("mien") / "assets" / "models" / known.filename))
    return cache_folder() / known.filename


def is_stored(name: str) -> bool:
    """Whether the file of a known model is on this machine."""
    return entry_path(entry(name)).is_file()


def find(name: str) -> Path:
    """Verified file of a known model.

    Raises:
        OptionError: unknown name.
        StoreError: the file is not on this machine, or is damaged; the text says how to get it.

    """
    known = entry(name)
    path = entry_path(known)
    if not path.is_file():
        raise StoreError(_absent(known, path))
    verify(name)
    return path


def _absent(known: Entry, path: Path) -> str:
    if known.url is None:
        return f"The file of {known.name}, {path}, comes with mien and is missing: install mien again."
    return (
        f"The file of {known.name} is not in the model store ({path.parent}). Run `mien models pull {known.name}`, or "
        f"copy {known.filename} there on a machine without internet."
    )


def verify(name: str) -> str:
    """SHA-256 of a stored file, after comparing it with the registry's.

    Raises:
        StoreError: not stored, or the bytes differ from the registry's.

    """
    known = entry(name)
    path = entry_path(known)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise StoreError(_absent(known, path)) from error
    except OSError as error:
        raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from error
    if known.sha256 is not None and digest != known.sha256:
        raise StoreError(
            f"{path} is not the file that mien knows as {name}: expected SHA-256 {known.sha256}, got {digest}. "
            f"Delete it and run `mien models pull {name}`."
        )
    return digest


def fetch(name: str, advance: Callable[[int], None] = lambda _bytes: None, *, timeout_s: float = 20.0) -> Path:
    """Download a known model into the store, unless a whole file is there already.

    Args:
        name: a name of the registry.
        advance: called with the number of bytes that arrived, for a progress bar.
        timeout_s: longest silence of the other side before a retry.

    Raises:
        OptionError: unknown name.
        StoreError: the download failed after its retries, or the bytes are not the expected ones.

    """
    known = entry(name)
    path = entry_path(known)
    if known.url is None or known.sha256 is None or known.bytes is None:
        return path
    if path.is_file():
        verify(name)
        return path
    _make_store(path.parent)
    from mien.infer.download import download  # brings TLS along, which reading needs nowhere

    download(known.url, path, sha256=known.sha256, size=known.bytes, timeout_s=timeout_s, advance=advance)
    return path


def import_file(name: str, source: Path) -> Path:
    """Copy a file that was brought by hand into the store, after checking that it is the right one.

    Raises:
        OptionError: unknown name.
        StoreError: the file cannot be read, or is not the one that the registry names.

    """
    known = entry(name)
    try:
        data = Path(source).read_bytes()
    except OSError as error:
        raise StoreError(f"Cannot read {source}: {error.strerror or error}.") from error
    digest = hashlib.sha256(data).hexdigest()
    if known.sha256 is None:
        raise StoreError(f"{name} comes with mien itself; there is nothing to import.")
    if digest != known.sha256:
        raise StoreError(f"{source} is not {known.filename}: expected SHA-256 {known.sha256}, got {digest}.")
    path = entry_path(known)
    _make_store(path.parent)
    with atomic_write(path) as file:
        file.write(data)
    return path


def resolve_model(model: str | Path) -> Path:
    """File of an expression model: a shipped name, an `.onnx` file, a run's folder, or `hub:USER/NAME` once pulled.

    Raises:
        ModelError: no such file, or the folder holds no model.
        OptionError: neither a known name nor a path.
        StoreError: a model of the hub that has not been pulled.

    """
    text = str(model)
    if is_hub_name(text):
        return pulled_file(text, cache_folder())
    if text in ENTRIES and ENTRIES[text].kind == "expression":
        return entry_path(ENTRIES[text])
    path = Path(model)
    if path.is_dir():
        if not (path / "model.onnx").is_file():
            raise ModelError(f"The folder {path} holds no model.onnx; name a training run that has finished.")
        return path / "model.onnx"
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    raise OptionError(
        unknown_name("model", text, [e.name for e in entries("expression")])
        + " A path to an .onnx file or to a training run will do as well."
    )


def _make_store(folder: Path) -> None:
    try:
        make_folder(folder)
    except OutputError as error:
        raise StoreError(f"{error} Set MIEN_CACHE to a folder that can be written.") from error


def problem(name: str) -> MienError | None:
    """What is wrong with the stored file of a known model, or None."""
    try:
        verify(name)
    except StoreError as error:
        return error
    return None
