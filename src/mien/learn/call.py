"""`mien.train`: a data set in, a model out, in one call. torch is loaded when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.core.errors import MissingExtraError
from mien.data import read
from mien.data.carve import refuse_without_validation
from mien.data.formats import refuse_inside
from mien.learn.runfolder import refuse_existing
from mien.learn.settings import config_from
from mien.learn.teaching import photographs, taught

__all__ = ["Trained", "train"]


@dataclass(frozen=True)
class Trained:
    """What `mien.train` made.

    Args:
        model: the model file; `mien.analyze(picture, model=result.model)` reads pictures with it.
        run: the folder with everything about the run; `model` lies in it.
        report: the page about the run.
        labels: the model's labels, in the order of its outputs.
        epochs: epochs that were run.
        best_epoch: the one that was kept.
        figures: measured on the validation split with the model file: `n`, `accuracy`, `macro_f1`,
            `balanced_accuracy` (shares in 0..1), `log_loss` (nats), `ece`.
        stopped: whether Ctrl-C or SIGTERM ended it early; the model is that of the best epoch until then.

    """

    model: Path
    run: Path
    report: Path
    labels: tuple[str, ...]
    epochs: int
    best_epoch: int
    figures: Mapping[str, Any]
    stopped: bool = False


def train(
    source: str | Path,
    out: str | Path,
    *,
    weights: str | Path = "",
    classes: Sequence[str] = (),
    epochs: int | None = None,
    minutes: float | None = None,
    validation: float | None = None,
    license: str = "",
    seed: int = 0,
    say: Callable[[str], None] = print,
    **settings: Any,
) -> Trained:
    """Train a model on a data set, or teach one that is trained already other classes.

    Args:
        source: a data set in any layout that `mien.data.read` reads, such as a folder with a folder of face crops for
            each class.
        out: folder of the run, which must not exist yet or be empty.
        weights: trained weights to start from: "wild", "fer2013", or the folder of a run. Then the settings for
            fine-tuning hold (docs/teaching.md), but for those that are named here. "" trains from nothing.
        classes: keep only these classes; empty keeps all.
        epochs: length of the run; None takes 60, or 8 for fine-tuning.
        minutes: time for the whole run instead of `epochs`.
        validation: share of the training pictures, 0..0.5, that is taken out to choose by, where the data have no
            validation split; None takes none out, or a fifth (a tenth from 2,000 pictures) for fine-tuning.
        license: licence of the weights for the model file, an SPDX name; "" leaves it unstated.
        seed: the same seed on the same machine gives the same model.
        say: is given lines of progress; `lambda line: None` keeps it quiet.
        settings: any other setting of docs/training.md, by its name: `lr=0.01`, `batch_size=32`, `model="mien-s"`.

    Returns:
        Paths of the model and its report, and its figures on the validation split.

    Raises:
        MissingExtraError: the extra `train` is not installed.
        DataError: the data set cannot be read, or has no validation split and none is taken out.
        OptionError: an unknown setting, or values that do not fit.
        TrainError: the data cannot be trained on, or the training diverged.
        OutputError: the folder holds something already, or cannot be written.

    """
    values = dict(settings) | {"seed": seed}
    given = {
        "weights": str(weights), "classes": tuple(classes), "epochs": epochs, "minutes": minutes,
        "validation": None if validation is None else float(validation), "license": license,
    }  # fmt: skip
    values |= {name: value for name, value in given.items() if value not in (None, "", ())}
    layers = [(values, "mien.train")]
    config = config_from(layers)
    refuse_existing(out)
    refuse_inside(Path(out), Path(source))
    config, text = taught(layers, read(source, labels=config.labels, subject=config.subject, check=False))
    try:
        from mien.learn.train import train as run
    except ModuleNotFoundError as error:
        raise MissingExtraError("Training", error.name or "torch", "train") from error
    manifest = read(source, labels=config.labels, subject=config.subject)
    refuse_without_validation(manifest, config.validation)
    for line in (photographs(manifest), text):
        if line:
            say(line)
    outcome = run(manifest, config, out, say=say)
    return _trained(outcome.run, outcome.epochs, outcome.best_epoch, outcome.validation, bool(outcome.stopped))


def _trained(run: Path, epochs: int, best: int, figures: Mapping[str, Any], stopped: bool) -> Trained:
    from mien.infer.classify import load_classifier

    model = run / "model.onnx"
    return Trained(model, run, run / "report.html", load_classifier(model).labels, epochs, best, figures, stopped)
