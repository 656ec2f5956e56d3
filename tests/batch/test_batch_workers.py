"""Processes that die: of an input, or before they have begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_worlds import deadly_work, faces, inputs, job, png, stillborn_work, write_folder

from mien.batch import local
from mien.core.errors import ModelError, OutputError


def test_deadly_inputs(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs that kill the process that reads them must get a row each; everything else must be read."""
    monkeypatch.setattr(local, "_work", deadly_work)
    files = {f"{i}.png": b"deadly" if i == 5 else png(i * 20) for i in range(8)}
    outcome = job(write_folder(tmp_path / "p", files), tmp_path / "out", tiny_model, workers=1)
    assert (outcome.inputs, outcome.faces, outcome.errors) == (8, 7, 1)
    assert "ended unexpectedly, twice" in inputs(tmp_path / "out")[5]["error"]
    monkeypatch.undo()
    job(tmp_path / "p", tmp_path / "calm", tiny_model)
    assert faces(tmp_path / "out") == faces(tmp_path / "calm")


def test_stillborn(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that never begin must end the job with a sentence, not be started for ever."""
    monkeypatch.setattr(local, "_work", stillborn_work)
    folder = write_folder(tmp_path / "p", {"a.png": png(5)})
    with pytest.raises(OutputError, match="status 3"):
        job(folder, tmp_path / "out", tiny_model, workers=1)


def test_errors_cross() -> None:
    """An error of the project must cross from process to process as what it is."""
    error = local._rebuilt("ModelError", "The file x is damaged.")
    assert type(error) is ModelError
    assert str(error) == "The file x is damaged."
    missing = local._rebuilt("MissingExtraError", "It needs pyarrow.")
    assert str(missing) == "It needs pyarrow."
