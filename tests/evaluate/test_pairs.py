"""Runs are tested on the same pictures, cross-validations also over the same folds; else a sentence says why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from judging_worlds import LABELS, Brightness, manifest_of, squares

from mien.data import Manifest
from mien.evaluate.answered import read_answered
from mien.evaluate.compare import pairs_of, read_run
from mien.evaluate.crossfold import FOLDS_FORMAT, mean_and_deviation, pooled_evaluation
from mien.evaluate.judge import judge
from mien.evaluate.predictions import write_predictions
from mien.evaluate.records import write_evaluation

MakeRun = Callable[..., Path]


def answers(label: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Probabilities whose answer is the label but for some pictures."""
    p = np.full((len(label), len(LABELS)), 0.1)
    p[np.arange(len(label)), (label + wrong) % len(LABELS)] = 0.8
    return p.astype(np.float32)


@pytest.fixture(scope="module")
def ninety() -> Manifest:
    """Ninety grey squares, without a split."""
    label = [i % 3 for i in range(90)]
    return manifest_of(squares([k / 2 for k in label]), label, ["validation"] * 90)


def with_predictions(folder: Path, manifest: Manifest, wrong: int) -> Path:
    """Beside a run's evaluation, predictions of which the first so many are wrong, in another order for odd numbers."""
    flags = np.arange(len(manifest)) < wrong
    rows = np.arange(len(manifest))[:: -1 if wrong % 2 else 1]
    part = manifest.select(rows)
    write_predictions(
        folder / "evaluation" / "predictions.csv", part, part.label, answers(part.label, flags[rows]), LABELS, 0.4
    )
    return folder


def test_predictions_are_read_back(ninety: Manifest, tmp_path: Path) -> None:
    """The table gives rows, labels and probabilities as they were."""
    (tmp_path / "evaluation").mkdir()
    with_predictions(tmp_path, ninety, 9)
    found = read_answered(tmp_path / "evaluation" / "predictions.csv")
    assert found.labels == LABELS
    assert found.rows[0] == 89
    assert (found.label == ninety.label[::-1]).all()
    assert found.right.sum() == 81


def test_single_runs(run_folder: MakeRun, ninety: Manifest) -> None:
    """The pictures on which the two differ decide; a run without predictions says what to do."""
    good = with_predictions(run_folder("good", 0.9), ninety, 5)
    bad = with_predictions(run_folder("bad", 0.6), ninety, 30)
    old = run_folder("old", 0.5)
    pairs = pairs_of([read_run(folder, speed_s=0) for folder in (good, bad, old)])
    pair = pairs[0]
    assert pair.figures is not None
    assert pair.errors is not None
    assert (pair.errors.only_first, pair.errors.only_second) == (25, 0)
    assert pair.figures["accuracy"].difference == pytest.approx(25 / 90)
    assert pair.figures["accuracy"].low > 0
    assert "good less bad: +27.8 (" in pair.text()
    assert "<0.0001" in pair.text()
    assert "mien train --finish RUN" in pairs[1].text()
    assert json.dumps(pair.to_dict())


def folds_run(folder: Path, manifest: Manifest, wrong: int, per_fold: int = 30) -> Path:
    """A cross-validation of three folds; in each, so many answers and one more for every fold are wrong."""
    folder.mkdir(parents=True)
    results = {}
    for fold in range(1, 4):
        part = manifest.select(np.arange((fold - 1) * per_fold, fold * per_fold))
        target = folder / f"fold-{fold}" / "test"
        target.mkdir(parents=True)
        p = answers(part.label, np.arange(per_fold) < wrong + fold)
        body = judge(Brightness(), part, split="validation", model={"name": "fold", "uncertain_below": 0.4}).to_dict()
        write_evaluation(target / "test.json", body)
        write_predictions(target / "predictions.csv", part, part.label, p, LABELS, 0.4)
        accuracy = 1 - (wrong + fold) / per_fold
        results[str(fold)] = {"accuracy": accuracy, "n": per_fold, "trained_on": 50, "best_epoch": 1}
    lines = [f"{digest},{i // per_fold + 1}" for i, digest in enumerate(manifest.digests)]
    (folder / "folds.csv").write_text("\n".join(["sha256,fold", *lines]))
    mean, deviation = mean_and_deviation([r["accuracy"] for r in results.values()])
    data = {"source": "squares", "sha256": manifest.digest, "pictures": len(manifest)}
    record = {
        "format": FOLDS_FORMAT, "folds": 3, "done": [1, 2, 3], "results": results, "data": data, "model": "mien-s",
        "mean": {"accuracy": mean}, "deviation": {"accuracy": deviation},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "evaluation").mkdir()
    write_evaluation(folder / "evaluation" / "evaluation.json", pooled_evaluation(folder, [1, 2, 3], data, {}))
    return folder


def test_cross_validations(run_folder: MakeRun, ninety: Manifest, tmp_path: Path) -> None:
    """Folds give the corrected t-test and pooled figures; other folds, or a single run, are said and not tested."""
    folders = [folds_run(tmp_path / "a", ninety, 1), folds_run(tmp_path / "b", ninety, 4)]
    for folder in folders:
        (folder / "fold-1" / "model.onnx").write_bytes((run_folder(f"of-{folder.name}") / "model.onnx").read_bytes())
    runs = [read_run(folder, speed_s=0) for folder in folders]
    assert runs[0].figures["accuracy"] == pytest.approx(1 - 9 / 90)
    pair = pairs_of(runs)[0]
    assert pair.over_folds is not None
    assert pair.over_folds.mean == pytest.approx(0.1)
    assert pair.pictures == 90
    assert "Over 3 folds: +10.0 ± 0.0 accuracy" in pair.text()
    assert json.dumps(runs[0].to_dict())

    table = folders[1] / "folds.csv"
    table.write_text(table.read_text().replace(",3", ",9").replace(",2", ",3").replace(",9", ",2"))
    assert "no test over folds. Mean accuracy and deviation over folds: a 90.0 ± 3.3 %" in pairs_of(runs)[0].text()
    single = read_run(run_folder("single"), speed_s=0)
    assert "one is a cross-validation" in pairs_of([runs[0], single])[0].text()
