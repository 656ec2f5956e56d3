"""Names of sources: what is a file and what an address, and what of an address may be shown.

FFmpeg takes `12:30.mp4` for a protocol; a file is therefore always handed to it by its absolute path.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["LIVE_SCHEMES", "SCHEMES", "for_ffmpeg", "scheme_of", "without_secrets"]

LIVE_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "srt", "tcp"})
SCHEMES = LIVE_SCHEMES | {"http", "https"}

_HIDDEN = "***"
_SECRET_FIELD = re.compile(r"(?i)([?&;][^=&;]*(?:pass|pwd|token|secret|key|auth|sig)[^=&;]*=)[^&;#]*")


def scheme_of(text: str) -> str:
    """Scheme of an address in small letters; empty for a path (also `12:30.mp4`)."""
    return text.partition("://")[0].lower() if "://" in text else ""


def for_ffmpeg(path: Path) -> str:
    """Name under which FFmpeg finds a file, whatever characters it has."""
    return str(path.absolute())


def without_secrets(text: str) -> str:
    """An address without its password and without fields that look like keys; a path stays as it is.

    `rtsp://user:secret@host/a` becomes `rtsp://user:***@host/a`; a password may hold `@`, `:` and `/`.
    """
    if not scheme_of(text):
        return text
    scheme, _, rest = text.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, colon, after = authority.partition(":")
    # A password with a slash in it: the part behind the colon is no port then.
    end = rest.rfind("@") if colon and "@" not in authority and not after.isdigit() else authority.rfind("@")
    if end >= 0:
        user, colon, _ = rest[:end].partition(":")
        rest = f"{user}{colon}{_HIDDEN if colon else ''}{rest[end:]}"
    return _SECRET_FIELD.sub(rf"\g<1>{_HIDDEN}", f"{scheme}://{rest}")
