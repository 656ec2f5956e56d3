"""Cross-validation: a run for every fold, and what they come to together.

Every fold is an ordinary run in a folder of its own, so it can be stopped, resumed and finished as one. Its figures are
those of its model file on the fold that it did not see, not even to choose the epoch.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.core.errors import OptionError, TrainError
from mien.core.files import atomic_write, make_folder
from mien.data.folds import Folds, write_folds
from mien.data.manifest import Manifest
from mien.evaluate.crossfold import FOLDS_FORMAT, TESTED, fold_folder, pooled_evaluation
from mien.evaluate.facts import model_facts
from mien.evaluate.judge import judge
from mien.evaluate.predictions import PREDICTIONS_NAME, write_predictions
from mien.evaluate.records import write_evaluation
from mien.infer.classify import load_classifier
from mien.learn.checkpoints import load_state
from mien.learn.config import Config
from mien.learn.finish import headline
from mien.learn.folds_report import write_folds_report
from mien.learn.leaks import folds_of
from mien.learn.progress import Watch
from mien.learn.runfolder import BEST, CONFIG, FOLDS_FILE, LAST, RECORD, read_json, refuse_existing, write_json
from mien.learn.settings import to_toml
from mien.learn.train import finish_run, resolve, saved_config, train

__all__ = ["FoldsOutcome", "finish_folds", "seconds_of_folds", "train_folds"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class FoldsOutcome:
    """What a cross-validation came to.

    Args:
        run: its folder.
        folds: number of folds.
        done: numbers of those that are complete, from 1.
        results: figure -> (mean, deviation or None) over these; empty where none is complete.
        pooled: figures of all their pictures together.
        stopped: the signal that ended it before its time, or 0.

    """

    run: Path
    folds: int
    done: tuple[int, ...]
    results: dict[str, tuple[float, float | None]]
    pooled: dict[str, Any]
    stopped: int = 0


def train_folds(
    manifest: Manifest,
    config: Config,
    out: Path | str,
    *,
    resume: bool = False,
    say: Say = lambda _text: None,
    watch: Watch = lambda _moment: None,
    since_s: float | None = None,
) -> FoldsOutcome:
    """Train a model for every fold and write the folder of the cross-validation.

    Args:
        manifest: the data set; pictures of its test split take no part.
        config: settings with `folds`; minutes are shared among the folds.
        out: the folder, which must not exist yet or be empty.
        resume: go on: folds that are complete stay, one that has begun goes on, the others follow.
        say: is given lines for a person.
        watch: is given the place inside an epoch.
        since_s: `time.monotonic` at which the minutes began, where that was before this call.

    Raises:
        TrainError, OptionError, OutputError: as `mien.learn.train.train`.
        DataError: there are too few pictures for so many folds.

    """
    begun_s = time.monotonic() if since_s is None else since_s
    run, config = Path(out), resolve(config)
    if config.devices > 1 or config.nodes > 1:
        raise OptionError("Cross-validation takes one device; train single folds with --set fold=1 on each.")
    config = dataclasses.replace(config, devices=1)
    manifest = manifest.with_labels(config.classes) if config.classes else manifest
    if not resume:
        refuse_existing(run)
    folds = folds_of(manifest, config, run, say)
    record = _opened(run, config, folds, resume)
    stopped, before_s = 0, float(record["spent_s"])
    start_s = time.monotonic()
    for fold in range(1, config.folds + 1):
        if fold in record["done"]:
            continue
        left = config.folds - len(record["done"])
        say(f"Fold {fold} of {config.folds}.")
        part = _for_fold(config, fold, run, (config.minutes * 60 - (time.monotonic() - begun_s)) / left)
        stopped = _trained(manifest, part, run, record, say, watch)
        record["spent_s"] = before_s + time.monotonic() - start_s
        write_json(run / RECORD, record)
        if stopped:
            break
        _judge(folds, fold, run, record, say)
    return _together(run, record, folds, stopped)


def finish_folds(manifest: Manifest, out: Path | str, *, say: Say = lambda _text: None) -> FoldsOutcome:
    """Make a model of the fold that was under way when a cross-validation was stopped, and sum up those that there are.

    Raises:
        TrainError: no fold has a complete epoch, or the data are others.

    """
    run = Path(out)
    config, record = saved_config(run), read_json(run / RECORD)
    manifest = manifest.with_labels(config.classes) if config.classes else manifest
    folds = folds_of(manifest, config, run)
    for fold in range(1, config.folds + 1):
        if fold not in record["done"] and (fold_folder(run, fold) / BEST).is_file():
            finish_run(manifest, fold_folder(run, fold), say=say)
            _judge(folds, fold, run, record, say)
    if not record["done"]:
        raise TrainError(f"No epoch of any fold in {run} is complete, so nothing can be finished; go on with --resume.")
    return _together(run, record, folds, 0)


def seconds_of_folds(run: Path | str) -> float:
    """Seconds that a cross-validation took so far."""
    record = read_json(Path(run) / RECORD)
    last = [fold_folder(Path(run), fold) / LAST for fold in range(1, record["folds"] + 1) if fold not in record["done"]]
    unsaved = sum(row["seconds"] for path in last if path.is_file() for row in load_state(path)["mien_history"])
    return float(max(record["spent_s"], sum(r["seconds"] for r in record["results"].values()) + unsaved))


def _opened(run: Path, config: Config, folds: Folds, resume: bool) -> dict[str, Any]:
    """The record of a new cross-validation, whose folder is made, or of the one to go on with."""
    sha256 = folds.manifest.digest
    if resume:
        record = read_json(run / RECORD)
        if record["data"]["sha256"] != sha256:
            raise TrainError(f"The data have changed since {run} was started; train into a new folder.")
        return record
    make_folder(run)
    write_folds(run / FOLDS_FILE, folds)
    with atomic_write(run / CONFIG, "w") as file:
        file.write(to_toml(config))
    record = {
        "format": FOLDS_FORMAT,
        "state": "started",
        "model": config.model,
        "folds": config.folds,
        "data": {"source": folds.manifest.source, "sha256": sha256, "pictures": len(folds.manifest)},
        "done": [],
        "results": {},
        "interrupted": 0,
        "spent_s": 0.0,
    }
    write_json(run / RECORD, record)
    return record


def _for_fold(config: Config, fold: int, run: Path, seconds: float) -> Config:
    """Settings of one fold; those that it began with, where it has begun."""
    minutes = max(seconds / 60, 0.01) if config.minutes else 0.0
    part = fold_folder(run, fold)
    base = saved_config(part) if (part / RECORD).is_file() else dataclasses.replace(config, fold=fold)
    return dataclasses.replace(base, minutes=minutes)


def _trained(manifest: Manifest, config: Config, run: Path, record: dict[str, Any], say: Say, watch: Watch) -> int:
    """Train one fold, unless it is finished already; gives the signal that stopped it, or 0."""
    part = fold_folder(run, config.fold)
    begun = (part / RECORD).is_file()
    if begun and read_json(part / RECORD)["state"] == "finished" and record["interrupted"] != config.fold:
        return 0
    outcome = train(manifest, config, part, resume=begun, say=say, watch=watch)
    record["interrupted"] = config.fold if outcome.stopped else 0
    return outcome.stopped


def _judge(folds: Folds, fold: int, run: Path, record: dict[str, Any], say: Say) -> None:
    """Judge a fold's model file on the pictures that it did not see, and put the figures into the record."""
    part = fold_folder(run, fold)
    manifest = folds.splits(fold - 1)
    classifier = load_classifier(part)
    evaluation = judge(classifier, manifest, split="test", model=model_facts(classifier))
    folder = make_folder(part / TESTED)
    body = evaluation.to_dict()
    write_evaluation(folder / f"{TESTED}.json", body)
    judged = manifest.of_split("test").select(evaluation.task.rows)
    write_predictions(
        folder / PREDICTIONS_NAME, judged, evaluation.label, evaluation.probabilities, evaluation.task.names,
        classifier.info.uncertain_below,
    )  # fmt: skip
    own = read_json(part / RECORD)
    figures = headline(body["figures"])
    record["results"][str(fold)] = {
        **figures,
        "trained_on": own["data"]["trained_on"],
        "epochs": own["epochs"],
        "best_epoch": own["best_epoch"],
        "seconds": own["seconds"],
    }
    record["done"] = sorted({*record["done"], fold})
    write_json(run / RECORD, record)
    accuracy, f1 = figures["accuracy"], figures["macro_f1"]
    say(f"Fold {fold} of {record['folds']}: test accuracy {accuracy:.4f}, macro-F1 {f1:.4f}.")


def _together(run: Path, record: dict[str, Any], folds: Folds, stopped: int) -> FoldsOutcome:
    """Sum up the folds that are complete: evaluation, record, report."""
    done: Sequence[int] = record["done"]
    if not done:
        return FoldsOutcome(run, record["folds"], (), {}, {}, stopped)
    people = folds.manifest.subject
    known = {} if people is None else {
        int(row): str(who) for row, who in zip(folds.manifest.rows, people, strict=True) if who
    }  # fmt: skip
    body = pooled_evaluation(run, done, record["data"], known)
    results = write_folds_report(run, record, body, saved_config(run), people=len(set(known.values())))
    return FoldsOutcome(run, record["folds"], tuple(done), results, body["figures"], stopped)
