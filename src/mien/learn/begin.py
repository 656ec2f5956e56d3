"""The beginning of a run: its folder appears whole, so that a run killed at any moment can go on or was never there."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

from mien.core.errors import OutputError, TrainError
from mien.core.files import atomic_write, make_folder
from mien.data.formats import selection
from mien.data.manifest import Manifest
from mien.learn.config import Config
from mien.learn.runfolder import CONFIG, RECORD, SPLITS_FILE, main_process, read_json, refuse_existing, write_json
from mien.learn.settings import to_toml

__all__ = ["check_data", "open_run"]


def open_run(run: Path, config: Config, record: dict[str, Any], manifest: Manifest, *, resume: bool) -> None:
    """Make the run folder, or check that the run in it is the one to go on with; either way keep the settings.

    Raises:
        OutputError: the folder holds something already, or cannot be written.
        TrainError: the data of the run are others.

    """
    if not main_process():
        return
    if resume:
        check_data(run, read_json(run / RECORD), record["data"]["sha256"], record["labels"])
        _write_settings(run, config)
        return
    refuse_existing(run)
    make_folder(run.parent)
    new = run.with_name(f".{run.name}.{secrets.token_hex(4)}.part")
    try:
        (new / "checkpoints").mkdir(parents=True)
        _write_settings(new, config)
        if config.validation or config.folds:
            selection.write(new / SPLITS_FILE, Path(manifest.source), manifest)
        write_json(new / RECORD, record | {"state": "started"})
        if run.is_dir():
            run.rmdir()  # it is empty
        new.rename(run)
    except OSError as error:
        raise OutputError(f"Cannot create the folder {run}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write_settings(run: Path, config: Config) -> None:
    with atomic_write(run / CONFIG, "w") as file:
        file.write(to_toml(config))


def check_data(run: Path, before: dict[str, Any], sha256: str, labels: Any) -> None:
    """Check that a run was started on these data.

    Raises:
        TrainError: other pictures, splits or labels.

    """
    if before.get("data", {}).get("sha256") != sha256:
        raise TrainError(f"The data have changed since {run} was started; train into a new folder.")
    if before.get("labels") != labels:
        raise TrainError(
            f"The run {run} was started with the labels {before.get('labels')}, the data now give {labels}; train into "
            "a new folder."
        )
