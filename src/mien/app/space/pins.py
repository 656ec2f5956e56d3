"""The installed versions of packages and of all that they need, for a file of requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata

from mien.core.errors import MissingExtraError

__all__ = ["BASE", "SERVICE", "pins", "requirements"]

BASE = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "click", "rich")
SERVICE = ("fastapi", "uvicorn", "websockets", "python-multipart")


def requirements(names: Iterable[str]) -> str:
    """Text of a requirements.txt.

    Raises:
        MissingExtraError: as `pins`.

    """
    return "".join(f"{name}=={version}\n" for name, version in sorted(pins(names).items()))


def pins(names: Iterable[str]) -> dict[str, str]:
    """Installed versions of packages and of everything that they need.

    Raises:
        MissingExtraError: one of the named ones is not installed.

    """
    found_pins: dict[str, str] = {}
    waiting = list(names)
    wanted = set(waiting)
    while waiting:
        name = waiting.pop()
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in wanted:
                raise MissingExtraError("Pinning the versions of the Space", name, "app") from None
            continue  # needed only on other systems
        tidy = re.sub(r"[-_.]+", "-", name).lower()
        if tidy not in found_pins:
            found_pins[tidy] = found.version
            waiting += [_name(line) for line in found.requires or [] if "extra ==" not in line]
    return found_pins


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
