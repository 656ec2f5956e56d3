"""What follows the loop: the best epoch's weights, calibration, model files, their judgement, and the report.

Every figure that a run reports is measured on the model file that it leaves.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from mien.core.contract import NOT_STATED, Color, CropSpec, ModelInfo
from mien.core.errors import TrainError
from mien.core.files import make_folder
from mien.core.labels import LabelSet
from mien.data.cut import LEAST_TILT
from mien.data.manifest import Manifest
from mien.evaluate.facts import model_facts
from mien.evaluate.judge import Evaluation, judge, split_of
from mien.evaluate.predictions import PREDICTIONS_NAME, write_predictions
from mien.evaluate.records import write_evaluation
from mien.evaluate.text_report import TEXT_NAME, write_text
from mien.evaluate.threshold import Threshold, choose_threshold
from mien.infer.classify import load_classifier
from mien.learn.calibration import TEMPERATURE, calibrate
from mien.learn.checkpoints import load_state
from mien.learn.config import Config
from mien.learn.errors_shown import gallery_of
from mien.learn.export import export, rewrite_info
from mien.learn.models import Network
from mien.learn.report import write_run_report
from mien.learn.runfolder import BEST, RECORD, WEIGHTS, write_json
from mien.learn.saved import ModelCard
from mien.learn.targets import Head
from mien.learn.weights import mix_weights, save_weights

__all__ = ["LEAST_TILT", "finish", "headline", "judge_file", "model_info", "split_logits", "threshold_of"]


def finish(
    run: Path,
    network: Network,
    history: Sequence[Mapping[str, float]],
    manifest: Manifest,
    heads: Sequence[Head],
    *,
    config: Config,
    record: dict[str, Any],
) -> tuple[int, int, dict[str, Any]]:
    """Everything after the last epoch; gives the epochs, the best one, and the figures on the validation split.

    Args:
        run: the run folder, with `best.ckpt`.
        network: of the run's settings; takes the weights of the best epoch.
        history: figures of all epochs.
        manifest: the whole data set.
        heads: targets of the validation split.
        config: settings.
        record: what run.json says so far.

    """
    best_epoch = _load_best(run, network, averaged=config.ema > 0)
    if config.keep_start:
        mix_weights(network, config.weights, config.keep_start)
    color = cast(Color, config.color)
    spec = CropSpec(size=config.size, margin=config.margin, color=color, shift_y=config.shift_y)
    validation = manifest.of_split("validation")
    logits = split_logits(network, validation, spec, "cuda" if _has_gpu(config) else "cpu")
    temperatures, methods = calibrate(network, heads, logits)
    card = ModelCard(
        model=config.model,
        heads={head.name: head.labels.names for head in heads},
        crop=spec,
        temperatures=temperatures,
        calibration=methods,
    )
    save_weights(network, run / WEIGHTS)
    card.write(run)
    figures, parity, gallery = {}, {}, ""
    for head in heads:
        info = model_info(card, head.name, record["data"], run.name, config.license)
        target = run / file_name(card, head.name)
        parity[head.name] = export(network, head.name, info, target)
        judged = judge_model(target, manifest, "validation", run / "evaluation" / evaluation_name(card, head.name))
        figures[head.name] = judged.figures
        if config.report_pictures and head.name == card.first_head:
            gallery = gallery_of(network, head.name, judged.evaluation, validation, load_classifier(target))
    record |= {
        "state": "finished",
        "epochs": len(history),
        "planned_epochs": config.total_epochs,
        "best_epoch": best_epoch,
        "chosen_by": f"{config.monitor} on the validation split",
        "temperatures": dict(card.temperatures),
        "calibration": dict(card.calibration),
        "largest_difference_to_torch": parity,
        "validation": figures,
    }
    write_json(run / RECORD, record)
    write_run_report(run, record, config, gallery)
    return len(history), best_epoch, figures[card.first_head]


def _load_best(run: Path, network: Network, *, averaged: bool) -> int:
    """Give a network the weights of the best epoch, on the processor; gives the epoch."""
    if not (run / BEST).is_file():
        raise TrainError(f"{run} has no checkpoint of a best epoch: none is complete. Go on with mien train --resume.")
    state = load_state(run / BEST)
    prefix = "average." if averaged else "network."
    weights = {k.removeprefix(prefix): v for k, v in state["state_dict"].items() if k.startswith(prefix)}
    network.cpu().load_state_dict(weights)
    network.requires_grad_(False).eval()
    return int(state["mien_history"][-1]["epoch"])


def _has_gpu(config: Config) -> bool:
    return config.device in {"auto", "gpu"} and torch.cuda.is_available()


@torch.no_grad()
def split_logits(
    network: Network, manifest: Manifest, spec: CropSpec, device: str = "cpu"
) -> dict[str, NDArray[np.float32]]:
    """Logits (N, K) of every head for all pictures of a manifest; the network comes back to the processor."""
    network.to(device)
    parts: dict[str, list[NDArray[np.float32]]] = {}
    for start in range(0, len(manifest), 256):
        rows = np.arange(start, min(start + 256, len(manifest)))
        crops = torch.from_numpy(manifest.crops(rows, spec.size, spec.color)).to(device)
        for name, logits in network(crops).items():
            parts.setdefault(name, []).append(logits.cpu().numpy())
    network.cpu()
    return {name: np.concatenate(blocks) for name, blocks in parts.items()}


def file_name(card: ModelCard, head: str) -> str:
    """Name of a head's model file in the run folder."""
    return "model.onnx" if head == card.first_head else f"model-{head}.onnx"


