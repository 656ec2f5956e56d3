"""Models of the Hugging Face hub by name: `hub:USER/NAME`, and where the pulled ones lie in the model store.

Only names and files on this machine; `mien.app.hub` talks to the hub, when a person asks for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mien.core.errors import OptionError, StoreError

__all__ = ["MODEL_FILE", "PREFIX", "HubName", "hub_folder", "hub_name", "is_hub_name", "pulled", "pulled_file"]

PREFIX = "hub:"
MODEL_FILE = "model.onnx"
"""Name of the model file in a repository of the hub, and in the folder of a pulled one."""

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME = re.compile(rf"(?P<repo>{_PART}/{_PART})(?:@(?P<revision>{_PART}))?")


@dataclass(frozen=True)
class HubName:
    """A repository of the hub.

    Args:
        repo: "USER/NAME".
        revision: a branch, a tag or a commit; None for the newest.

    """

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        """As it is typed: `hub:USER/NAME@REVISION`."""
        return PREFIX + self.repo + (f"@{self.revision}" if self.revision else "")


def is_hub_name(text: str) -> bool:
    """Whether a text means a repository of the hub."""
    return text.startswith(PREFIX)


def hub_name(text: str) -> HubName:
    """The repository that `hub:USER/NAME`, `USER/NAME` or either with `@REVISION` names.

    Raises:
        OptionError: it is written otherwise.

    """
    found = _NAME.fullmatch(text.removeprefix(PREFIX))
    if found is None or ".." in text:
        raise OptionError(f"A model of the hub is named {PREFIX}USER/NAME or {PREFIX}USER/NAME@REVISION, got {text!r}.")
    return HubName(found["repo"], found["revision"])


def hub_folder(name: HubName, store: Path) -> Path:
    """Folder of a pulled repository in the model store, whether it is there or not."""
    user, _, repo = name.repo.partition("/")
    return store / "hub" / user / (repo + (f"@{name.revision}" if name.revision else ""))


def pulled_file(text: str, store: Path) -> Path:
    """Model file of a pulled repository.

    Raises:
        OptionError: no name of the hub.
        StoreError: it has not been pulled; the text says how.

    """
    name = hub_name(text)
    path = hub_folder(name, store) / MODEL_FILE
    if not path.is_file():
        raise StoreError(f"The model {name} is not on this machine. Run `mien models pull {name}` once.")
    return path


def pulled(store: Path) -> list[tuple[HubName, Path]]:
    """The pulled repositories with their model files, by name."""
    files = sorted((store / "hub").glob(f"*/*/{MODEL_FILE}"))
    return [(hub_name(f"{path.parent.parent.name}/{path.parent.name}"), path) for path in files]
