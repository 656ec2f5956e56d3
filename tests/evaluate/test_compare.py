"""Runs are read, measured, ranked and drawn; folders that are no runs are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien.core.errors import DataError, OptionError
from mien.evaluate.compare import differences, rank, read_run, write_comparison
from mien.evaluate.records import read_evaluation, write_evaluation

MakeRun = Callable[..., Path]


def test_reads_a_run(run_folder: MakeRun):
    """A run gives its architecture, parameters, size, speed and figures."""
    run = read_run(run_folder("a", 0.7, 123), speed_s=0.02)
    assert (run.name, run.model, run.parameters) == ("a", "mien-s", 123)
    assert run.figures["accuracy"] == 0.7
    assert run.bytes > 0
    assert run.ms is not None
    assert run.ms > 0
    bare = read_run(run_folder("b", parameters=None), speed_s=0)
    assert (bare.model, bare.parameters, bare.ms) == ("brightness", None, None)


def test_ranks(run_folder: MakeRun):
    """Higher is better for accuracy, lower for log-loss; an unknown figure is refused."""
    runs = [read_run(run_folder(name, a), speed_s=0) for name, a in (("low", 0.5), ("high", 0.9), ("middle", 0.7))]
    assert [run.name for run in rank(runs)] == ["high", "middle", "low"]
    for run, loss in zip(runs, (0.3, 0.2, 0.1), strict=True):
        run.figures["log_loss"] = loss  # type: ignore[index]
    assert [run.name for run in rank(runs, "log_loss")] == ["middle", "high", "low"]
    with pytest.raises(OptionError, match="Unknown figure 'f1'"):
        rank(runs, "f1")


def test_warns_of_different_data(run_folder: MakeRun):
    """Runs that were judged on other pictures are not silently ranked together."""
    folders = [run_folder("a"), run_folder("b")]
    assert differences([read_run(f, speed_s=0) for f in folders]) == ""
    path = folders[1] / "evaluation" / "validation.json"
    body = read_evaluation(path)
    body["data"]["sha256"] = "1" * 64
    write_evaluation(path, body)
    assert "don't compare" in differences([read_run(f, speed_s=0) for f in folders])


def test_writes_the_comparison(run_folder: MakeRun, tmp_path: Path):
    """The comparison is a page, a plot and JSON."""
    runs = rank([read_run(run_folder("a", 0.5), speed_s=0.02), read_run(run_folder("b", 0.9), speed_s=0.02)])
    page = write_comparison(runs, "accuracy", tmp_path / "out")
    assert page.read_text(encoding="utf-8").count("<tr>") == 3
    body = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert [run["name"] for run in body["runs"]] == ["b", "a"]
    assert (tmp_path / "out" / "compare.png").stat().st_size > 5000


def test_other_folders_are_refused(tmp_path: Path, run_folder: MakeRun):
    """A folder that is no finished run is refused, and so is a damaged one."""
    with pytest.raises(DataError, match="not the folder of a finished run"):
        read_run(tmp_path)
    damaged = run_folder("damaged")
    (damaged / "run.json").write_text("{")
    with pytest.raises(DataError, match=r"Cannot read .*run\.json"):
        read_run(damaged)
    (damaged / "run.json").write_text("[]")
    with pytest.raises(DataError, match="expected a JSON object"):
        read_run(damaged)


def test_curves_of_several_runs(run_folder: MakeRun, tmp_path: Path, mien: Callable[..., Any]):
    """The command draws all runs into one figure and says what a difference is worth; a run without curves is named."""
    folders = [run_folder("a", 0.5), run_folder("b", 0.9)]
    rows = ["epoch,validation_log_loss,validation_accuracy,clean_loss", "1,1.0,0.4,1.1", "2,0.9,0.5,1.0"]
    for folder in folders:
        (folder / "metrics.csv").write_text("\n".join(rows))
    done = mien("compare", *folders, "--no-speed", "--curves", tmp_path / "curves.png", "--out", tmp_path / "out")
    assert done.status == 0, done.err
    assert "b and a: " in done.out
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out" / "curves.png").stat().st_size > 5000
    (folders[0] / "metrics.csv").unlink()
    assert "Cannot read the training figures" in mien("compare", *folders, "--curves", tmp_path / "x.png").err