def evaluation_name(card: ModelCard, head: str) -> str:
    """Name of the judgement of a head's model file."""
    return "validation.json" if head == card.first_head else f"validation-{head}.json"


def model_info(card: ModelCard, head: str, data: Mapping[str, Any], run: str, licence: str = "") -> ModelInfo:
    """Metadata of a head's model file: it bears the run's name, and no licence that nobody stated.

    Args:
        card: what `model.json` holds.
        head: name of the head; one that is not the first is named behind the run.
        data: what run.json says of the data.
        run: name of the run.
        licence: SPDX name, or "" where none was stated.

    """
    training = {
        "data": Path(str(data["source"])).name,
        "data_sha256": data["sha256"],
        "pictures": data["trained_on"],
        "architecture": card.model,
        "targets": "votes" if head == "votes" else "labels",
        "calibration": card.calibration.get(head, TEMPERATURE),
        "without": "pictures that occur in the validation or test split" if not data["leaks_kept"] else "nothing",
    }
    if head in data.get("class_counts", {}):  # runs of earlier versions did not count
        training["class_counts"] = dict(data["class_counts"][head])
    return ModelInfo(
        name=run if head == card.first_head else f"{run}-{head}",
        labels=LabelSet(card.heads[head]).names,
        crop=dataclasses.replace(card.crop, align="eyes", least_tilt=LEAST_TILT),
        temperature=card.temperatures[head],
        training=training,
        license=licence or NOT_STATED,
        created=time.strftime("%Y-%m-%d", time.gmtime()),
    )


class Judged(NamedTuple):
    """The judgement of a model file: what goes into its metadata, and the whole."""

    figures: dict[str, Any]
    evaluation: Evaluation


def judge_file(model: Path, manifest: Manifest, split: str, target: Path) -> dict[str, Any]:
    """As `judge_model`; gives the figures alone."""
    return judge_model(model, manifest, split, target).figures


def judge_model(model: Path, manifest: Manifest, split: str, target: Path) -> Judged:
    """Judge a model file, write the evaluation, put the figures with their protocol into the metadata.

    The validation split also sets the confidence below which the model's readings are uncertain. Beside the evaluation
    lie the prediction of every picture and the classification report.
    """
    classifier = load_classifier(model)
    evaluation = judge(classifier, manifest, split=split)
    figures = headline(evaluation.to_dict()["figures"])
    protocol = f"{evaluation.data['protocol']}, {split} split, single view"
    metrics = {**classifier.info.metrics, split: {**figures, "protocol": protocol}}
    chosen = threshold_of(evaluation) if split == "validation" else None
    threshold = chosen.value if chosen else classifier.info.uncertain_below
    rewrite_info(model, metrics=metrics, uncertain_below=threshold)
    body = dataclasses.replace(evaluation, model=model_facts(load_classifier(model))).to_dict()
    if chosen:
        body["coverage"]["uncertain"] |= {"interval": list(chosen.interval), "n": chosen.n}
    make_folder(target.parent)
    write_evaluation(target, body)
    mark = target.stem.removeprefix(split) if target.stem.startswith(split) else f"-{target.stem}"  # "-votes"
    write_text(_marked(target, TEXT_NAME, mark), body["figures"])
    judged = split_of(manifest, split).select(evaluation.task.rows)
    p = evaluation.probabilities
    write_predictions(
        _marked(target, PREDICTIONS_NAME, mark), judged, evaluation.label, p, evaluation.task.names, threshold
    )
    return Judged(figures, evaluation)


def _marked(beside: Path, name: str, mark: str) -> Path:
    return beside.with_name(f"{Path(name).stem}{mark}{Path(name).suffix}")


def threshold_of(evaluation: Evaluation) -> Threshold:
    """The confidence below which readings are uncertain, from a judgement of the validation split."""
    p = evaluation.probabilities
    return choose_threshold(p.max(axis=1), p.argmax(axis=1) == evaluation.label, classes=p.shape[1])


def headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that go into metadata and tables, from those of an evaluation."""
    return {key: figures[key] for key in ("n", "accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece")}
