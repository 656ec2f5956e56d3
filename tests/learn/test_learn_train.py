"""A whole run: what it leaves, that it can be repeated, resumed after a kill, and when it refuses to start."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from mien.core.errors import DataError, MienError, OptionError, OutputError, TrainError
from mien.data import read
from mien.data.manifest import Manifest
from mien.learn.checkpoints import AtomicCheckpoints
from mien.learn.config import Config, Stage
from mien.learn.leaks import split_for_training
from mien.learn.saved import load_network
from mien.learn.settings import read_config, to_toml
from mien.learn.train import Outcome, train


def history(run: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv without the wall-clock time."""
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_run_folder(finished: Outcome) -> None:
    """A finished run must leave everything that docs/training.md promises, and no half-written file."""
    run = finished.run
    for name in (
        "config.toml", "run.json", "metrics.csv", "curves.png", "confusion.png", "report.html", "model.safetensors",
        "model.json", "model.onnx", "model-votes.onnx", "evaluation/validation.json", "checkpoints/last.ckpt",
        "evaluation/predictions.csv", "evaluation/predictions-votes.csv", "evaluation/classification_report.txt",
    ):  # fmt: skip
        assert (run / name).stat().st_size > 0, name
    assert any((run / "tensorboard").iterdir())
    assert not list(run.rglob("*.part*"))
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    assert record["epochs"] == 4
    assert record["data"]["trained_on"] == 72
    assert len(history(run)) == 4


def test_figures_are_those_of_the_file(finished: Outcome, drawn: Manifest) -> None:
    """The figures in run.json must be those of the written model file, judged again."""
    from mien.evaluate.judge import judge
    from mien.infer.classify import load_classifier

    again = judge(load_classifier(finished.run), drawn, split="validation", bootstrap=0).figures
    record = json.loads((finished.run / "run.json").read_text(encoding="utf-8"))
    assert again.accuracy == record["validation"]["labels"]["accuracy"]
    assert again.log_loss == pytest.approx(record["validation"]["labels"]["log_loss"], abs=1e-9)


def test_class_counts_of_the_file(finished: Outcome) -> None:
    """The file must say how many pictures of each class it learnt from."""
    from mien.infer.classify import load_classifier

    counts = load_classifier(finished.run).info.training["class_counts"]
    assert set(counts) == set(load_classifier(finished.run).info.labels)
    assert sum(counts.values()) == 72


def test_config_reads_back(finished: Outcome, tiny: Config) -> None:
    """The settings in the folder must read back as the settings that ran."""
    assert read_config(finished.run / "config.toml") == tiny


