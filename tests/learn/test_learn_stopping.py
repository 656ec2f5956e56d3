"""A run that is stopped leaves a model, or is one command away from it; and it goes on by the rule in the docs."""

from __future__ import annotations

import csv
import dataclasses
import json
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from stopping_worlds import epochs_done, started, stopped, wait_for

from mien.app.commands.train import _resumed, command
from mien.core.errors import MienError, OptionError, TrainError
from mien.data.convert import convert
from mien.data.manifest import Manifest
from mien.infer.classify import load_classifier
from mien.learn.config import Config, Stage
from mien.learn.pace import Pace, learning_rate
from mien.learn.train import finish_run, network_for, saved_config, train


@pytest.fixture(scope="module")
def source(drawn: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn data set as folders."""
    out = tmp_path_factory.mktemp("sets") / "drawn"
    convert(drawn, out, "folders")
    return out


def column(run: Path, name: str) -> list[float]:
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("number", "after", "status"), [(signal.SIGINT, 2, 130), (signal.SIGTERM, 0, 143)])
def test_a_signal_finishes_the_run(source: Path, tmp_path: Path, number: int, after: int, status: int) -> None:
    """Ctrl-C and SIGTERM leave a judged model of the best epoch so far, also in the first epoch; the run can go on."""
    run = tmp_path / "run"
    process = started(run, source, "--epochs", 500)
    wait_for(process, (run / "tensorboard").is_dir)
    wait_for(process, lambda: epochs_done(run) >= after)
    code, out, err = stopped(process, number)

    assert code == status, err
    assert "Traceback" not in err
    assert "Once more ends at once" in err
    assert "validation accuracy" in out
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    assert after <= record["epochs"] < record["planned_epochs"] == 500
    assert load_classifier(run).info.name == "run"
    assert (run / "report.html").is_file()
    before = record["epochs"] if after else 0

    goes_on = CliRunner().invoke(command, ["--out", str(run), "--resume", "--epochs", str(before + 1)])
    assert goes_on.exit_code == 0, goes_on.exception
    assert column(run, "epoch") == [float(i + 1) for i in range(before + 1)]


def test_two_signals_end_at_once(source: Path, tmp_path: Path) -> None:
    """The second Ctrl-C does not wait for the model; --finish makes it afterwards, and changes no epoch."""
    run = tmp_path / "run"
    process = started(run, source, "--epochs", 500)
    wait_for(process, lambda: epochs_done(run) >= 1)
    process.send_signal(signal.SIGINT)
    wait_for(process, lambda: process.poll() is None)
    code, _, err = stopped(process, signal.SIGINT)
    assert code == 130, err
    assert "Traceback" not in err
    if not (run / "model.onnx").is_file():
        ended = CliRunner().invoke(command, ["--finish", str(run)])
        assert ended.exit_code == 0, ended.exception
    assert load_classifier(run).info.metrics["validation"]["n"] == 36


def test_a_killed_run_is_finished(source: Path, tmp_path: Path) -> None:
    """--finish makes the model that the best epoch so far gives; other options beside it are refused."""
    run = tmp_path / "run"
    process = started(run, source, "--epochs", 500)
    wait_for(process, lambda: epochs_done(run) >= 2 and (run / "checkpoints" / "last.ckpt").is_file())
    assert stopped(process, signal.SIGKILL)[0] == -signal.SIGKILL
    assert not (run / "model.onnx").exists()

    refused = CliRunner().invoke(command, ["--finish", str(run), "--lr", "1"])
    assert isinstance(refused.exception, OptionError)
    ended = CliRunner().invoke(command, ["--finish", str(run)])
    assert ended.exit_code == 0, ended.exception
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    accuracy = column(run, "validation_accuracy")[: record["epochs"]]
    assert record["best_epoch"] == accuracy.index(max(accuracy)) + 1


def test_nothing_to_finish(drawn: Manifest, tmp_path: Path) -> None:
    """Where no epoch is complete, or there is no run, a sentence says so."""
    with pytest.raises(TrainError, match="There is no run in"):
        finish_run(drawn, tmp_path)
    (tmp_path / "config.toml").write_text('model = "mien-xs"', encoding="utf-8")
    with pytest.raises(TrainError, match="go on with --resume"):
        finish_run(drawn, tmp_path)


def test_more_epochs(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A finished run goes on where the longer schedule has it; fewer epochs than it has are refused."""
    config = dataclasses.replace(tiny, targets="hard", epochs=2)
    train(drawn, config, tmp_path / "run")
    longer = dataclasses.replace(config, epochs=4)
    assert train(drawn, longer, tmp_path / "run", resume=True).epochs == 4
    rates = column(tmp_path / "run", "lr")
    assert rates[1] == pytest.approx(0, abs=1e-9)
    assert rates[2:] == pytest.approx([0.05 * learning_rate(longer, 3.0), 0.0], abs=1e-6)
    with pytest.raises(TrainError, match="4 epochs already, more than 3"):
        train(drawn, dataclasses.replace(config, epochs=3), tmp_path / "run", resume=True)


def test_minutes_end_a_run(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """A run with minutes counts its epochs out, says so, and ends by the clock with its rate at 0."""
    config = dataclasses.replace(tiny, targets="hard", minutes=0.02, epochs=60, precision="auto")
    said: list[str] = []
    outcome = train(drawn, config, tmp_path / "run", say=said.append)
    assert any("of training, about" in line and "too short" in line for line in said)
    assert outcome.validation["n"] == 36
    assert column(tmp_path / "run", "lr")[-1] == pytest.approx(0, abs=1e-4)


def test_more_epochs_of_a_staged_run(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """More epochs make the last stage longer; the one that is done stays as it was; fewer than its are refused."""
    stages = (Stage("head-only", 1, 0.05), Stage("none", 1))
    config = dataclasses.replace(tiny, targets="hard", stages=stages)
    train(drawn, config, tmp_path / "run")
    words = ["--out", str(tmp_path / "run"), "--resume", "--epochs"]
    longer, _ = _resumed(str(tmp_path / "run"), {"epochs": 3, "minutes": 0.0}, 0.0)
    assert [stage.epochs for stage in longer.stages] == [1, 2]
    assert train(drawn, longer, tmp_path / "run", resume=True).epochs == 3
    ended = CliRunner().invoke(command, [*words, "1"])
    assert "stages of 1 and 2 epochs" in str(ended.exception)


def test_stages_share_the_minutes(drawn: Manifest, tiny: Config, tmp_path: Path) -> None:
    """With minutes the head learns alone for its share of them, then all; a resumed run goes on in the last stage."""
    stages = (Stage("head-only", 1, 0.05), Stage("none", 1))
    config = dataclasses.replace(tiny, targets="hard", minutes=0.05, stages=stages, augment="none")
    run = tmp_path / "run"
    train(drawn, config, run)
    saved = saved_config(run)
    head, rest = (stage.epochs for stage in saved.stages)
    assert abs(head - rest) <= 1
    train(drawn, dataclasses.replace(saved, minutes=0.03), run, resume=True)
    assert saved_config(run).stages[0].epochs == head
    assert saved_config(run).stages[1].epochs > rest


def test_a_stage_ends_inside_an_epoch(drawn: Manifest, tiny: Config) -> None:
    """By the clock: the trunk is frozen until the middle of the time, then it learns, within the same epoch."""
    from mien.learn.clock import Clock
    from mien.learn.module import Expression
    from mien.learn.targets import heads_of

    time = _Time()
    config = dataclasses.replace(tiny, targets="hard", minutes=1.0, stages=(Stage("head-only", 1), Stage("none", 1)))
    heads = heads_of(drawn.of_split("validation"), "hard")
    network = network_for(config, heads)
    module = Expression(network, config, heads, pace=Pace(config, Clock(100, now=time)))
    trunk = next(network.trunk.parameters())
    module.on_train_epoch_start()
    assert not trunk.requires_grad
    time.now = 51.0
    module.on_train_batch_start({}, 5)
    assert trunk.requires_grad


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--minutes", "1", "--epochs", "3"], "give one of them"),
        (["--resume", "--minutes", "1", "--epochs", "3"], "give one of them"),
        (["--minutes", "1", "--schedule", "plateau"], "the whole schedule"),
        (["--resume", "--lr", "1"], "leave out --lr"),
    ],
)
def test_what_does_not_go_together(source: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    """Epochs and minutes exclude each other, and a resumed run keeps the rest of its settings."""
    ended = CliRunner().invoke(command, [str(source), "--out", str(tmp_path / "run"), *arguments])
    assert isinstance(ended.exception, MienError)
    assert message in str(ended.exception)
    assert not (tmp_path / "run").exists()


class _Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_place_by_the_clock() -> None:
    """By the clock, half the time is the middle of what is left; by steps, a resumed run begins where it was."""
    from mien.learn.clock import Clock

    time = _Time()
    timed = Pace(Config(epochs=10), Clock(100, now=time), begin=4.0)
    assert (timed.at(0), timed.over) == (4.0, False)
    time.now = 50.0
    assert (timed.at(0), timed.left_s(0, 1.0)) == (7.0, 50.0)
    time.now = 200.0
    assert (timed.at(0), timed.over) == (10.0, True)
    stepped = Pace(Config(epochs=10, size=48))
    stepped.steps_per_epoch = 8
    stepped.resume(3, 20)  # the third epoch was cut short by a clock
    assert stepped.at(24) == 3.5
    assert stepped.left_s(28, 10.0) == pytest.approx(60.0)
