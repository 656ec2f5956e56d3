"""What a result folder says of its job: `manifest.json`, written when the job starts and again when it is done.

It holds no times and no names of machines, so that a job that was killed leaves the same bytes as one that was not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

from mien.batch.places import Folder
from mien.core.errors import OptionError, OutputError

__all__ = ["NAME", "Manifest", "check_same", "read_manifest", "write_manifest"]

NAME = "manifest.json"
_FORMAT = "mien-batch/1"


@dataclass(frozen=True)
class Manifest:
    """A job: what was asked, how much there is to do, and what came of it.

    Args:
        source: absolute path or address.
        mien: version that does the job.
        model: name and SHA-256 of the model file.
        detector: name and SHA-256 of the detector's file (None where it has none).
        labels: of the model, in order.
        settings: the fields of `mien.batch.Settings`.
        plan: SHA-256 of `plan.jsonl`.
        inputs: number of inputs.
        parts: number of parts.
        passed: files that are no inputs, by suffix.
        state: "running" or "finished".
        faces: number of faces; None while it is running.
        errors: number of inputs that could not be read.
        frames: number of frames of videos.

    """

    source: str
    mien: str
    model: dict[str, Any]
    detector: dict[str, Any]
    labels: tuple[str, ...]
    settings: dict[str, Any]
    plan: str
    inputs: int
    parts: int
    passed: dict[str, int] = field(default_factory=dict)
    state: str = "running"
    faces: int | None = None
    errors: int | None = None
    frames: int | None = None

    @property
    def job(self) -> str:
        """Identity of the job: 16 hex digits that depend on all that decides its rows."""
        body = asdict(replace(self, state="running", faces=None, errors=None, frames=None))
        return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Write the manifest in one step.

    Raises:
        OutputError: it cannot be written.

    """
    body = {"format": _FORMAT, "job": manifest.job, **asdict(manifest)}
    with folder.create(NAME) as file:
        file.write(json.dumps(body, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")


def read_manifest(folder: Folder) -> Manifest | None:
    """The manifest of a result folder; None where there is none.

    Raises:
        OutputError: it is damaged, or of a format that this version does not know.

    """
    try:
        with folder.open(NAME) as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"Cannot read {folder.text}/{NAME}: {error.strerror or error}.") from error
    try:
        body = json.loads(text)
        if body.pop("format") != _FORMAT:
            raise OutputError(f"{folder.text}/{NAME} has another format than {_FORMAT}; upgrade mien.")
        body.pop("job")
        return Manifest(**body | {"labels": tuple(body["labels"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OutputError(f"{folder.text}/{NAME} is damaged ({error}); begin again in another folder.") from error


def check_same(found: Manifest, wanted: Manifest, folder: str) -> None:
    """Refuse to go on with a job that was asked for in other words.

    Raises:
        OptionError: names what differs.

    """
    pairs = [(name, getattr(found, name), getattr(wanted, name)) for name in ("source", "mien", "model", "detector")]
    pairs += [(f"the option {name!r}", found.settings.get(name), value) for name, value in wanted.settings.items()]
    for name, old, new in pairs:
        if old != new:
            raise OptionError(
                f"The job in {folder} was started with another value of {name}: {_told(old)}, now {_told(new)}. "
                "Go on with the same, or begin again in another folder."
            )


def _told(value: Any) -> str:
    """A value for people: a file by its name and the first digits of its SHA-256."""
    if isinstance(value, dict) and "name" in value:
        digest = str(value.get("sha256") or "")[:12]
        return f"{value['name']} (sha256 {digest})" if digest else str(value["name"])
    return repr(value)
