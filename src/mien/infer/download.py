"""Fetch one file over HTTP: resumes, retries, gives up after a while, and renames only what is verified."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from mien.core.errors import StoreError
from mien.core.lock import locked

__all__ = ["download"]

_TRIES = 4
_BLOCK = 1 << 16
_PAUSE_S = 0.5  # before the second try; doubles each time


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    size: int,
    timeout_s: float,
    advance: Callable[[int], None] = lambda _bytes: None,
    pause_s: float = _PAUSE_S,
) -> None:
    """Fetch `url` into `target`.

    The bytes collect in a `.part` file beside the target, which a later call continues where this one broke off. Of
    two processes that want the same file one waits for the other.

    Args:
        url: http(s) address.
        target: final path; its folder exists.
        sha256: what the whole file must hash to.
        size: bytes of the whole file; more than that is not read.
        timeout_s: longest silence of the other side.
        advance: called with the number of new bytes.
        pause_s: pause before the first retry.

    Raises:
        StoreError: every try failed, or the bytes are not the expected ones.

    """
    try:
        with locked(target.with_name(f".{target.name}.lock")):
            if not (target.is_file() and _digest(target) == sha256):  # another process may have fetched it meanwhile
                _fetch(url, target, sha256, size, timeout_s, advance, pause_s)
    except OSError as error:
        raise StoreError(f"Cannot write {target}: {error.strerror or error}.") from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _fetch(
    url: str,
    target: Path,
    sha256: str,
    size: int,
    timeout_s: float,
    advance: Callable[[int], None],
    pause_s: float,
) -> None:
    part = target.with_name(f"{target.name}.part")
    problem = "no answer"
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(pause_s * 2 ** (attempt - 1))
        try:
            _continue(url, part, size, timeout_s, advance)
        except urllib.error.HTTPError as error:
            problem = f"the server answered {error.code} {error.reason}"
            if error.code == 416:  # the part cannot be continued
                part.unlink(missing_ok=True)
            if 400 <= error.code < 500 and error.code not in (408, 416, 429):
                break
            continue
        except (urllib.error.URLError, TimeoutError, http.client.HTTPException, ConnectionError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
            continue
        if part.stat().st_size < size:
            problem = f"the connection ended after {part.stat().st_size:,} of {size:,} bytes"
            continue
        digest = _digest(part)
        if digest == sha256:
            part.replace(target)
            return
        part.unlink()
        problem = f"the bytes are not the expected ones (SHA-256 {digest}, expected {sha256})"
    raise StoreError(
        f"Cannot fetch {url}: {problem}. Try again later, or fetch {target.name} elsewhere and hand it over with "
        "`mien models pull NAME --from FILE`."
    )


def _continue(url: str, part: Path, size: int, timeout_s: float, advance: Callable[[int], None]) -> None:
    """Read from where the `.part` file ends until the other side stops or `size` bytes are there."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    headers = {"User-Agent": "mien", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        resumed = have > 0 and answer.status == 206
        with part.open("ab" if resumed else "wb") as file:
            left = size - (have if resumed else 0)
            while left > 0:
                block = answer.read(min(_BLOCK, left))
                if not block:
                    return
                file.write(block)
                left -= len(block)
                advance(len(block))
