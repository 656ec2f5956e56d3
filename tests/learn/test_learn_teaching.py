"""Teaching trained weights other classes: the settings that hold, `mien.train`, and what it is good for."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mien
from mien.core.errors import MissingExtraError, OptionError, TrainError
from mien.core.labels import LabelSet
from mien.data import read
from mien.data.convert import convert
from mien.data.manifest import Manifest
from mien.evaluate.judge import judge
from mien.infer.classify import load_classifier
from mien.learn.config import Config, Stage
from mien.learn.starts import Start, packaged_weights, start_of
from mien.learn.teaching import photographs, taught, teaching_settings, told
from mien.learn.train import Outcome

OWN = {"angry": "grump", "happy": "grin", "sad": "gloom", "surprise": "gasp"}
"""Labels of ExpW and what somebody else might call them."""

WILD = Start("wild", {"model": "mien-s3", "size": 48, "color": "gray", "margin": 1.13, "shift_y": 0.02})


def settings(pictures: int = 128, **given: object) -> Config:
    """Settings for fine-tuning from what a caller asks for."""
    values = teaching_settings(WILD, given, pictures, has_validation=True)
    return dataclasses.replace(Config(), **{**values, **given})


def test_head_first_then_slowly() -> None:
    """Few pictures: half of the epochs for the head alone, then the whole network at a fiftieth of that rate."""
    config = settings()
    assert config.stages == (Stage("head-only", 4, 0.05), Stage("none", 4))
    assert [stage.lr for stage in config.plan] == [0.05, 0.001]
    assert config.batch_size == 16
    assert config.weight_decay < Config().weight_decay
    assert (config.model, config.size, config.margin) == ("mien-s3", 48, 1.13)
    many = settings(20_000)
    assert (many.lr, many.batch_size) == (0.02, 128)


def test_what_the_caller_names_is_taken() -> None:
    """Epochs, rates, frozen layers, minutes: what is named replaces its default, and what hangs on it follows."""
    assert [s.epochs for s in settings(epochs=21).stages] == [10, 11]
    assert settings(epochs=1).stages == ()
    assert [s.lr for s in settings(lr=0.3).plan] == [0.3, 0.3]
    frozen = settings(freeze="head-only")
    assert (frozen.stages, frozen.total_epochs, frozen.lr) == ((), 8, 0.05)
    timed = teaching_settings(WILD, {"minutes": 3.0}, 128, has_validation=True)
    assert [(stage.freeze, stage.epochs) for stage in timed["stages"]] == [("head-only", 1), ("none", 1)]
    text = told(Config(weights="wild", minutes=3.0, stages=timed["stages"]), 128)
    assert "50% of 3 minutes of the new head alone at a learning rate of 0.05" in text
    assert settings(schedule="plateau", epochs=9).stages == ()


def test_validation_is_taken_out_where_there_is_none() -> None:
    """A fifth of few pictures and a tenth of many, unless the data have a split or the caller says how much."""

    def part(pictures: int, has: bool, **given: object) -> object:
        return teaching_settings(WILD, given, pictures, has_validation=has).get("validation")

    assert (part(100, False), part(10_000, False), part(100, True)) == (0.2, 0.1, None)
    assert part(100, False, validation=0.4) is None


def test_what_is_told() -> None:
    """The line names weights, pictures, stages and rates, and how to change them."""
    text = told(settings(validation=0.2), 160)
    stages = (
        "4 epochs of the new head alone at a learning rate of 0.05, then 4 epochs of the whole network at a learning"
    )
    for part in ("Fine-tuning wild on 160 pictures, 20% of them", f"{stages} rate of 0.001", "--epochs 20", "--config"):
        assert part in text


def test_packaged_weights_say_what_they_are() -> None:
    """The names that come with mien bring architecture and crops; a path that is nothing lists them."""
    for name in packaged_weights():
        start = start_of(name)
        assert start is not None
        crop = load_classifier(name).crop
        assert (start.settings["size"], start.settings["margin"]) == (crop.size, crop.margin)
    with pytest.raises(TrainError, match="With mien come fer2013, wild"):
        start_of("nowhere")


def test_runs_as_a_start(finished: Outcome, drawn: Manifest, tmp_path: Path) -> None:
    """The folder of a run is a start with its own crops, as is its file of weights; other makers' files are none."""
    import torch
    from safetensors.torch import save_file

    for name in (finished.run, finished.run / "model.safetensors"):
        start = start_of(str(name))
        assert start is not None
        assert (start.settings["model"], start.settings["size"]) == ("mien-xs", 24)
    save_file({"conv.weight": torch.zeros(1)}, tmp_path / "timm.safetensors")
    assert start_of(str(tmp_path / "timm.safetensors")) is None
    config, text = taught([({"weights": str(tmp_path / "timm.safetensors")}, "here")], drawn)
    assert (config.stages, text) == ((), "")
    for content in (b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0[]"):
        (tmp_path / "bad.safetensors").write_bytes(content)
        with pytest.raises(TrainError, match=r"Cannot read the weights .*bad"):
            start_of(str(tmp_path / "bad.safetensors"))


def test_photographs_are_noticed(drawn: Manifest) -> None:
    """Pictures that are no squares are probably photographs, and training takes pictures whole."""
    assert photographs(drawn) == ""
    stats = drawn.stats
    wide = dataclasses.replace(stats, shapes=np.tile(np.array([[480, 640, 3]], np.int32), (len(drawn), 1)))
    assert "mien data crop" in photographs(drawn.with_checked(wide, ()))


@pytest.fixture(scope="module")
def own(drawn: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn data set as somebody's own folder: a folder per class, no splits, no votes."""
    out = tmp_path_factory.mktemp("own") / "own"
    one = drawn.select(drawn.split != "test")
    part = dataclasses.replace(one, split=np.array([""] * len(one)), votes=None, vote_labels=())
    convert(part, out, "folders")
    return out


def test_one_call(own: Path, finished: Outcome, tmp_path: Path, astronaut: NDArray[np.uint8]) -> None:
    """`mien.train` gives a model that `mien.analyze` reads with; a validation split is taken out by itself."""
    lines: list[str] = []
    result = mien.train(own, tmp_path / "run", weights=finished.run, epochs=2, say=lines.append, device="cpu")
    assert any(line.startswith("Fine-tuning") for line in lines)
    assert result.labels == ("happy", "sad", "neutral")
    assert (result.run, result.epochs, result.stopped) == (tmp_path / "run", 2, False)
    assert result.model.is_file()
    assert result.report.is_file()
    assert 15 <= result.figures["n"] <= 40  # about a fifth of 108; drawings that look alike stay together
    (face,) = mien.analyze(astronaut, model=result.model)
    assert set(face.probabilities) == set(result.labels)
    assert load_classifier(result.model).crop.size == 24


def test_bad_calls(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown setting names the nearest, without torch the extra is named, and nothing is left behind."""
    with pytest.raises(OptionError, match="Did you mean 'epochs'"):
        mien.train(own, tmp_path / "run", epoch=3)
    monkeypatch.setitem(sys.modules, "mien.learn.train", None)
    with pytest.raises(MissingExtraError, match=r"mien\[train\]"):
        mien.train(own, tmp_path / "run", weights="wild")
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def own_faces(shared: Path) -> Manifest:
    """ExpW faces under names of one's own: 40 per class without a split, 100 per class as test."""
    file = shared / "data" / "expw" / "validation.parquet"
    if not file.is_file():
        pytest.skip("ExpW is not in the folder of shared data")
    faces = read(file, check=False)
    rng, names = np.random.default_rng(7), list(OWN)
    rows, split = [], []
    for name in names:
        here = np.flatnonzero(faces.label == faces.labels.names.index(name))
        rows.append(rng.permutation(here)[:140])
        split += ["train"] * 40 + ["test"] * 100
    part = faces.select(np.concatenate(rows))
    label = np.repeat(np.arange(len(OWN)), 140)
    return dataclasses.replace(
        part, labels=LabelSet(tuple(OWN.values())), label=label, split=np.array(split), group=None
    )


def test_taught_beats_trained_from_nothing(own_faces: Manifest, tmp_path: Path) -> None:
    """Of 4 x 40 faces of own classes, weights that never saw ExpW learn at least 10 points more than a network from
    nothing does in as many epochs; on 400 faces that neither of them saw.
    """
    source = tmp_path / "own"
    taught_on = own_faces.select(own_faces.split == "train")
    convert(dataclasses.replace(taught_on, split=np.array([""] * len(taught_on))), source, "folders")
    accuracy = {}
    for name, more in (("fer2013", {}), ("", {"model": "mien-s3", "validation": 0.2, "batch_size": 16, "lr": 0.02})):
        result = mien.train(
            source, tmp_path / f"run-{name}", weights=name, epochs=6, seed=1, say=lambda _: None, threads=1,
            device="cpu", report_pictures=False, **more,
        )  # fmt: skip
        found = judge(load_classifier(result.model), own_faces, split="test", bootstrap=0)
        accuracy[name] = found.figures.accuracy
    print(accuracy)
    assert accuracy["fer2013"] >= accuracy[""] + 0.1
    assert accuracy["fer2013"] >= 0.55