def test_seed_repeats_a_run(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """The same seed must give the same run, to the last digit; another seed another one."""
    again = train(drawn, tiny, tmp_path / "again")
    assert history(again.run) == history(finished.run)
    assert again.validation == finished.validation


def test_resume_after_kill(tmp_path: Path, drawn: Manifest, tiny: Config) -> None:
    """A run that is killed with SIGKILL and resumed must end with the figures of one that was not."""
    settings = dataclasses.replace(tiny, epochs=12, targets="hard")
    source = write_folders(drawn, tmp_path / "data")
    (tmp_path / "settings.toml").write_text(to_toml(settings), encoding="utf-8")
    run = tmp_path / "killed"
    command = [sys.executable, "-m", "mien", "train", str(source), "--config", str(tmp_path / "settings.toml"),
               "--out", str(run)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 120
        while not (run / "checkpoints" / "last.ckpt").exists():
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            assert time.monotonic() < deadline, "no checkpoint within two minutes"
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (run / "model.onnx").exists()
    manifest = read(source)
    resumed = train(manifest, read_config(run / "config.toml"), run, resume=True)
    whole = train(manifest, settings, tmp_path / "whole")
    assert history(resumed.run) == history(whole.run)
    assert resumed.validation == whole.validation
    assert resumed.best_epoch == whole.best_epoch


def write_folders(manifest: Manifest, root: Path) -> Path:
    """The manifest as folders of PNG files."""
    import cv2

    for i in range(len(manifest)):
        folder = root / str(manifest.split[i]) / manifest.labels.names[manifest.label[i]]
        folder.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(folder / f"{i:04}.png"), manifest.load(i))
    return root


def test_no_folder_without_a_network(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """Where the network cannot be made, no run folder may stay behind; a changed architecture must not take a
    checkpoint.
    """
    with pytest.raises(TrainError, match="no file of weights"):
        train(drawn, dataclasses.replace(tiny, weights=str(tmp_path / "none.safetensors")), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(TrainError, match="another network than the run's settings"):
        train(drawn, dataclasses.replace(tiny, model="cnn", epochs=5), finished.run, resume=True)


def test_resume_refuses_other_data(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A run must not be resumed with other data, nor started over something that exists."""
    with pytest.raises(TrainError, match="data have changed"):
        train(drawn.select(np.arange(len(drawn)) != 5), tiny, finished.run, resume=True)
    with pytest.raises(OutputError, match="exists already"):
        train(drawn, tiny, finished.run)
    with pytest.raises(TrainError, match="run.json"):
        train(drawn, tiny, tmp_path / "nothing", resume=True)


def test_full_disk_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    """A checkpoint that cannot be written must leave the last good one whole and say how to go on."""
    target = tmp_path / "checkpoints" / "last.ckpt"
    keeper = AtomicCheckpoints()
    keeper.save_checkpoint({"weights": torch.ones(10)}, target)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # what a full disk does to a writer
    try:
        with pytest.raises(TrainError, match="the last one is whole"):
            keeper.save_checkpoint({"weights": torch.ones(1_000_000)}, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert torch.load(target, weights_only=True)["weights"].sum() == 10
    assert [p.name for p in target.parent.iterdir()] == ["last.ckpt"]


def test_refuses_validation_that_is_training(drawn: Manifest) -> None:
    """Validating on the training slice, as the founding project with 96.9 % did, must be refused with the share."""
    rows = np.flatnonzero(drawn.split == "train")
    both = np.concatenate([rows, rows])
    split = np.array(["train"] * len(rows) + ["validation"] * len(rows))
    leaky = dataclasses.replace(drawn.select(both), split=split)
    with pytest.raises(TrainError, match=r"72 of the 72 pictures of the validation split \(100%\)"):
        split_for_training(leaky)


@pytest.mark.parametrize(("leaked", "refused"), [(7, False), (8, True)])
def test_a_fifth_may_leak(drawn: Manifest, leaked: int, refused: bool) -> None:
    """The share counts pictures of the judged split: one in five may leak, more may not."""
    validation = np.flatnonzero(drawn.split == "validation")  # 36 pictures, a fifth is 7.2
    rows = np.concatenate([np.arange(len(drawn)), validation[:leaked]])
    split = np.concatenate([drawn.split, np.array(["train"] * leaked)])
    leaky = dataclasses.replace(drawn.select(rows), split=split)
    if refused:
        with pytest.raises(TrainError, match="occur in the training split"):
            split_for_training(leaky)
        return
    found = split_for_training(leaky)
    assert (len(found.train), found.removed, found.leaked["validation"]) == (72, leaked, leaked)
    assert f"{leaked} pictures left out of training" in found.message()
    kept = split_for_training(leaky, keep_leaks=True)
    assert (len(kept.train), kept.removed) == (72 + leaked, 0)
    assert "kept" in kept.message()


def test_fer2013_leaks(fer2013: Path) -> None:
    """Real FER-2013 must lose the 703 training pictures that its README's leaks imply, and nothing else."""
    found = split_for_training(read(fer2013, check=False))
    assert found.leaked == {"validation": 280, "test": 288}
    assert len(found.train) == 28_709 - found.removed


def test_refuses_unfit_data(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """Data that cannot be trained on must get a sentence that says which, not a traceback."""
    no_sad = drawn.select((drawn.split != "train") | (drawn.label != 1))
    with pytest.raises(TrainError, match="no picture of sad"):
        train(no_sad, tiny, tmp_path / "a")
    one_class = drawn.with_labels(["happy"])
    with pytest.raises(TrainError, match="only the class happy; a model needs at least two"):
        train(one_class, tiny, tmp_path / "d")
    no_validation = drawn.select(drawn.split != "validation")
    with pytest.raises(TrainError, match="no pictures in the split 'validation'.*--validation 0.1"):
        train(no_validation, tiny, tmp_path / "b")
    no_votes = dataclasses.replace(drawn, votes=None, vote_labels=())
    with pytest.raises(TrainError, match="has no votes"):
        train(no_votes, tiny, tmp_path / "c")
    unlabelled = dataclasses.replace(drawn, label=np.where(np.arange(len(drawn)) == 4, -1, drawn.label))
    with pytest.raises(DataError, match="1 pictures have no label"):
        train(unlabelled, tiny, tmp_path / "d")
    with pytest.raises(OptionError, match="Did you mean 'mien-s'"):
        train(drawn, dataclasses.replace(tiny, model="mein-s"), tmp_path / "e")
    assert not any(tmp_path.iterdir())


def test_other_settings(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """One short run with the rest of the settings at once must come to its end: stages, sampler, AdamW, votes,
    colour.
    """
    config = dataclasses.replace(
        tiny, targets="votes", color="rgb", optimizer="adamw", lr=1e-3, balance="sampler", schedule="one-cycle",
        ema=0.0, accumulate=2, clip=1.0, early_stop=3, precision="bf16", augment="strong", classes=("happy", "sad"),
        stages=(Stage("head-only", 1, 1e-3), Stage("2", 1), Stage("none", 1)), monitor="log_loss",
    )  # fmt: skip
    said: list[str] = []
    outcome = train(drawn, config, tmp_path / "run", say=said.append)
    assert outcome.epochs == 3
    assert [line.split()[1] for line in said if line.startswith("epoch")] == ["1/3", "2/3", "3/3"]


def test_errors_are_ours() -> None:
    """Every error that a run raises on purpose must be one of the project's, so that the command prints a sentence."""
    assert issubclass(TrainError, MienError)


def test_divergence_and_missing_device(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A run that diverges must say so and what to do, and a device that is not there must be a wrong option."""
    wild = dataclasses.replace(tiny, targets="hard", model="ann", lr=100.0, weight_decay=0.0, ema=0.0, epochs=12)
    with pytest.raises(TrainError, match="diverged in epoch"):
        train(drawn, wild, tmp_path / "wild")
    if not torch.cuda.is_available():
        with pytest.raises(OptionError, match="This machine cannot train so"):
            train(drawn, dataclasses.replace(tiny, device="gpu"), tmp_path / "gpu")
        with pytest.raises(OptionError, match="'16' needs a GPU"):
            train(drawn, dataclasses.replace(tiny, precision="16"), tmp_path / "half")


def test_resume_of_a_finished_run(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """Going on with a run that is finished must change nothing but write its files again."""
    config = dataclasses.replace(tiny, targets="hard", epochs=1, warmup=0.0)
    first = train(drawn, config, tmp_path / "run")
    before = history(first.run)
    again = train(drawn, config, first.run, resume=True)
    assert (again.validation, again.epochs, history(again.run)) == (first.validation, 1, before)


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("content", [b"", bytes(1000), b"PK\x03\x04" + bytes(100), b"\x80\x02no"])
def test_damaged_checkpoints(tmp_path: Path, name: str, content: bytes) -> None:
    """A damaged checkpoint ends a resumed run with a sentence that names it, whatever is wrong with its bytes."""
    from mien.learn.checkpoints import AtomicCheckpoints, load_state

    (tmp_path / name).write_bytes(content)
    for load in (AtomicCheckpoints().load_checkpoint, load_state):
        with pytest.raises(TrainError, match=f"{name} is damaged"):
            load(tmp_path / name)


def test_keep_start(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A run that keeps its start whole must leave the start's weights, one that keeps a quarter the mean of both;
    a start that is missing or of other heads must be refused before the run begins.
    """
    start = str(finished.run / "model.safetensors")
    plain = dataclasses.replace(tiny, epochs=1, lr=0.01, weights=start, ema=0.0)
    left = {}
    for share in (0.0, 0.25, 1.0):
        outcome = train(drawn, dataclasses.replace(plain, keep_start=share), tmp_path / f"run{share}")
        state = load_network(outcome.run)[0].state_dict()
        left[share] = {k: v for k, v in state.items() if k.startswith("trunk.") and v.dtype.is_floating_point}
    began = load_network(finished.run)[0].state_dict()
    assert any(not torch.equal(left[0.0][k], began[k]) for k in left[0.0])
    for k, new in left[0.0].items():
        torch.testing.assert_close(left[1.0][k], began[k])
        torch.testing.assert_close(left[0.25][k], 0.75 * new + 0.25 * began[k])
    with pytest.raises(OptionError, match="name these with 'weights'"):
        train(drawn, dataclasses.replace(plain, keep_start=0.5, weights=""), tmp_path / "none")
    with pytest.raises(TrainError, match="another architecture"):
        train(drawn, dataclasses.replace(plain, keep_start=0.5, targets="votes"), tmp_path / "other")
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "other").exists()


def test_name_and_licence(finished: Outcome, drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A model bears its run's name, its second head the head's too, and no licence but a stated one."""
    from mien.infer.classify import load_classifier

    info = load_classifier(finished.run).info
    assert (info.name, info.license) == ("finished", "not stated")
    assert load_classifier(finished.run / "model-votes.onnx").info.name == "finished-votes"
    config = dataclasses.replace(tiny, targets="hard", epochs=1, warmup=0.0, license="CC-BY-4.0", report_pictures=False)
    assert load_classifier(train(drawn, config, tmp_path / "mine").run).info.license == "CC-BY-4.0"
    assert "data:image/jpeg" not in (tmp_path / "mine" / "report.html").read_text(encoding="utf-8")


def test_a_learning_rate_of_50(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A loss that explodes but stays a number ends the run, too."""
    wild = dataclasses.replace(tiny, targets="hard", model="cnn", lr=50.0, ema=0.0, warmup=0.0, epochs=6)
    with pytest.raises(TrainError, match="diverged in epoch"):
        train(drawn, wild, tmp_path / "wild")
    assert not (tmp_path / "wild" / "model.onnx").exists()


def test_the_report_tells_the_curves(finished: Outcome) -> None:
    """The page explains the curves, names the interval of the threshold, and says confusion matrix."""
    page = (finished.run / "report.html").read_text(encoding="utf-8")
    assert "says nothing of overfitting" in page
    assert "95 % interval is" in page
    assert "Confusion matrix" in page
    assert "(Grad-CAM)" in page
    assert "mien train --no-pictures leaves them out" in page
    rows = history(finished.run)
    assert all(0 <= float(row["clean_accuracy"]) <= 1 for row in rows)
