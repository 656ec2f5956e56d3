"""A finished run as one model file of the wanted precision, with what that costs."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.contract import ModelInfo
from mien.core.errors import OptionError, OutputError, TrainError, unknown_name
from mien.core.files import atomic_path
from mien.data.manifest import Manifest
from mien.evaluate.judge import judge
from mien.infer.classify import load_classifier
from mien.learn.coreml import MLPACKAGE, export_coreml
from mien.learn.export import export, read_info, rewrite_info
from mien.learn.finish import file_name, judge_file, model_info, threshold_of
from mien.learn.leaks import prepared, split_for_training
from mien.learn.litert import TFLITE, export_litert
from mien.learn.models import Network
from mien.learn.quantize import CALIBRATION_CROPS, quantize
from mien.learn.runfolder import CONFIG, RECORD, read_json
from mien.learn.saved import load_network
from mien.learn.settings import read_config

__all__ = ["MOBILE", "Converted", "convert", "set_threshold"]

MOBILE: dict[str, Callable[[Network, str, ModelInfo, Path], float | None]] = {
    MLPACKAGE: export_coreml,
    TFLITE: export_litert,
}
"""What writes a model for telephones, by the suffix of the target; gives the largest difference to torch, if seen."""


@dataclass(frozen=True)
class Converted:
    """What was written.

    Args:
        path: the file.
        bytes: its size.
        parity: largest difference of a probability between torch and the float32 file; None: cannot run here.
        before: figures of the float32 file on the validation split (int8 only).
        after: figures of the int8 file (int8 only).

    """

    path: Path
    bytes: int
    parity: float | None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


def convert(
    run: Path | str,
    target: Path | str,
    *,
    head: str = "",
    manifest: Manifest | None = None,
    crops: int = CALIBRATION_CROPS,
    name: str = "",
    licence: str = "",
) -> Converted:
    """Write a head of a run's network as a model file; with a data set in 8 bit, else in float32.

    Args:
        run: folder of a finished run.
        target: the .onnx file; or a folder .mlpackage for Core ML, a .tflite file, which are in float32 always.
        head: name of the head; "" takes the first.
        manifest: the data set of the run, for int8: training crops set the ranges, the validation split judges.
        crops: how many training crops set the ranges.
        name: what the model is called; "" takes the run's name.
        licence: SPDX name of the weights' licence; "" takes what the run states.

    Raises:
        TrainError: the folder is not a finished run, or the data are not those of the run.
        OptionError: the run has no such head, a kind for telephones is wanted in 8 bit, or litert-torch is not there.
        OutputError: the file cannot be written.
        MissingExtraError: Core ML is wanted, and coremltools is not installed.

    """
    run, target = Path(run), Path(target)
    if target.suffix not in (".onnx", *MOBILE):
        raise OutputError(f"A model file ends in .onnx, one for telephones in {' or '.join(MOBILE)}, got {target}.")
    if target.suffix in MOBILE and manifest is not None:
        raise OptionError(f"8 bit is for .onnx files; leave it out for {target.suffix}, or write an .onnx file.")
    network, card = load_network(run)
    head = head or card.first_head
    if head not in card.heads:
        raise OptionError(unknown_name("head", head, card.heads))
    record = read_json(run / RECORD)
    info = model_info(card, head, record["data"], run.name, licence or read_config(run / CONFIG).license)
    info = dataclasses.replace(info, name=name or info.name)
    written = run / file_name(card, head)
    if written.is_file():
        judged = read_info(written)
        info = dataclasses.replace(
            info, metrics=judged.metrics, created=judged.created, uncertain_below=judged.uncertain_below
        )
    if target.suffix in MOBILE:
        seen = MOBILE[target.suffix](network, head, info, target)
        files = [target] if target.is_file() else [path for path in target.rglob("*") if path.is_file()]
        return Converted(target, sum(file.stat().st_size for file in files), seen)
    if manifest is None:
        parity = export(network, head, info, target)
        return Converted(target, target.stat().st_size, parity)
    manifest = _data_of(run, manifest, record)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "fp32.onnx"
        parity = export(network, head, info, whole)
        before = judge_file(whole, manifest, "validation", Path(folder) / "before.json")
        training = split_for_training(manifest).train
        rows = np.random.default_rng(0).permutation(len(training))[:crops]
        with atomic_path(target) as temporary:
            quantize(whole, temporary, training.crops(rows, card.crop.size, card.crop.color))
            after = judge_file(temporary, manifest, "validation", Path(folder) / "after.json")
    return Converted(target, target.stat().st_size, parity, before, after)


def _data_of(run: Path, manifest: Manifest, record: dict[str, Any]) -> Manifest:
    """The data set with the classes of the run.

    Raises:
        TrainError: other data than the run was trained on.

    """
    manifest = prepared(manifest, read_config(run / CONFIG), run)
    if manifest.digest != record["data"]["sha256"]:
        raise TrainError(f"{manifest.source} is not the data set that {run} was trained on; name that one with --data.")
    return manifest


def set_threshold(model: Path | str, target: Path | str, manifest: Manifest) -> float:
    """Copy a model file with the threshold of uncertain readings that suits a validation split; gives the threshold.

    Raises:
        ModelError: the file is not a model of this project.
        DataError: the data have no validation split.
        OutputError: the file cannot be written.

    """
    threshold = threshold_of(judge(load_classifier(model), manifest, split="validation", bootstrap=0)).value
    rewrite_info(model, target, uncertain_below=threshold)
    return threshold


def as_json(converted: Converted) -> str:
    """One line for machines."""
    body = dataclasses.asdict(converted) | {"path": str(converted.path)}
    return json.dumps(body, ensure_ascii=False, allow_nan=False)
