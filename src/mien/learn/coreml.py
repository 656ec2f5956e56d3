"""A trained network for Apple's Core ML: an .mlpackage of the kind mlprogram, by coremltools (extra mobile).

The package can be written anywhere; only macOS and iOS run it, so only there is it compared with torch.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien.core.contract import INPUT_NAME, METADATA_KEY, ModelInfo
from mien.core.errors import MissingExtraError, ModelError, OutputError
from mien.core.files import make_folder
from mien.learn.export import ModelFileNet, refuse_gap
from mien.learn.hush import errors_only
from mien.learn.models import Network

__all__ = ["LABEL_NAME", "MLPACKAGE", "PROBABILITIES_NAME", "export_coreml"]

MLPACKAGE = ".mlpackage"
LABEL_NAME = "expression"
"""Output with the most probable label."""
PROBABILITIES_NAME = f"{LABEL_NAME}_probs"
"""Output with all labels and their probabilities, as coremltools names it."""

PARITY = 1e-3
"""Largest difference of a probability between torch and Core ML in float32."""
_SEEN = 3  # random crops that are compared


class CoreNet(ModelFileNet):
    """What the package computes: what a model file does, from planes as Core ML hands a picture over."""

    def forward(self, crops: Tensor) -> Tensor:
        """Planes (1, C, S, S) in 0..255 -> probabilities (1, K)."""
        return self.probabilities(self.network.from_planes(self.network.normalise(crops)))


def export_coreml(network: Network, head: str, info: ModelInfo, target: Path) -> float | None:
    """Write one head of a network as an .mlpackage.

    Its input is a picture, `crops`, grey or in colour, S x S pixels; its outputs are those of a classifier: the label
    and the probability of every label. The arithmetic is float32: normalisation squares pixel values, which
    16 bits do not hold. The metadata of mien lie under the key `mien`, as in an .onnx file.

    Args:
        network: on any device; left as it was.
        head: name of the head.
        info: metadata; its temperature goes into the network.
        target: the package, which must not exist yet.

    Returns:
        The largest difference to torch that was seen; None where Core ML cannot run.

    Raises:
        MissingExtraError: coremltools is not installed.
        OutputError: the target is there already, or cannot be written.
        ModelError: Core ML and torch do not agree to `PARITY`, or coremltools cannot convert the network.

    """
    if target.exists():
        raise OutputError(f"{target} is there already; name a new package.")
    net = CoreNet(network, head, info.temperature).cpu().eval()
    channels = 1 if info.crop.color == "gray" else 3
    shape = (1, channels, info.crop.size, info.crop.size)
    with _quiet():
        model = _converted(net, shape, info)
    _describe(model, info)
    gap = _gap(model, net, info, shape) if sys.platform == "darwin" else None
    if gap is not None:
        refuse_gap("Core ML", gap, PARITY)
    make_folder(target.parent)
    new = target.with_name(f".{secrets.token_hex(4)}{MLPACKAGE}")
    try:
        model.save(str(new))
        new.rename(target)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return gap


def _converted(net: CoreNet, shape: tuple[int, ...], info: ModelInfo) -> Any:
    try:
        import coremltools
    except ImportError as error:
        raise MissingExtraError("Writing a model for Core ML", "coremltools", "mobile") from error
    layout = coremltools.colorlayout.GRAYSCALE if shape[1] == 1 else coremltools.colorlayout.RGB
    example = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 255
    try:
        return coremltools.convert(
            torch.jit.trace(net, example),
            convert_to="mlprogram",
            inputs=[coremltools.ImageType(name=INPUT_NAME, shape=shape, color_layout=layout)],
            classifier_config=coremltools.ClassifierConfig(list(info.labels), predicted_feature_name=LABEL_NAME),
            compute_precision=coremltools.precision.FLOAT32,
            minimum_deployment_target=coremltools.target.iOS16,
            skip_model_load=sys.platform != "darwin",
        )
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"coremltools cannot convert this network ({reason}); write an .onnx file.") from error


def _describe(model: Any, info: ModelInfo) -> None:
    model.author = "mien"
    model.license = info.license
    model.short_description = f"{info.name}: facial expressions. They say how a face looks, not what a person feels."
    side, margin = info.crop.size, info.crop.margin
    model.input_description[INPUT_NAME] = f"A face: {side} x {side} pixels, {margin:g} times its box."
    model.user_defined_metadata[METADATA_KEY] = info.to_json()


def _gap(model: Any, net: CoreNet, info: ModelInfo, shape: tuple[int, ...]) -> float:
    """Largest difference of a probability on random crops."""
    from PIL import Image

    rng, worst = np.random.default_rng(0), 0.0
    for _ in range(_SEEN):
        crop = rng.integers(0, 256, (*shape[2:], shape[1]), np.uint8)
        picture = Image.fromarray(crop[..., 0] if shape[1] == 1 else crop)
        told = model.predict({INPUT_NAME: picture})[PROBABILITIES_NAME]
        with torch.no_grad():
            wanted = net(torch.from_numpy(crop.transpose(2, 0, 1)[None].astype(np.float32)))[0].tolist()
        worst = max(worst, *(abs(told[name] - value) for name, value in zip(info.labels, wanted, strict=True)))
    return worst


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars, and without what coremltools says of versions that it was not tested with."""
    with errors_only("coremltools"), contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
