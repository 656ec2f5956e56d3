"""The files of onnxruntime-web with which the page works on the visitor's device: fetched once, by an explicit command.

They come out of one pinned npm package whose SHA-512 is known here, so it does not matter who delivers it: npm with the
registry that the user has configured, a registry that is named, or a file that was brought by hand.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from mien.app.server.packing import SUFFIXES, codings
from mien.core.errors import StoreError
from mien.core.files import atomic_write, make_folder
from mien.infer.store import cache_folder

__all__ = ["FILES", "PACKAGE", "VERSION", "WEBGPU_FILES", "has_webgpu", "here", "missing", "pull", "runtime_folder"]

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
_MOST_BYTES = 100_000_000  # of the package; it has about 30 MB
_TIMEOUT_S = 300

FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
"""Name and SHA-256 of each file that the page loads (MIT licence)."""

WEBGPU_FILES = {
    "ort.webgpu.min.mjs": "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0",
    "ort-wasm-simd-threaded.asyncify.mjs": "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
    "ort-wasm-simd-threaded.asyncify.wasm": "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
}
"""The same for graphics cards, beside the others: 27 MB (7 MB on their way), so an operator decides."""


def runtime_folder() -> Path:
    """Where the files are, or would be."""
    return cache_folder() / f"{PACKAGE}-{VERSION}"


def missing() -> str | None:
    """Why the page cannot work on the visitor's device, or None when the files are there."""
    try:
        folder = runtime_folder()
    except StoreError as error:
        return str(error)
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        return f"The files of {PACKAGE} {VERSION} are not on the server; its operator can run `mien page pull`."
    return None


def has_webgpu() -> bool:
    """Whether the files for graphics cards are there, too."""
    try:
        folder = runtime_folder()
    except StoreError:
        return False
    return all((folder / name).is_file() for name in WEBGPU_FILES)


def here() -> tuple[str, ...]:
    """Names of the files that are there to be served."""
    return (*FILES, *(WEBGPU_FILES if has_webgpu() else ()))


def pull(source: Path | None = None, registry: str | None = None, webgpu: bool = False) -> Path:
    """Put the files into the cache, after checking every byte.

    Args:
        webgpu: also those for graphics cards.
        source: the package as a .tgz file, brought by hand.
        registry: address of an npm registry; without it npm fetches from the one that it is configured for.

    Returns:
        The folder of the files.

    Raises:
        StoreError: the package cannot be fetched or read, or its bytes are not the expected ones.

    """
    package = _read(source) if source is not None else _from_registry(registry) if registry else _from_npm()
    digest = base64.b64encode(hashlib.sha512(package).digest()).decode()
    if digest != _SHA512:
        raise StoreError(f"The package is not {PACKAGE} {VERSION}: expected SHA-512 {_SHA512}, got {digest}.")
    folder = make_folder(runtime_folder())
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
        for name, expected in {**FILES, **(WEBGPU_FILES if webgpu else {})}.items():
            member = archive.extractfile(f"package/dist/{name}")
            data = b"" if member is None else member.read()
            if hashlib.sha256(data).hexdigest() != expected:
                raise StoreError(f"The package holds another {name} than the one that this version knows.")
            for coding, pack in codings().items():
                with atomic_write(folder / f"{name}{SUFFIXES[coding]}") as file:
                    file.write(pack(data))
            with atomic_write(folder / name) as file:
                file.write(data)
    return folder


def _read(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise StoreError(f"Cannot read {source}: {error.strerror or error}.") from error


def _from_npm() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise StoreError(
            f"npm is not installed. Name a registry with --registry URL, or fetch {PACKAGE} {VERSION} elsewhere "
            "(npm pack) and hand the file over with --from FILE."
        )
    with tempfile.TemporaryDirectory() as folder:
        arguments = [npm, "pack", "--silent", "--ignore-scripts", f"{PACKAGE}@{VERSION}"]
        try:
            done = subprocess.run(
                arguments, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise StoreError(f"npm did not fetch {PACKAGE} within {_TIMEOUT_S} s; try again later.") from error
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(found) != 1:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StoreError(f"npm could not fetch {PACKAGE}@{VERSION}: {reason[:300]}")
        return found[0].read_bytes()


def _from_registry(registry: str) -> bytes:
    if not registry.startswith(("https://", "http://")):
        raise StoreError(f"A registry's address starts with https://, got {registry!r}.")
    url = f"{registry.rstrip('/')}/{PACKAGE}/-/{PACKAGE}-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bytes(answer.read(_MOST_BYTES))
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise StoreError(f"Cannot fetch {url}: {getattr(error, 'reason', error)}.") from error
