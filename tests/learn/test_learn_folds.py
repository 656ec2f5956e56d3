"""A cross-validation is a run per fold, goes on after a stop, and tells mean, deviation and all pictures together."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_faces import draw, drawn_manifest

from mien.app.commands.train import command
from mien.core.errors import DataError, OptionError, TrainError
from mien.data.convert import convert
from mien.data.manifest import Manifest, pictures_array
from mien.data.pictures import Pixels
from mien.evaluate.answered import Answered
from mien.evaluate.crossfold import answered_folds
from mien.infer.classify import load_classifier
from mien.learn.config import Config
from mien.learn.folds import finish_folds, seconds_of_folds, train_folds


@pytest.fixture(scope="module")
def noisy() -> Manifest:
    """The drawn data set under so much noise that no two pictures are nearly the same."""
    whole = drawn_manifest(16, 4, 2)
    rng = np.random.default_rng(5)
    images = [
        np.clip(draw(int(k), rng).astype(float) * 0.6 + rng.normal(50, 45, (24, 24)), 0, 255).astype(np.uint8)
        for k in whole.label
    ]
    return dataclasses.replace(whole, pictures=pictures_array([Pixels(image) for image in images]), _cache={})


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_stops_and_goes_on(noisy: Manifest, tiny: Config, tmp_path: Path) -> None:
    """Ctrl-C leaves the fold as a model and says so; going on completes it, and the figures are of unseen pictures."""
    run = tmp_path / "folds"
    config = dataclasses.replace(tiny, targets="hard", folds=2, epochs=2)

    def interrupt(text: str) -> None:
        if text.startswith("epoch 1/"):
            os.kill(os.getpid(), signal.SIGINT)

    first = train_folds(noisy, config, run, say=interrupt)
    assert (first.stopped, first.done) == (signal.SIGINT, ())
    assert load_classifier(run / "fold-1").labels == ("happy", "sad", "neutral")
    assert seconds_of_folds(run) > 0
    said: list[str] = []
    outcome = train_folds(noisy, config, run, resume=True, say=said.append)

    assert (outcome.stopped, outcome.done, outcome.folds) == (0, (1, 2), 2)
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    figures = [record["results"][str(fold)]["accuracy"] for fold in (1, 2)]
    assert outcome.results["accuracy"] == pytest.approx((np.mean(figures), np.std(figures, ddof=1)))
    assert all(result["epochs"] == 2 for result in record["results"].values())
    answers = Answered.joined(answered_folds(run, (1, 2)))
    assert sorted(answers.rows) == sorted(np.flatnonzero(noisy.split != "test"))
    assert outcome.pooled["accuracy"] == pytest.approx(answers.right.mean())
    assert np.sum(outcome.pooled["confusion"]) == 60
    for name in ("report.html", "confusion.png", "curves.png", "evaluation/evaluation.json", "folds.csv"):
        assert (run / name).is_file(), name
    assert not any(line.startswith("Fold 1 of 2.") for line in train_again(noisy, config, run))


def train_again(manifest: Manifest, config: Config, run: Path) -> list[str]:
    """What is said when a complete cross-validation is asked to go on."""
    said: list[str] = []
    train_folds(manifest, config, run, resume=True, say=said.append)
    return said


def test_killed_in_a_fold(noisy: Manifest, tiny: Config, tmp_path: Path) -> None:
    """--finish makes a model of the fold that was under way and sums up what there is; other data are refused."""

    class KilledError(Exception):
        pass

    def kill(text: str) -> None:
        if text.startswith("Finishing"):
            raise KilledError

    run = tmp_path / "folds"
    config = dataclasses.replace(tiny, targets="hard", folds=2, epochs=1)
    with pytest.raises(KilledError):
        train_folds(noisy, config, run, say=kill)
    outcome = finish_folds(noisy, run)
    assert outcome.done == (1,)
    assert outcome.results["accuracy"][1] is None
    assert "Not complete yet: fold 2" in (run / "report.html").read_text(encoding="utf-8")
    with pytest.raises(DataError, match="have changed"):
        train_folds(drawn_manifest(8, 4, 2), config, run, resume=True)


def test_what_is_refused(noisy: Manifest, tiny: Config, tmp_path: Path) -> None:
    """One fold, folds beside a validation share, several devices, and folders without a complete epoch."""
    for wrong in ({"folds": 1}, {"folds": 2, "validation": 0.1}, {"folds": 2, "fold": 3}):
        with pytest.raises(OptionError):
            dataclasses.replace(tiny, **wrong)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="one device"):
        train_folds(noisy, dataclasses.replace(tiny, folds=2, devices=2), tmp_path / "run")
    assert not (tmp_path / "run").exists()

    def stop(text: str) -> None:
        if text.startswith("Fold 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_folds(noisy, dataclasses.replace(tiny, folds=2), tmp_path / "run", say=stop)
    with pytest.raises(TrainError, match="nothing can be finished"):
        finish_folds(noisy, tmp_path / "run")


def test_the_command(noisy: Manifest, tmp_path: Path) -> None:
    """`mien train --folds` prints mean and deviation, needs no validation split, and shares its minutes."""
    convert(noisy, tmp_path / "set", "folders")
    settings = tmp_path / "tiny.toml"
    settings.write_text(
        'model = "mien-xs"\nsize = 24\nbatch_size = 18\nthreads = 1\ndevice = "cpu"\n', encoding="utf-8"
    )
    run = tmp_path / "run"
    words = [str(tmp_path / "set"), "--out", str(run), "--config", str(settings), "--folds", "2", "--minutes", "0.05"]
    ended = CliRunner().invoke(command, words)
    assert ended.exit_code == 0, ended.exception
    assert "(mean and standard deviation of 2 folds)" in ended.output
    assert ended.output.count("minutes: ") == 2
    refused = CliRunner().invoke(command, ["--out", str(run), "--resume", "--epochs", "9"])
    assert isinstance(refused.exception, OptionError)
    assert CliRunner().invoke(command, ["--out", str(run), "--resume"]).exit_code == 0
