"""Settings: TOML diffs, typed values, and schedules that do what their name says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mien.core.errors import OptionError
from mien.learn.config import Config, Stage
from mien.learn.multi.recipe import read_recipe
from mien.learn.pace import learning_rate
from mien.learn.settings import from_mapping, read_config, to_toml

REPOSITORY = Path(__file__).resolve().parents[2]


def test_small_diff(tmp_path: Path) -> None:
    """A file names only what differs; everything else keeps its default."""
    file = tmp_path / "run.toml"
    file.write_text('model = "cnn"\nlr = 1\n\n[augmentation]\nrotate = 20\n', encoding="utf-8")
    assert read_config(file) == Config(model="cnn", lr=1.0, augmentation={"rotate": 20})


def test_round_trip(tmp_path: Path) -> None:
    """What is written must read back as the same settings, whole or as a diff."""
    config = Config(
        model="timm:resnet18", classes=("happy", "sad"), stages=(Stage("head-only", 2, 0.1), Stage("3", 4)), warmup=0.5,
        augmentation={"flip": 0.25}, weights='a "quoted" name', pretrained=True,
    )  # fmt: skip
    for only_changes in (False, True):
        file = tmp_path / f"{only_changes}.toml"
        file.write_text(to_toml(config, only_changes=only_changes), encoding="utf-8")
        assert read_config(file) == config
    assert to_toml(Config(epochs=7), only_changes=True) == "epochs = 7\n"


@pytest.mark.parametrize("file", sorted((REPOSITORY / "runs").rglob("*.toml")), ids=lambda p: p.stem)
def test_files_of_runs(file: Path) -> None:
    """Every settings file in runs/ must be readable; those in runs/sets are recipes for several data sets."""
    read_recipe(file) if file.parent.name == "sets" else read_config(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "Unknown setting 'epoch'. Did you mean 'epochs'?"),
        ('epochs = "three"', "'epochs' must be a whole number, got 'three'"),
        ("epochs = true", "'epochs' must be a whole number, got True"),
        ("epochs = 0", "'epochs' must lie in 1"),
        ("lr = inf", "'lr' must lie in"),
        ("sample = -1", "'sample' must be 0 or more, got -1"),
        ("size = 3", "or at least 8 pixels, got 3"),
        ('schedule = "cosin"', "Did you mean 'cosine'?"),
        ('freeze = "some"', "how many of the last layers"),
        ("classes = [1, 2]", "list of names"),
        ("stages = 3", "list of tables"),
        ("[[stages]]\nepochs = 0", "A stage needs epochs"),
        ("[[stages]]\nepoch = 1", "Did you mean 'epochs'?"),
        ("augmentation = 3", "must be a table"),
        ("epochs = ", "is not TOML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    """A mistake in a file must be named, with the nearest known key where one is near."""
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(OptionError) as caught:
        read_config(file)
    assert message in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(OptionError, match="Cannot read the settings"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "plateau", "patience": 10, "epochs": 10},
        {"schedule": "plateau", "patience": 5, "epochs": 50, "early_stop": 5},
    ],
)
def test_schedule_that_never_steps(settings: dict[str, object]) -> None:
    """A schedule that could never change the rate within the run must be refused."""
    with pytest.raises(OptionError, match="would never step"):
        from_mapping(settings, "test")


def test_cosine() -> None:
    """Cosine: a linear rise over the warm-up, half of the peak half-way down, nothing at the end."""
    config = Config(epochs=12, warmup=2, lr=0.4)
    assert learning_rate(config, 1.0) == pytest.approx(0.5, abs=1e-3)
    assert learning_rate(config, 2.0) == pytest.approx(1.0)
    assert learning_rate(config, 7.0) == pytest.approx(0.5)
    assert learning_rate(config, 12.0) == pytest.approx(0.0)


def test_warmup_of_a_short_run() -> None:
    """A warm-up that would fill a short run takes half of it, so that `--epochs 1` trains."""
    config = Config(epochs=1, warmup=1)
    assert learning_rate(config, 0.25) == pytest.approx(0.5, abs=3e-3)
    assert learning_rate(config, 0.5) == pytest.approx(1.0)
    assert learning_rate(config, 1.0) == pytest.approx(0.0)


def test_stages_have_their_own_rate() -> None:
    """Stages: each runs through its own schedule with its own peak, as a share of the run's rate."""
    config = Config(lr=0.1, warmup=0.0, stages=(Stage("head-only", 2, 0.01), Stage("none", 4)))
    assert config.total_epochs == 6
    assert learning_rate(config, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 1.0) == pytest.approx(0.05)
    assert learning_rate(config, 2.0) == pytest.approx(1.0)
    assert learning_rate(config, 4.0) == pytest.approx(0.5)


def test_one_cycle() -> None:
    """One-cycle: the peak after a third of the run."""
    config = dataclasses.replace(Config(), schedule="one-cycle", epochs=30)
    rates = [learning_rate(config, e) for e in range(31)]
    assert max(rates) == pytest.approx(rates[10])
    assert rates[0] < 0.01
    assert rates[30] == pytest.approx(0.0)
